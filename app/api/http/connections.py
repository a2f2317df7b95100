"""Connections of the API: uvicorn's, with limits that it does not have, and problems for its own errors.

Headers have a size, a request a time in which it arrives, and a client that takes nothing of its answer is
cut off: otherwise a slow client would have a connection, and memory, for as long as it likes.
"""

import logging
from asyncio import TimerHandle, Transport
from enum import Enum, auto
from typing import Any
from uuid import uuid4

import orjson
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.api.http.problems import MEDIA_TYPE, ProblemError, problem_of
from app.api.http.requests import REQUEST_ID
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

_BETWEEN = len(b": \r\n")


class _Phase(Enum):
    """What of a request is arriving."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


def connections_of(settings: Settings) -> type[HttpToolsProtocol]:
    """The class of connections with these limits: uvicorn makes them, and passes nothing of ours in."""
    return type("Connection", (Connection,), {"settings": settings})


class Connection(HttpToolsProtocol):
    """One client's connection."""

    settings: Settings

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._phase = _Phase.NOTHING
        self._head_bytes = self._unfinished_bytes = self._unsent_bytes = 0
        self._arriving: TimerHandle | None = None
        self._stalled: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._arriving)
        _cancel(self._stalled)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        was_in_head = self._phase is _Phase.HEAD
        super().data_received(data)
        if was_in_head and self._phase is _Phase.HEAD:
            # The parser tells nothing of a header before its end, however long that takes.
            self._unfinished_bytes += len(data)
            if self._unfinished_bytes > self.settings.api_header_bytes:
                self._refuse(self._too_large())
        elif self._phase is _Phase.NOTHING and self._arriving is None and self._is_answered:
            self._await_request()  # Empty lines, which begin no request, ended uvicorn's own wait.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._phase = _Phase.HEAD
        self._head_bytes = self._unfinished_bytes = 0
        self._await_request()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._head_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head_bytes += len(name) + len(value) + _BETWEEN

    def on_headers_complete(self) -> None:
        if self._head_bytes > self.settings.api_header_bytes:
            self.app = _Refusal(self._too_large())
        elif len(self.connections) > self.settings.api_connections:
            self.app = _Refusal(_too_many())
        super().on_headers_complete()
        self._phase = _Phase.BODY

    def on_message_complete(self) -> None:
        _cancel(self._arriving)
        self._arriving = None
        self._phase = _Phase.NOTHING
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unsent_bytes = self.transport.get_write_buffer_size()
        self._stalled = self.loop.call_later(self.settings.api_stall_seconds, self._look_at_client)

    def resume_writing(self) -> None:
        super().resume_writing()
        _cancel(self._stalled)

    def send_400_response(self, msg: str) -> None:
        """The answer to what is not HTTP."""
        self._refuse(ProblemError(400, "invalid_http", msg))

    @property
    def _is_answered(self) -> bool:
        """Whether nothing that arrived whole waits for its answer."""
        return not self.pipeline and (self.cycle is None or self.cycle.response_complete)

    def _await_request(self) -> None:
        _cancel(self._arriving)
        self._arriving = self.loop.call_later(self.settings.api_head_seconds, self._head_is_due)

    def _head_is_due(self) -> None:
        rest = self.settings.api_request_seconds - self.settings.api_head_seconds
        if self._phase is _Phase.BODY and rest > 0:
            self._arriving = self.loop.call_later(rest, self._request_is_due)
        else:
            self._request_is_due()

    def _request_is_due(self) -> None:
        self._arriving = None
        if self._phase is _Phase.NOTHING:
            self.transport.close()
            return
        head, whole = self.settings.api_head_seconds, self.settings.api_request_seconds
        detail = f"A request has to arrive within {whole:g} s, its headers within {head:g} s."
        self._refuse(ProblemError(408, "request_too_slow", detail, retryable=True))

    def _look_at_client(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if unsent < self._unsent_bytes:  # Slow, but it goes on.
            self._unsent_bytes = unsent
            self._stalled = self.loop.call_later(self.settings.api_stall_seconds, self._look_at_client)
        else:
            log.info("A connection was cut off: its client takes nothing of the answer")
            self.transport.abort()

    def _too_large(self) -> ProblemError:
        detail = f"A request's first line and headers may have {self.settings.api_header_bytes} bytes."
        return ProblemError(431, "headers_too_large", detail)

    def _refuse(self, problem: ProblemError) -> None:
        """Answer without the application, and close; only close, where an answer is due or begun."""
        if self._phase is _Phase.BODY:
            may_answer = not self.pipeline and not self.cycle.response_started
            self.cycle.disconnected = True
        else:
            may_answer = self._is_answered
        if may_answer and not self.transport.is_closing():
            status, headers, body = _answer(problem)
            lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
            self.transport.write(STATUS_LINE[status] + lines + b"\r\n" + body)
        self.transport.close()


class _Refusal:
    """An ASGI application that answers with one problem, and closes the connection."""

    def __init__(self, problem: ProblemError) -> None:
        self._problem = problem

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        status, headers, body = _answer(self._problem)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _too_many() -> ProblemError:
    detail = "This server has as many connections as it takes. Try again shortly."
    return ProblemError(503, "too_many_connections", detail, retryable=True, headers={"Retry-After": "2"})


def _answer(problem: ProblemError) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    request_id = uuid4().hex
    told = "Request %s: no route: %d %s"
    log.info(told, request_id, problem.status, problem.code, extra={"request_id": request_id})
    body = orjson.dumps(problem_of(problem, request_id))
    headers = {
        "content-type": MEDIA_TYPE,
        "content-length": str(len(body)),
        REQUEST_ID.lower(): request_id,
        "connection": "close",
        **(problem.headers or {}),
    }
    return problem.status, [(name.encode(), value.encode()) for name, value in headers.items()], body


def _cancel(timer: TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
