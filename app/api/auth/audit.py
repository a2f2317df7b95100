"""Who read what of whom: a line of JSON for each read, on the logger ``billie.audit``. It holds ids only."""

import logging
from datetime import UTC, datetime
from functools import cache
from typing import TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel

log = logging.getLogger("billie.audit")

Shown = TypeVar("Shown", bound=BaseModel)

IDS = {
    "customer_id": "customerIds",
    "loan_account_id": "loanAccountIds",
    "conversation_id": "conversationIds",
    "note_id": "noteIds",
    "letter_id": "letterIds",
}
"""The attributes that tell whose something is, and what a line calls them."""


def log_read(request: Request, *shown: BaseModel) -> None:
    """Say that the caller is shown these: whose they are is told by their ids. Nothing shown, nothing said.

    Every route that answers with something of a customer calls this, once it has it.
    """
    if not shown:
        return
    caller = request.state.caller
    line = {
        "event": "personal_data_read",
        "at": datetime.now(UTC),
        "caller": caller.user,
        "role": caller.role,
        "route": f"{request.method} {request.scope['route'].path}",
        "requestId": request.state.id,
    }
    for attribute, name in _told_by(tuple({type(each): None for each in shown})):
        found = {value for each in shown if (value := getattr(each, attribute, None)) is not None}
        if found:
            line[name] = sorted(found)
    log.info("%s", orjson.dumps(line).decode(), extra={"audit": line})


@cache
def _told_by(models: tuple[type[BaseModel], ...]) -> list[tuple[str, str]]:
    """Those of IDS that any of these models has: to ask one for what it has not takes longest of all."""
    return [
        (each, name)
        for each, name in IDS.items()
        if any(hasattr(one, each) or each in one.model_fields for one in models)
    ]


def logged(request: Request, shown: Shown) -> Shown:
    """What is answered, once :func:`log_read` has said so."""
    log_read(request, shown)
    return shown
