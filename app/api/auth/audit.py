"""The audit log of reads: who read what of whom, a line of JSON a read, on the logger ``billie.audit``."""

import logging
from collections.abc import Mapping, Set
from datetime import UTC, datetime
from functools import cache
from typing import TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel

from app.api.auth.callers import Caller

log = logging.getLogger("billie.audit")

Shown = TypeVar("Shown", bound=BaseModel)

AUDITED_IDS = {
    "customer_id": "customerIds",
    "loan_account_id": "loanAccountIds",
    "conversation_id": "conversationIds",
    "note_id": "noteIds",
    "dead_letter_id": "deadLetterIds",
}
"""The attributes that say whose data it is, and their names in a line, which holds nothing else of it."""


def log_read(request: Request, *shown: BaseModel) -> None:
    """Log that the caller is shown these, if any.

    Every route that answers with a customer's data calls this.
    """
    ids = {
        name: {value for each in shown if (value := getattr(each, attribute, None)) is not None}
        for attribute, name in _ids_in(tuple({type(each): None for each in shown}))
    }
    if shown:
        log_ids(request, ids)


def log_ids(request: Request, ids: Mapping[str, Set[str]]) -> None:
    """Log that the caller is shown what these identify, by the names of a line."""
    caller: Caller = request.state.caller
    line: dict[str, object] = {
        "event": "personal_data_read",
        "at": datetime.now(UTC),
        "caller": caller.user,
        "role": caller.role,
        "route": f"{request.method} {request.scope['route'].path}",
        "requestId": request.state.id,
    }
    line |= {name: sorted(found) for name, found in ids.items() if found}
    log.info("%s", orjson.dumps(line).decode(), extra={"audit": line})


@cache
def _ids_in(models: tuple[type[BaseModel], ...]) -> list[tuple[str, str]]:
    """The ids that any of these models has: looking for a missing attribute is what takes longest."""
    return [
        (each, name)
        for each, name in AUDITED_IDS.items()
        if any(hasattr(one, each) or each in one.model_fields for one in models)
    ]


def logged(request: Request, shown: Shown) -> Shown:
    """The answer, once :func:`log_read` has logged it."""
    log_read(request, shown)
    return shown
