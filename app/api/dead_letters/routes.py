"""Dead letters over REST: the same service as ``billie dead-letters``, for admins."""

import re
from typing import Annotated

from fastapi import Path, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from app.api.auth.requirements import Admin
from app.api.auth.roles import Role
from app.api.documents.service import represented
from app.api.http.pages import Cursor, Identifier, InvalidCursorError, Limit, Page, decode_cursor, next_page
from app.api.http.problems import documented
from app.api.http.router import Router
from app.api.http.time_bounds import Timestamp
from app.api.services import services_of
from app.errors import NotFoundError
from app.ingestion.dead_letters.dead_letter import DeadLetter, DeadLetterInFull
from app.ingestion.dead_letters.replays import DeadLetterId, ReplayReport, ReplayRequest, replay_many
from app.ingestion.dead_letters.scan import Filter
from app.ingestion.dead_letters.store import DeadLetterStore, Replay
from app.ingestion.messages.rejection import Reason
from app.runtime.camel_model import CamelModel


class DeadLetterPage(Page[DeadLetter]):
    """A page of dead letters, oldest first, with counts by reason under the same filters."""

    byReason: dict[str, int]  # noqa: N815 - the wire's name
    countIsComplete: bool = Field(description="False: only the oldest were counted.")  # noqa: N815


class DiscardBody(BaseModel):
    """Why a dead letter is discarded: kept for ever, with the caller's id."""

    because: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]


class Discarded(CamelModel):
    """A discarded dead letter."""

    dead_letter_id: str
    discarded_by: str
    because: str


router = Router("/v1/dead-letters", "operations", least=Role.ADMIN)

Id = Annotated[DeadLetterId, Path(alias="deadLetterId", description="As in the list.")]


def _store(request: Request) -> DeadLetterStore:
    return services_of(request).servers.dead_letters()


def _found(request: Request, dead_letter_id: str) -> DeadLetterInFull:
    if (found := _store(request).get(dead_letter_id)) is None:
        raise NotFoundError("dead letter", dead_letter_id)
    return found


@router.get("")
def list_dead_letters(
    request: Request,
    reason: Reason | None = None,
    type: Identifier | None = None,
    before: Timestamp | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> DeadLetterPage:
    """List dead letters, oldest first, without their entries; `before` bounds the time they were set aside.

    A long search may answer with a page that is not full, and a `next`.
    """
    store, wanted, after = _store(request), Filter(reason, type, before), None
    if cursor is not None:
        (after,) = decode_cursor(cursor, str)
        if not re.fullmatch("[0-9]{1,19}-[0-9]{1,19}", after):
            raise InvalidCursorError
    found = store.page(wanted, limit, after)
    counts = store.counts(wanted)
    return DeadLetterPage(
        items=found.items,
        next=found.after and next_page(request, found.after),
        byReason=dict(counts.by_reason.most_common()),
        countIsComplete=counts.complete,
    )


@router.document("/{deadLetterId}", DeadLetterInFull)
def get_dead_letter(request: Request, dead_letter_id: Id) -> Response:
    """Get one dead letter, with the original entry."""
    return represented(request, _found(request, dead_letter_id))


@router.post("/replay")
def replay_dead_letters(request: Request, body: ReplayRequest) -> ReplayReport:
    """Apply the original entries again, unchanged, up to 1,000 per call; `next` continues with the rest."""
    return replay_many(_store(request), body, services_of(request).servers.event_store_to_write)


@router.post("/{deadLetterId}/replay", responses=documented(404))
def replay_dead_letter(request: Request, dead_letter_id: Id) -> Replay:
    """Apply one original entry again, unchanged. It leaves the list, or stays with the new reason."""
    found = _found(request, dead_letter_id)
    with services_of(request).servers.event_store_to_write() as servicing:
        return _store(request).replay(found, servicing)


@router.post("/{deadLetterId}/discard", responses=documented(404))
def discard_dead_letter(call: Admin, dead_letter_id: Id, body: DiscardBody) -> Discarded:
    """Discard a dead letter, for a reason. It is kept, with who discarded it, when and why."""
    if not _store(call.request).discard(dead_letter_id, call.by.user, body.because):
        raise NotFoundError("dead letter", dead_letter_id)
    return Discarded(dead_letter_id=dead_letter_id, discarded_by=call.by.user, because=body.because)
