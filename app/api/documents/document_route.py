"""A route for one document by its path: without a query, there is nothing for the framework to solve."""

from collections.abc import Callable, Coroutine
from inspect import signature
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.api.auth.requirements import Requirement

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_MAX_ID_LENGTH = 256
"""A longer identifier is for the framework to refuse."""


class DocumentRoute(APIRoute):
    """Calls the endpoint itself if a request has no query.

    Solving absent parameters takes as long as the rest of a read: without this, a read would cost more than
    1.5 bare ones. Requests with a query, and routes with other parameters, go the framework's way.
    """

    def get_route_handler(self) -> Handler:
        solved, endpoint = super().get_route_handler(), self.endpoint
        if not is_simple(self.dependant, endpoint):
            return solved
        requirements = [each.call for each in self.dependant.dependencies]
        (parameter,) = self.dependant.path_params

        async def handle(request: Request) -> Response:
            identifier = request.path_params[parameter.alias]
            if request.scope["query_string"] or len(identifier) > _MAX_ID_LENGTH:
                return await solved(request)
            for requirement in requirements:
                await requirement(request)  # type: ignore[misc]
            response = Response()
            del response.headers["content-length"]  # As the framework's: it is for headers only.
            answer: Response = await endpoint(request, response, identifier)
            return answer

        return handle


def is_simple(dependant: Dependant, endpoint: Callable[..., Any]) -> bool:
    """Whether an endpoint needs a request, a response and an identifier, and nothing else."""
    taken = signature(endpoint)
    more = (dependant.header_params, dependant.cookie_params, dependant.body_params)
    return (
        list(taken.parameters)[:2] == ["request", "response"]
        and [each.name for each in dependant.path_params] == list(taken.parameters)[2:3]
        and not any(more)
        and all(not each.field_info.is_required() for each in dependant.query_params)
        and all(isinstance(each.call, Requirement) for each in dependant.dependencies)
        and taken.return_annotation is Response
    )
