"""The OpenAPI document: FastAPI's, completed for readers and generators."""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.http.problems import DESCRIPTIONS, MEDIA_TYPE

Described = dict[str, Any]

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_HEADERS = {
    "RequestId": "The request's id, also in our log. Quote it in questions.",
    "RetryAfter": "Seconds to wait before a retry.",
    "ETag": "A hash of the answer.",
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of the caller's copy: 304 if it is current.",
    "schema": {"type": "string"},
}
_WAITING = (429, 503)
"""Statuses that may have a `Retry-After`."""
PARAMETERS: dict[str, tuple[str, str | None]] = {
    "account": ("The loan account's id.", "ACC-900001"),
    "actor": ("The id of a person involved, as in tokens.", "olu"),
    "before": ("Only those set aside before this time, with its offset.", None),
    "commandId": ("The money command's id.", "97abdbed-96fb-5af1-a79c-55131ef1defa"),
    "conversationId": ("The conversation's id.", "CONV-900001"),
    "customerId": ("The customer's id.", "CUS-900001"),
    "from": ("At or after: a time with its offset, or a day in UTC.", None),
    "Idempotency-Key": ("Your key for this one intent.", "repayment-2026-03-06-0001"),
    "kind": ("The kind of movement.", "repayment"),
    "loanAccountId": ("The loan account's id.", "ACC-900001"),
    "noteId": ("The note's id.", "be70ed1d-7f72-54df-8775-be32852517f1"),
    "noteType": ("The type of note.", "phone_inbound"),
    "priority": ("The note's priority.", "normal"),
    "reason": ("The rejection reason.", None),
    "requestId": ("The write-off request's id.", "4c59eafa-5ae5-5ef6-a1b4-b0c1da737662"),
    "status": ("The status.", None),
    "to": ("Before: a time with its offset, or up to the end of a day in UTC.", None),
    "type": ("The type.", None),
}
"""A description and an example of each parameter that has none on its route, the same on every one."""

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
    components["headers"] = {
        name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()
    }
    for path in described["paths"].values():
        for operation in path.values():
            _complete(operation)
    return described


def _complete(operation: Described) -> None:
    name = operation["operationId"]
    if unknown := set(operation["tags"]) - TAGS.keys():
        raise UndescribedError(f"The tag {unknown} of {name} has no description in TAGS")
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
    description, example = PARAMETERS.get(parameter["name"], (None, None))
    if description is not None:
        parameter.setdefault("description", description)
    if example is not None and "enum" not in schema and "$ref" not in schema:
        parameter["example"] = example


def _exemplify(content: Described, place: str) -> None:
    if (json_content := content.get("application/json")) is not None:
        if (example := examples().get(place)) is None:
            raise UndescribedError(f"{place} has no example in app/api/openapi/examples.json")
        json_content["example"] = example


def _problem_response(status: int, description: str | None = None) -> Described:
    headers = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}
    if status in _WAITING:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    return {
        "description": description or DESCRIPTIONS[status],
        "headers": headers,
        "content": {MEDIA_TYPE: {"schema": _PROBLEM, "example": examples()[_name(status)]}},
    }


def _name(status: int) -> str:
    return f"Problem{status}"


@cache
def examples() -> dict[str, Any]:
    """Bodies and answers by operation: ``recordRepayment.body``, ``recordRepayment.201``; and problems."""
    read: dict[str, Any] = json.loads(
        files("app.api.openapi").joinpath("examples.json").read_text(encoding="utf-8")
    )
    return read
