"""Each request as a span, by its route's template: part of its caller's trace, where the caller has one."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.metrics import METHODS, NO_ROUTE
from app.runtime.observability.traces import Traces


class Traced:
    """ASGI middleware, just around the one that measures. It tells of no address, query or caller."""

    def __init__(self, app: ASGIApp, traces: Traces) -> None:
        self._app, self._traces = app, traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "other"
        with self._traces.request(method, Headers(scope=scope)) as request:
            status = 500

            async def noted(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await self._app(scope, receive, noted)
            finally:
                request.answered(getattr(scope.get("route"), "path", NO_ROUTE), status)
