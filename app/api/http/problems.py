"""Every error as ``application/problem+json`` (RFC 9457), with a stable code and the request's id."""

import logging
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException

from app.errors import BillieError
from app.event_store.errors import EVENT_STORE_ERRORS, UNREADABLE_ERRORS
from app.projections.engine.faults import ProjectionFault

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
IDEMPOTENCY_KEY = "Idempotency-Key"
_KEY_RULE = (
    f"{IDEMPOTENCY_KEY} takes 8 to 128 visible ASCII characters, and does not begin with `write-off-`: one "
    "key per intent, the same for every retry."
)
_MAX_FAULTS = 5
_MAX_LOCATION_LENGTH = 200
_RETRY_AFTER_S = 2


class Problem(BaseModel):
    """What went wrong. ``code`` is for programs; ``detail`` says what to do.

    ``ledgerMessage`` is the ledger's own message, if it sent one.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    retryable: bool
    requestId: str  # noqa: N815 - the wire's name
    ledgerMessage: str | None = None  # noqa: N815


class ProblemError(BillieError):
    """An error of one route. ``code`` is stable, ``detail`` a sentence for a person."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retryable: bool = False,
        retry_after_s: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.retryable = status, code, retryable
        self.retry_after_s, self.headers = retry_after_s, headers


class InvalidRequestError(BillieError):
    """A parameter or a body out of its bounds, beyond what its schema says."""

    status = 422
    code = "invalid_request"


def install(app: FastAPI) -> None:
    """Answer every error of a route with a problem."""

    @app.exception_handler(BillieError)
    async def _ours(request: Request, error: BillieError) -> Response:
        if error.status >= 500 and error.detail != str(error):
            log.error("Request %s: %s: %s", request.state.id, type(error).__name__, error)
        return answer(request, error)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        code, detail = _HTTP.get(error.status_code, ("refused", f"{error.detail}."))
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(sorted(_methods_at(request)))
            if request.method == "OPTIONS":
                return Response(status_code=204, headers={"Allow": headers["Allow"]})
        return answer(request, ProblemError(error.status_code, code, detail, headers=headers))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        for each in error.errors():
            if each["loc"] == ("header", IDEMPOTENCY_KEY):
                is_missing = each["type"] == "missing"
                code = "idempotency_key_missing" if is_missing else "invalid_idempotency_key"
                return answer(request, ProblemError(400, code, _KEY_RULE))
        faults = [f"{_location(each['loc'])}: {_message(each)}." for each in error.errors()[:_MAX_FAULTS]]
        return answer(request, InvalidRequestError(" ".join(faults)))

    async def _unreadable(request: Request, error: Exception) -> Response:
        log.error("Request %s: %s", request.state.id, error)
        detail = (
            "One of its events cannot be read or applied. The log, and maybe `billie status`, says which."
        )
        return answer(request, ProblemError(503, "history_unreadable", detail))

    handlers: dict[type[Exception], Any] = {
        **dict.fromkeys((PyMongoError, RedisError, *EVENT_STORE_ERRORS), _unavailable),
        **dict.fromkeys((ProjectionFault, *UNREADABLE_ERRORS), _unreadable),
    }
    for error_class, handler in handlers.items():
        app.add_exception_handler(error_class, handler)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with, for its OpenAPI. 401 implies 429 and 503."""
    implied = {429, 503} if 401 in statuses else set()
    return {
        status: {"model": Problem, "description": DESCRIPTIONS[status]}
        for status in sorted({*statuses, *implied})
    }


_HTTP = {
    404: ("no_such_route", "No such route. See /docs."),
    405: ("method_not_allowed", "This route does not take this method. See the `Allow` header."),
    413: ("too_large", "The body is too large."),
}

DESCRIPTIONS = {
    400: "Unknown parameter, or invalid cursor",
    401: "No token, or an invalid one",
    403: "The token's role may not do this",
    404: "Not found",
    409: "The idempotency key is in use, or belongs to another request; or the current state forbids it",
    412: "The document has changed: `If-Match` names another version of it",
    413: "The body is too large",
    422: "Invalid parameter or body, or a rejection by the ledger",
    429: "Rate limit exceeded, or the ledger is overloaded",
    502: "A fault of the ledger",
    503: "The database, the event store, the stream or the ledger cannot be reached",
    504: "The ledger did not answer in time",
}


def _methods_at(request: Request) -> set[str]:
    """All methods of an address: the framework names only those of its first route."""
    found = {"OPTIONS"}
    for route in iter_route_contexts(request.app.routes):
        pattern = getattr(route, "path_regex", None)
        if pattern is not None and route.methods and pattern.match(request.scope["path"]):
            found |= route.methods
    return found | {"HEAD"} if "GET" in found else found


async def _unavailable(request: Request, error: Exception) -> Response:
    server = "event store"
    if isinstance(error, PyMongoError):
        server = "database"
    elif isinstance(error, RedisError):
        server = "stream"
    log.error("Request %s: the %s: %s", request.state.id, server, type(error).__name__)
    if request.method in ("GET", "HEAD"):
        advice = "Try again in a moment."
    elif "idempotency-key" in request.headers:
        advice = "The outcome is unknown. Retry with the same Idempotency-Key: it is done once."
    else:  # A connection that breaks at the commit says nothing about it.
        advice = "The outcome is unknown. Check before you retry, or it may be done twice."
    detail = f"The {server} cannot be reached. {advice}"
    code = f"{server.replace(' ', '_')}_unavailable"
    return answer(request, ProblemError(503, code, detail, retryable=True, retry_after_s=_RETRY_AFTER_S))


_MESSAGES = {
    "string_type": "it must be text, in quotes",
    "model_attributes_type": "it must be a JSON object, sent as Content-Type: application/json",
    "timezone_aware": "it needs an offset, as in 2026-03-06T09:00:00Z; write the + of an offset as %2B",
    "datetime_from_date_parsing": "it is not a time; write the + of an offset as %2B",
    "value_error": "{error}",
    "json_invalid": "the body is not JSON: {error}",
}
"""For callers, where pydantic's own message is for programmers."""


def _message(fault: dict[str, Any]) -> str:
    message: str = _MESSAGES.get(fault["type"], fault["msg"])
    return message.replace("{error}", str(fault.get("ctx", {}).get("error", "")))


def _location(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)[:_MAX_LOCATION_LENGTH]


def problem_of(error: BillieError, request_id: str) -> dict[str, Any]:
    """The problem as JSON."""
    return Problem(
        type=f"urn:billie:problem:{error.code}",
        title=error.code.replace("_", " ").capitalize(),
        status=error.status,
        code=error.code,
        detail=error.detail,
        retryable=error.retryable,
        requestId=request_id,
        ledgerMessage=error.ledger_message,
    ).model_dump(exclude_none=True)


def answer(request: Request, error: BillieError) -> JSONResponse:
    """The problem as a response. The log has a line of it, with the request's id."""
    route = getattr(request.scope.get("route"), "path", "no route")  # Never the path: it may name a customer.
    caller = getattr(getattr(request.state, "caller", None), "user", "nobody")
    what = (request.method, route, error.status, error.code)
    log.info("Request %s of %s: %s %s: %d %s", request.state.id, caller, *what)
    headers = dict(error.headers or {})
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return JSONResponse(problem_of(error, request.state.id), error.status, headers, media_type=MEDIA_TYPE)
