"""The audit log of reads: who read what of whom, a line of JSON a read, on the logger ``billie.audit``."""

import logging
from collections.abc import Mapping, Set
from datetime import UTC, datetime
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
    if shown:
        fields = [vars(each) for each in shown]
        ids = {
            name: {each[attribute] for each in fields if each.get(attribute) is not None}
            for attribute, name in AUDITED_IDS.items()
        }
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


def logged(request: Request, shown: Shown) -> Shown:
    """The answer, once :func:`log_read` has logged it."""
    log_read(request, shown)
    return shown
