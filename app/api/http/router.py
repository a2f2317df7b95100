"""The routes of REST resources, and the router that makes them."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pymongo.errors import OperationFailure
from starlette.routing import Match
from starlette.types import Scope

from app.api.auth.requirements import requires
from app.api.auth.roles import Role
from app.api.http.etags import TAGGED
from app.api.http.problems import documented
from app.projections.engine.documents import CUT_OFF

T = TypeVar("T", bound=Callable[..., Any])

SLASH = "\0"
"""A slash inside an identifier, in a request's path. No identifier holds a NUL character."""
_MOST_SWAPS = 3


class Route(APIRoute):
    """A route whose identifiers may hold slashes, which RequestMiddleware has marked.

    A read that meets the swap of a rebuild is repeated, and finds the new collection.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As for any route, with the slashes back in the identifiers."""
        match, child = super().matches(scope)
        if SLASH in scope["path"] and "path_params" in child:
            named = child["path_params"].items()
            child["path_params"] = {name: value.replace(SLASH, "/") for name, value in named}
        return match, child

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of requests: a search may meet the swap of each collection that it reads."""
        handle = super().get_route_handler()

        async def handle_beside_swaps(request: Request) -> Response:
            for _ in range(_MOST_SWAPS if request.method in ("GET", "HEAD") else 0):
                try:
                    return await handle(request)
                except OperationFailure as error:
                    if error.code not in CUT_OFF:
                        raise
            return await handle(request)

        return handle_beside_swaps


class Router(APIRouter):
    """An operation's id is its function's name; answers leave out what is absent.

    All its routes take a token with the role ``least`` (None: each says its own), and may answer with the
    problems that any route has, and with those of ``statuses``.
    """

    def __init__(
        self, prefix: str, *tags: str, least: Role | None = Role.READONLY, statuses: tuple[int, ...] = ()
    ) -> None:
        super().__init__(
            prefix=prefix,
            tags=list(tags),
            dependencies=[] if least is None else [Depends(requires(least))],
            responses=documented(400, 401, 403, 422, 503, *statuses),
            route_class=Route,
        )

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add a route with these defaults."""
        options["operation_id"] = options.get("operation_id") or to_camel(endpoint.__name__)
        options["response_model_exclude_none"] = True
        super().add_api_route(path, endpoint, **options)

    def document(self, path: str, model: type[BaseModel]) -> Callable[[T], T]:
        """Add a route that shows one document, with its ETag, or 404."""
        return self.get(path, responses=documented(404) | TAGGED, response_model=model)
