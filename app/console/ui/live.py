"""Live pages: ``GET /v1/changes`` as the person who is signed in, for the browser's ``EventSource``.

An ``EventSource`` can send no token, and our pages hold none: so the session opens the same stream.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.requests import Request as Asked
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.console.session.guard import PageRoute
from app.console.session.rest import Rest
from app.console.session.sessions import Session
from app.console.ui.page_context import session_of

router = APIRouter(route_class=PageRoute)

_PASSED_ON = (b"last-event-id",)


@router.get("/live", include_in_schema=False)
async def get_live(request: Request, session: Annotated[Session, Depends(session_of)]) -> Response:
    """Follow which documents change; parameters and errors are those of ``GET /v1/changes``."""
    headers = [(name, value) for name, value in request.headers.raw if name in _PASSED_ON]
    scope = Rest(request.app, session.caller, request).scope("GET", "/v1/changes", {}, headers)
    return _PassedOn(request, {**scope, "query_string": request.scope["query_string"]})


class _PassedOn(Response):
    """Another route's answer, as it comes."""

    def __init__(self, page: Asked, scope: Scope) -> None:
        super().__init__()
        self._app, self._scope = page.app, scope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await self._app(self._scope, receive, send)
