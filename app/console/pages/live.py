"""Live updates: ``GET /v1/changes`` as the signed-in person, for the browser's ``EventSource``.

An ``EventSource`` can send no token and our pages hold none, so the session opens the same stream.
"""

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from app.api.auth.callers import Caller
from app.api.auth.requirements import IN_PROCESS
from app.console.session.sessions import SessionOf
from app.console.ui.page import page_router

router = page_router()

_FORWARDED = {"type", "asgi", "http_version", "method", "scheme", "server", "client", "root_path"}
_FORWARDED_HEADERS = (b"host", b"last-event-id")


@router.get("/live")
async def get_live(request: Request, session: SessionOf) -> Response:
    """Stream which documents change; parameters and errors are those of ``GET /v1/changes``."""
    return _Changes(request, session.caller)


class _Changes(Response):
    """The answer of ``GET /v1/changes``, passed on as it comes."""

    def __init__(self, request: Request, caller: Caller) -> None:
        super().__init__()
        self._app = request.app
        self._scope = {name: request.scope[name] for name in _FORWARDED} | {
            "path": "/v1/changes",
            "raw_path": b"/v1/changes",
            "query_string": request.scope["query_string"],
            "headers": [each for each in request.headers.raw if each[0] in _FORWARDED_HEADERS],
            "state": {},
            IN_PROCESS: caller,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await self._app(self._scope, receive, send)
