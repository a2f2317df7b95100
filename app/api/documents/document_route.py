"""A route for one document by its path: without a query, there is nothing for the framework to solve."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response

from app.api.auth.requirements import requires
from app.api.auth.roles import Role
from app.api.http.pages import MAX_ID_LENGTH
from app.api.http.router import Route

_requirement = requires(Role.READONLY)


class DocumentRoute(Route):
    """Calls the endpoint, which takes a request and an identifier, itself if a request has no query.

    Solving absent parameters takes as long as the rest of a read: without this, a read would cost more than
    1.5 bare ones. Requests with a query go the framework's way.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        solved, endpoint = super().get_route_handler(), self.endpoint
        (parameter,) = self.dependant.path_params

        async def handle(request: Request) -> Response:
            identifier = request.path_params[parameter.alias]
            if request.scope["query_string"] or len(identifier) > MAX_ID_LENGTH:
                return await solved(request)
            await _requirement(request)
            answer: Response = await endpoint(request, identifier)
            return answer

        return handle
