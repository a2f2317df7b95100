"""Browsers of other origins (CORS)."""

from collections.abc import Sequence
from uuid import uuid4

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from app.api.http.middleware import REQUEST_ID
from app.api.http.problems import MEDIA_TYPE, ProblemError, problem_of

_METHODS = ("GET", "HEAD", "POST")
_ALLOWED = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID"),
    "Cache-Control",
)
_EXPOSED = (
    *("ETag", REQUEST_ID, "Idempotent-Replay", "Retry-After", "Location", "Allow", "Deprecation", "Sunset"),
    *("Billie-Stale-Since-Position", "Billie-As-Of"),
)


def allow_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins call us. Outermost: a browser may read an error only with these headers."""
    app.add_middleware(
        _ProblemCORSMiddleware,
        allow_origins=origins,
        allow_methods=_METHODS,
        allow_headers=_ALLOWED,
        expose_headers=_EXPOSED,
    )


class _ProblemCORSMiddleware(CORSMiddleware):
    """Refuses a preflight with a problem."""

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        detail = f"{bytes(answer.body).decode()}. BILLIE_CORS_ORIGINS lists the allowed origins."
        request_id = uuid4().hex
        headers = {
            name: value for name, value in answer.headers.items() if not name.startswith("content-")
        } | {REQUEST_ID: request_id}
        problem = problem_of(ProblemError(400, "cors_refused", detail), request_id)
        return JSONResponse(problem, 400, headers, media_type=MEDIA_TYPE)
