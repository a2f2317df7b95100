"""The OpenAPI document: FastAPI's, completed for readers and generators."""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.http.problems import DESCRIPTIONS, MEDIA_TYPE, ProblemError, problem_of
from app.api.openapi.parameters import PARAMETERS

Described = dict[str, Any]

_METHODS = ("get", "put", "post", "delete", "patch")
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_REQUEST_ID = {
    "description": "The request's id, also in our log. Quote it in questions.",
    "schema": {"type": "string"},
}
_RETRY_AFTER = {"description": "Seconds to wait before a retry.", "schema": {"type": "string"}}
_ETAG = {"description": "A hash of the answer.", "schema": {"type": "string"}}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of the caller's copy: 304 if it is current.",
    "schema": {"type": "string"},
}
_WAITING = (429, 503)
"""Statuses that may have a `Retry-After`."""
_PROBLEMS: dict[int, tuple[str, str, bool]] = {
    400: ("unknown_parameter", "Unknown: custmerId. This route takes: cursor, customerId, limit.", False),
    401: ("no_token", "Send 'Authorization: Bearer <token>'.", False),
    403: ("role_too_low", "This takes the role supervisor or more; the token has operations.", False),
    404: ("not_found", "There is no customer 'CUS-000016'.", False),
    409: (
        "idempotency_key_reused",
        "The key belongs to another command. A new intent takes a new key.",
        False,
    ),
    412: (
        "changed_meanwhile",
        "The document has changed since you read it. Read it again before you decide.",
        False,
    ),
    413: ("too_large", "The body is too large.", False),
    422: ("invalid_request", "query.limit: Input should be less than or equal to 200.", False),
    429: ("too_many_requests", "Rate limit exceeded. Try again in 1 s.", True),
    502: ("ledger_fault", "The ledger failed, or its answer is invalid.", False),
    503: ("database_unavailable", "The database cannot be reached. Try again in a moment.", True),
    504: ("ledger_timeout", "The ledger did not answer in time. Try again.", True),
}
"""An example of each: code, detail, and whether to try again."""

TAGS = {
    "health": "Liveness and readiness. No token needed.",
    "me": "The caller, by their token.",
    "search": "Customers, accounts and conversations, by what a person on the phone can say.",
    "customers": "Customers, and everything about one in a single answer.",
    "loan accounts": "Loans, as projected: balances are those of the last message.",
    "conversations": "Chats: utterances, assessments and decisions.",
    "notes": "Contact notes. They never change: an amendment is a note that replaces another.",
    "ledger": "The accounting ledger, asked live.",
    "money": "Money movements. Each takes an idempotency key, and is posted once.",
    "write-offs": "Loans written off, by two people.",
    "erasure": "The right to erasure: personal data is made unreadable for ever.",
    "changes": "Which documents change, as it happens: for live screens and caches.",
    "operations": "The pipeline: its state, dead letters, and publishing by hand.",
}
"""The tags of the routes, in reading order."""


class UndescribedError(LookupError):
    """A route without an example, or with a tag that has no description: says which."""


def install(app: FastAPI) -> None:
    """Serve this document instead of the framework's."""
    app.openapi = cache(lambda: document(app))  # type: ignore[method-assign]


def document(app: FastAPI) -> Described:
    """The OpenAPI 3.1 document of the application's routes.

    Raises UndescribedError for a route with JSON and no example, or with an unknown tag.
    """
    described = get_openapi(
        title=app.title,
        version=app.version,
        summary="The customers, loans and chats of a small-amount lender; notes, money and write-offs.",
        description=app.description,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        servers=[{"url": "/", "description": "The server of this document"}],
    )
    components = described["components"]
    components["responses"] = {_name(status): _problem_response(status) for status in DESCRIPTIONS}
    components["headers"] = {"RequestId": _REQUEST_ID, "RetryAfter": _RETRY_AFTER, "ETag": _ETAG}
    for path in described["paths"].values():
        for method in _METHODS:
            if method in path:
                _complete(path[method])
    return described


def _complete(operation: Described) -> None:
    name = operation["operationId"]
    if unknown := set(operation["tags"]) - TAGS.keys():
        msg = f"The tag {unknown} of {name} has no description in TAGS"
        raise UndescribedError(msg)
    operation["summary"] = re.sub("([A-Z])", lambda found: f" {found[0].lower()}", name).capitalize()
    operation.setdefault("security", [])
    for parameter in operation.get("parameters", ()):
        _complete_parameter(parameter)
    if "304" in operation["responses"]:
        parameters = operation.setdefault("parameters", [])
        parameters.append(_IF_NONE_MATCH)
    if "requestBody" in operation:
        _exemplify(operation["requestBody"]["content"], f"{name}.body")
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        if any(each.get("schema") == _PROBLEM for each in content.values()):
            described = response["description"]
            operation["responses"][status] = (
                {"$ref": f"#/components/responses/{_name(int(status))}"}
                if described == DESCRIPTIONS[int(status)]
                else _problem_response(int(status), described)
            )
            continue
        response.setdefault("headers", {})["X-Request-ID"] = {"$ref": "#/components/headers/RequestId"}
        _exemplify(content, f"{name}.{status}")


def _complete_parameter(parameter: Described) -> None:
    """An optional parameter may be absent, but never null, as FastAPI's ``anyOf`` has it."""
    schema = parameter["schema"]
    schema.pop("title", None)
    schema.pop("description", None)  # The parameter has it.
    if (may_be := schema.get("anyOf")) and {"type": "null"} in may_be:
        (kind, *more) = [each for each in may_be if each != {"type": "null"}]
        if more:
            schema["anyOf"] = [kind, *more]
        else:
            del schema["anyOf"]
            schema.update(kind)
    if (explained := PARAMETERS.get(parameter["name"])) is not None:
        parameter.setdefault("description", explained.description)
        if explained.example is not None and "enum" not in schema and "$ref" not in schema:
            parameter["example"] = explained.example


def _exemplify(content: Described, place: str) -> None:
    if (json_content := content.get("application/json")) is not None:
        if (example := examples().get(place)) is None:
            msg = f"{place} has no example in app/api/openapi/examples.json"
            raise UndescribedError(msg)
        json_content["example"] = example


def _problem_response(status: int, description: str | None = None) -> Described:
    code, detail, retryable = _PROBLEMS[status]
    example = problem_of(ProblemError(status, code, detail, retryable=retryable), "5c1f2f0f9d3b4b0f8f5a")
    headers = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}
    if status in _WAITING:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    return {
        "description": description or DESCRIPTIONS[status],
        "headers": headers,
        "content": {MEDIA_TYPE: {"schema": _PROBLEM, "example": example}},
    }


def _name(status: int) -> str:
    return f"Problem{status}"


@cache
def examples() -> dict[str, Any]:
    """Bodies and answers by operation: ``recordRepayment.body``, ``recordRepayment.201``."""
    read: dict[str, Any] = json.loads(
        files("app.api.openapi").joinpath("examples.json").read_text(encoding="utf-8")
    )
    return read
