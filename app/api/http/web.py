"""What holds for HTTP around all routes: HEAD, compressed answers, and browsers of other origins (CORS)."""

import re
from contextlib import suppress
from uuid import uuid4

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.etags import ENCODED
from app.api.http.metrics import Measured
from app.api.http.problems import MEDIA_TYPE, ProblemError, problem_of
from app.api.http.requests import REQUEST_ID, Identified
from app.api.http.tracing import TracingMiddleware
from app.runtime.observability.tracing import NO_TRACING, Tracing
from app.runtime.settings.settings import Settings

_COMPRESS_FROM_BYTES = 1_024
_LEVEL = 4
"""Two thirds of what level 9 saves, in a quarter of the time."""
_ZERO = re.compile(r"0(\.0*)?")
_METHODS = ("GET", "HEAD", "POST")
_SENT = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID"),
    "Cache-Control",
)
_EXPOSED = (
    *("ETag", REQUEST_ID, "Idempotent-Replay", "Retry-After", "Location", "Allow", "Deprecation", "Sunset"),
    *("Billie-Stale-Since-Position", "Billie-As-Of"),
)


def install(app: FastAPI, settings: Settings, tracing: Tracing = NO_TRACING) -> None:
    """Add all this around an application; the first is the innermost."""
    app.add_middleware(Measured)
    if tracing.is_on:
        app.add_middleware(TracingMiddleware, tracing=tracing)
    app.add_middleware(Compressed, minimum_size=_COMPRESS_FROM_BYTES, compresslevel=_LEVEL)
    app.add_middleware(HeadLikeGet)
    app.add_middleware(Identified)
    if settings.cors_origins:
        # Outside of all: a browser may read an error only with these headers.
        app.add_middleware(
            OtherOrigins,
            allow_origins=settings.cors_origins,
            allow_methods=_METHODS,
            allow_headers=_SENT,
            expose_headers=_EXPOSED,
        )


class Compressed(GZipMiddleware):
    """Answers as gzip for whoever takes it, but no streams of events. What is encoded has its own tag."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def varying(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).add_vary_header("Accept-Encoding")
            await send(message)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "Content-Encoding" in headers and (tag := headers.get("ETag")) is not None:
                    headers["ETag"] = f'{tag[:-1]}{ENCODED}"'
            await send(message)

        if scope["type"] == "http" and not _takes_gzip(Headers(scope=scope).getlist("Accept-Encoding")):
            # Not through the library's way for these, which costs as much as a route's checks.
            await self.app(scope, receive, varying)
        else:
            await super().__call__(scope, receive, marked)


def _takes_gzip(accepted: list[str]) -> bool:
    """Whether gzip is named, and not with a weight of 0."""
    for coding in ",".join(accepted).split(","):
        name, *parameters = (part.strip().lower() for part in coding.split(";"))
        if name in ("gzip", "x-gzip"):
            weights = [each.removeprefix("q=") for each in parameters if each.startswith("q=")]
            return not any(_ZERO.fullmatch(weight) for weight in weights)
    return False


class HeadLikeGet:
    """Answers HEAD as GET is answered, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                if message.get("more_body", False):
                    await send({"type": "http.response.body"})
                    raise _Answered
                message = {"type": "http.response.body"}
            await send(message)

        with suppress(_Answered):
            await self._app({**scope, "method": "GET"}, receive, without_body)


class _Answered(Exception):  # noqa: N818 - it ends a stream, which would go on for ever
    """The head was all that was asked for."""


class OtherOrigins(CORSMiddleware):
    """The origins whose pages may ask us; what a preflight is refused for is a problem like any other."""

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        detail = f"{bytes(answer.body).decode()}. BILLIE_CORS_ORIGINS names the origins that may ask."
        problem, request_id = ProblemError(400, "cors_refused", detail), uuid4().hex
        headers = {
            name: value for name, value in answer.headers.items() if not name.startswith("content-")
        } | {REQUEST_ID: request_id}
        return JSONResponse(problem_of(problem, request_id), 400, headers, media_type=MEDIA_TYPE)
