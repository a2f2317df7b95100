"""The right to erasure: a customer's personal data is made unreadable for ever, and cleared."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import StringConstraints

from app.api.auth.requirements import Admin
from app.api.erasures.service import COLLECTIONS, forget_keys, is_cleared, mentions
from app.api.http.pages import CustomerId
from app.api.http.problems import Problem
from app.api.http.request_fields import Body, OptionalKey
from app.api.http.router import Router
from app.event_store.erasure import erase_customer
from app.projections.engine.projection import time
from app.projections.read_models.base import Model, StaffMember
from app.runtime.servers.store_threads import in_thread


class ErasureBody(Body):
    """Why a customer is erased. It is kept permanently and must not name the customer."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=500)]


class Erasure(Model):
    """What was erased of a customer, when, why and by whom."""

    customer_id: str
    """The erased customer: the identifier stays."""
    erased_at: datetime
    """Time of the erasure."""
    erased_by: StaffMember
    """Who erased them."""
    reason: str
    """The reason given."""
    cleared: dict[str, int]
    """How many documents of further collections are cleared, by collection."""
    dead_letters: list[str] | None = None
    """Dead letters that mention the customer, or what was erased with them: unchanged entries, to be reviewed
    and deleted by hand. The oldest thousand are searched, and the oldest thousand discarded ones
    (`discarded:ID`). Absent if Redis is away."""
    dead_letters_not_looked_at: int | None = None
    """How many newer dead letters were not searched; absent if all were."""


router = Router("/v1/customers/{customerId}/erasure", "erasure", least=None, statuses=(404,))

_ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {"model": Erasure, "description": "Erased, but not all stored data is cleared yet: ask again"},
    409: {"model": Problem, "description": "Money is open, or the key belongs to another erasure"},
}


@router.post("", operation_id="eraseCustomer", status_code=201, responses=_ANSWERS)
async def erase(call: Admin, customer_id: CustomerId, body: ErasureBody, key: OptionalKey = None) -> Erasure:
    """Erase a customer's personal data for ever; admins. 202 if clearing takes more than 2 s.

    Refused while a loan account is open, or a write-off request or money movement is not settled. Amounts and
    identifiers remain. A customer is erased once: a retry gets the same answer.
    """
    servers, actor = call.services.servers, call.by.actor
    erased = await in_thread(
        lambda: erase_customer(servers.event_store(), customer_id, actor, body.reason, key)
    )
    is_forgotten = await in_thread(forget_keys, servers) and erased.is_purged
    is_done = is_forgotten and await is_cleared(call.services.database, erased)
    call.answer(is_replay=erased.is_replay, is_done=is_done)
    mentioned = await in_thread(mentions, servers, erased)
    event = erased.event
    return Erasure(
        customer_id=customer_id,
        erased_at=time(event.at),
        erased_by=StaffMember(id=event.by or "", name=event.by_name, role=event.role or ""),
        reason=event.reason or "",
        cleared={COLLECTIONS[kind]: count for kind, count in (event.cleared or {}).items()},
        dead_letters=None if mentioned is None else mentioned.ids,
        dead_letters_not_looked_at=None if mentioned is None else mentioned.not_searched or None,
    )
