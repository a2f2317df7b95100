"""The right to erasure: a customer's personal data is made unreadable for ever, and cleared."""

import logging
from datetime import datetime
from time import monotonic
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import StringConstraints
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from app.api.auth.callers import Caller, Role
from app.api.auth.requires import requires
from app.api.documents.routes import database_of
from app.api.http.idempotency_keys import OptionalKey, key_of
from app.api.http.problems import Problem, documented
from app.api.http.request_fields import Body
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.dead_letters.mentions import Mentions, mentions_of
from app.operations.servers import Servers
from app.privacy.erasure import Erased, erase_customer
from app.projections.engine.faults import FAULTED
from app.projections.engine.positions import COLLECTION as POSITIONS
from app.projections.engine.positions import comes_to
from app.projections.engine.values import time
from app.projections.read_models.types import Model, StaffMember
from app.projections.rebuild.shadow import holds_erased, record_id
from app.runtime.observability.logging import in_short
from app.runtime.servers.store_threads import in_thread

log = logging.getLogger(__name__)

_CLEARED_WITHIN_S = 2.0
_IDS_A_QUERY = 100
_COLLECTIONS = {
    "Customer": "customers",
    "LoanAccount": "loan-accounts",
    "Conversation": "conversations",
    "ContactNote": "contact-notes",
    "WriteOffRequest": "write-off-requests",
    "LedgerCommand": "ledger-commands",
}

router = APIRouter(
    prefix="/v1/customers/{customerId}/erasure",
    tags=["erasure"],
    responses=documented(400, 401, 403, 404, 422, 503),
)

CustomerId = Annotated[str, Path(alias="customerId", min_length=1, max_length=256)]


class ErasureBody(Body):
    """Why a customer is erased. It is kept for ever: it must name nobody."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=500)]


class Erasure(Model):
    """What was erased of a customer, when, why and by whom."""

    customer_id: str
    """Who was erased: the identifier stays."""
    erased_at: datetime
    """When."""
    erased_by: StaffMember
    """Who did it."""
    reason: str
    """Why."""
    cleared: dict[str, int]
    """How many documents of further collections are cleared, by their names."""
    dead_letters: list[str] | None = None
    """Dead letters, of the oldest thousand, and of the oldest thousand that were discarded (`discarded:ID`),
    with the id of the customer, or of what was erased with them: entries as they came, to be looked at, and
    deleted by hand. Absent where Redis is away."""
    dead_letters_not_looked_at: int | None = None
    """How many newer dead letters were not looked at; absent where there are none."""


_ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {"model": Erasure, "description": "Erased; not all that is stored is cleared yet: ask again"},
    409: {"model": Problem, "description": "Money is open, or the key belongs to another erasure"},
}


@router.post(
    "", operation_id="eraseCustomer", status_code=201, responses=_ANSWERS, response_model_exclude_none=True
)
async def erase(
    request: Request,
    response: Response,
    customer_id: CustomerId,
    body: ErasureBody,
    by: Annotated[Caller, Depends(requires(Role.ADMIN))],
    key: OptionalKey = None,
) -> Erasure:
    """Erase a customer's personal data for ever; admins. 202 where it needs more than 2 s to clear it.

    Refused while a loan account is open, or a write-off request or money movement is not settled. Amounts and
    identifiers remain. A customer is erased once: asked again, the answer is the same.
    """
    database = database_of(request)
    servers: Servers = request.app.state.servers
    wanted = None if key is None else key_of(key)
    erased = await in_thread(
        lambda: erase_customer(servers.event_store_for_commands(), customer_id, by.actor, body.reason, wanted)
    )
    if erased.is_replay:
        response.headers["Idempotent-Replay"] = "true"
    is_unknown_here = await in_thread(_look_again, servers)
    if not (erased.is_purged and is_unknown_here and await _is_cleared(database, erased)):
        response.status_code = 202
        response.headers["Retry-After"] = "2"
    return _shown(customer_id, erased, await in_thread(_mentions, servers, erased))


def _shown(customer_id: str, erased: Erased, mentions: Mentions | None) -> Erasure:
    event = erased.event
    return Erasure(
        customer_id=customer_id,
        erased_at=time(event.at),
        erased_by=StaffMember(id=event.by or "", name=event.by_name, role=event.role or ""),
        reason=event.reason or "",
        cleared={_COLLECTIONS[kind]: count for kind, count in (event.cleared or {}).items()},
        dead_letters=None if mentions is None else mentions.ids,
        dead_letters_not_looked_at=None if mentions is None else mentions.not_searched or None,
    )


def _look_again(servers: Servers) -> bool:
    """Have this process's reads forget the keys too: they would know the erasure within a second only."""
    try:
        servers.event_store().privacy.keys.refresh()
    except EVENT_STORE_ERRORS as error:
        log.warning("Cannot tell whether keys are forgotten that were destroyed: %s", in_short(error))
        return False
    return True


async def _is_cleared(database: Any, erased: Erased) -> bool:
    """Whether all read models come to the erasure within two seconds, and nothing is left in them."""
    until = monotonic() + _CLEARED_WITHIN_S
    try:
        for name in _COLLECTIONS.values():
            if not await comes_to(database, name, erased.position, max(0.01, until - monotonic())):
                return False
        return not await _is_anything_left(database, erased)
    except PyMongoError as error:
        # It is erased: an error would say that it is not.
        log.warning("Cannot tell whether the read models are cleared: %s", in_short(error))
        return False


async def _is_anything_left(database: Any, erased: Erased) -> bool:
    """In a document that no erasure reached, or beside the documents, in an unfinished rebuild."""
    rebuilds = [record_id(name) for name in _COLLECTIONS.values()]
    async for record in database[POSITIONS].find({"_id": {"$in": rebuilds}}):
        if holds_erased(record):
            return True
    uncleared = {"erasedAt": {"$exists": False}, f"{FAULTED}.empty": {"$ne": True}}
    for kind, name in _COLLECTIONS.items():
        ids = [identifier for each, identifier in erased.keys if each.__name__ == kind]
        for start in range(0, len(ids), _IDS_A_QUERY):
            wanted = {"_id": {"$in": ids[start : start + _IDS_A_QUERY]}, **uncleared}
            if await database[name].find_one(wanted, {"_id": 1}) is not None:
                return True
    return False


def _mentions(servers: Servers, erased: Erased) -> Mentions | None:
    try:
        return mentions_of(servers.dead_letters(), [identifier for _, identifier in erased.keys])
    except RedisError as error:
        log.warning("Cannot tell which dead letters name the erased customer: %s", in_short(error))
        return None
