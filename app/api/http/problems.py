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

from app.errors import BillieError, NotFoundError
from app.event_store.errors import EVENT_STORE_ERRORS, UNREADABLE_ERRORS
from app.projections.engine.faults import ProjectionFault

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_MOST_FAULTS = 5
_LONGEST_PLACE = 200


class Problem(BaseModel):
    """What went wrong. ``code`` is for programs; ``detail`` says what to do.

    ``ledgerMessage`` is what the ledger said, in its own words, where it said something.
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
    """A one-off error of a route. ``code`` is stable, ``detail`` a sentence for a person."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retryable: bool = False,
        retry_after_s: int | None = None,
        headers: dict[str, str] | None = None,
        ledger_message: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.retryable = status, code, retryable
        self.retry_after_s, self.headers, self.ledger_message = retry_after_s, headers, ledger_message


not_found = NotFoundError


def install(app: FastAPI) -> None:
    """Give every error that a route raises the form of a problem. Each request has an id by then."""

    @app.exception_handler(BillieError)
    async def _problem(request: Request, error: BillieError) -> Response:
        if error.status >= 500 and error.detail != str(error):
            # The text may name hosts: it is for us.
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
        faults = [f"{_place(each['loc'])}: {_said(each)}." for each in error.errors()[:_MOST_FAULTS]]
        return answer(request, ProblemError(422, "invalid_request", " ".join(faults)))

    @app.exception_handler(PyMongoError)
    async def _mongo(request: Request, error: PyMongoError) -> Response:
        return _unavailable(request, error, "database")

    @app.exception_handler(RedisError)
    async def _redis(request: Request, error: RedisError) -> Response:
        return _unavailable(request, error, "stream")

    async def _unreadable(request: Request, error: Exception) -> Response:
        log.error("Request %s: %s", request.state.id, error)
        detail = "An event of it cannot be read or folded. The log says which; `billie status` may too."
        return answer(request, ProblemError(503, "history_unreadable", detail))

    async def _event_store(request: Request, error: Exception) -> Response:
        return _unavailable(request, error, "event store")

    for error_class in EVENT_STORE_ERRORS:
        app.add_exception_handler(error_class, _event_store)
    unreadable: tuple[type[Exception], ...] = (ProjectionFault, *UNREADABLE_ERRORS)
    for each in unreadable:
        app.add_exception_handler(each, _unreadable)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with, for its OpenAPI. With 401 come 429 and 503."""
    more = {429, 503} if 401 in statuses else set()
    return {
        status: {"model": Problem, "description": DESCRIPTIONS[status]}
        for status in sorted({*statuses, *more})
    }


_HTTP = {
    404: ("no_such_route", "There is nothing at this address. /docs has all that there is."),
    405: ("method_not_allowed", "This address does not take this method: `Allow` names those that it takes."),
    413: ("too_large", "The body is too large."),
}

DESCRIPTIONS = {
    400: "An unknown parameter, or a cursor that is not ours",
    401: "No token, or one that does not check",
    403: "The token's role may not do this",
    404: "There is no such document or dead letter",
    409: "The idempotency key is in use, or was used for something else; or how things stand forbids it",
    412: "The document has changed since the caller saw it: `If-Match` names another form of it",
    413: "The body is too large",
    422: "A parameter or a body out of its bounds, or a rejection by the ledger",
    429: "The caller asks too often, or the ledger has more to do than it can take",
    502: "A fault of the ledger",
    503: "The database, the event store, the stream or the ledger cannot be reached",
    504: "The ledger did not answer in time",
}


def _methods_at(request: Request) -> set[str]:
    """All methods that an address takes: the framework names those of the first of its routes."""
    found = {"OPTIONS"}
    for route in iter_route_contexts(request.app.routes):
        pattern = getattr(route, "path_regex", None)
        if pattern is not None and route.methods and pattern.match(request.scope["path"]):
            found |= route.methods
    return found | {"HEAD"} if "GET" in found else found


def _unavailable(request: Request, error: Exception, server: str) -> JSONResponse:
    log.error("Request %s: the %s: %s", request.state.id, server, type(error).__name__)
    if request.method in ("GET", "HEAD"):
        what = "Try again shortly."
    else:
        # A connection that breaks at the commit tells nothing of it.
        what = _ONCE_BY_ITS_KEY if "idempotency-key" in request.headers else _MAYBE_TWICE
    problem = ProblemError(
        503,
        f"{server.replace(' ', '_')}_unavailable",
        f"The {server} cannot be reached. {what}",
        retryable=True,
        headers={"Retry-After": "2"},
    )
    return answer(request, problem)


_ONCE_BY_ITS_KEY = (
    "Whether it was taken is not known: send it again shortly, "
    "with the same Idempotency-Key, and it is done once."
)
_MAYBE_TWICE = "Whether it was taken is not known: look before you send it again, or it may be done twice."
_PLAINLY = {
    "string_type": "it has to be text, in quotes",
    "model_attributes_type": "it has to be a JSON object; send it as Content-Type: application/json",
    "timezone_aware": "say it with its offset, as in 2026-03-06T09:00:00Z; the + of one is %2B in an address",
    "datetime_from_date_parsing": "it is no time; the + of an offset is %2B in an address",
    "value_error": "{error}",
    "json_invalid": "the body is not JSON: {error}",
}
"""What pydantic says in the words of its own world."""


def _said(fault: dict[str, Any]) -> str:
    """What is wrong, and what to do."""
    plainly: str = _PLAINLY.get(fault["type"], fault["msg"])
    return plainly.replace("{error}", str(fault.get("ctx", {}).get("error", "")))


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)[:_LONGEST_PLACE]


def problem_of(error: BillieError, request_id: str) -> dict[str, Any]:
    """The problem as JSON shows it."""
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
    """The problem as a response, of which the log says with the request's id what it was."""
    route = getattr(request.scope.get("route"), "path", "no route")  # Never the path: it may name a customer.
    caller = getattr(getattr(request.state, "caller", None), "user", "nobody")
    what = (request.method, route, error.status, error.code)
    log.info("Request %s of %s: %s %s: %d %s", request.state.id, caller, *what)
    problem = problem_of(error, request.state.id)
    return JSONResponse(problem, error.status, headers_of(error), media_type=MEDIA_TYPE)


def headers_of(error: BillieError) -> dict[str, str]:
    """The headers that the error's answer has besides its own."""
    retry_after = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    return {**retry_after, **(error.headers or {})}
