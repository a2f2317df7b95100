"""Around every request: its id, which the log and the answer have, and the answer where all else fails."""

import logging
from uuid import uuid4

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

from app.api.http.problems import MEDIA_TYPE, ProblemError, answer
from app.runtime.observability.logging import trace

log = logging.getLogger(__name__)

REQUEST_ID = "X-Request-ID"


class Identified:
    """ASGI middleware: gives each request an id, and makes a problem of what has none yet."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        request.state.id = uuid4().hex
        answering = _Answering(request, send)
        # Not the library's context manager: it looks through all that is bound, twice.
        bound = bind_contextvars(request_id=request.state.id)
        try:
            await self._answered(request, answering)
        finally:
            reset_contextvars(**bound)

    async def _answered(self, request: Request, answering: "_Answering") -> None:
        try:
            await self._app(request.scope, request.receive, answering.send)
        except ClientDisconnect:
            return  # Nobody is left to be answered.
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a problem
            # Without the error's own text: a document that cannot be shown is quoted in it.
            log.error("Request %s failed:\n%s", request.state.id, trace(error))
            if not answering.has_begun:
                fault = ProblemError(500, "internal_error", "This is our fault. Tell us the request id.")
                await answering.instead(fault)


class _Answering:
    """One answer, on its way out."""

    def __init__(self, request: Request, send: Send) -> None:
        self._request, self._send = request, send
        self._is_replaced = False
        self.has_begun = False

    async def send(self, message: Message) -> None:
        if self._is_replaced:
            return
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if message["status"] == 413 and headers.get("Content-Type") != MEDIA_TYPE:
                # The framework answers in plain text, beyond its error handlers.
                await self.instead(ProblemError(413, "too_large", "The body is too large."))
                return
            self.has_begun = True
            headers[REQUEST_ID] = self._request.state.id
        await self._send(message)

    async def instead(self, problem: ProblemError) -> None:
        """Answer with a problem, and let nothing else out."""
        await answer(self._request, problem)(self._request.scope, self._request.receive, self.send)
        self._is_replaced = True
