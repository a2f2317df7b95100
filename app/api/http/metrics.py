"""Counts each request by its route's template, and how long its answer took to begin."""

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.runtime.observability.metrics import HTTP_REQUESTS, HTTP_SECONDS

METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
NO_ROUTE = "none"


class Measured:
    """ASGI middleware, the innermost: it sees which route a request came to."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _note(scope, status, perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            if not status:  # What is outside makes a problem of it.
                _note(scope, 500, perf_counter() - began)
            raise


def _note(scope: Scope, status: int, seconds: float) -> None:
    route: str = getattr(scope.get("route"), "path", NO_ROUTE)
    method = scope["method"] if scope["method"] in METHODS else "other"
    HTTP_REQUESTS.labels(route, method, status).inc()
    HTTP_SECONDS.labels(route, method).observe(seconds)
