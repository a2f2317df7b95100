"""Dead letters over REST: the same service as ``billie dead-letters``, for admins."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from app.api.auth.callers import Caller
from app.api.auth.requirements import Authenticated, requires
from app.api.auth.roles import Role
from app.api.dead_letters.schemas import DeadLetterPage, DiscardBody, Discarded
from app.api.documents.service import represented
from app.api.http.etags import TAGGED
from app.api.http.pages import (
    Cursor,
    Identifier,
    InvalidCursorError,
    Limit,
    decode_cursor,
    encode_cursor,
    page_link,
)
from app.api.http.problems import documented
from app.api.http.time_bounds import Timestamp
from app.api.services import services_of
from app.errors import NotFoundError
from app.ingestion.dead_letters.dead_letter import DeadLetterInFull
from app.ingestion.dead_letters.replays import (
    DeadLetterId,
    ReplayReport,
    ReplayRequest,
    replay_many,
)
from app.ingestion.dead_letters.scan import Filter
from app.ingestion.dead_letters.store import DeadLetterStore, Replay
from app.ingestion.messages.rejection import Reason

router = APIRouter(
    prefix="/v1/dead-letters",
    tags=["operations"],
    dependencies=[Depends(requires(Role.ADMIN))],
    responses=documented(400, 401, 403, 422, 503),
)

_DEAD_LETTER_ID = re.compile(r"[0-9]{1,19}-[0-9]{1,19}")

Id = Annotated[DeadLetterId, Path(alias="deadLetterId", description="As in the list.")]


def _store(request: Request) -> DeadLetterStore:
    return services_of(request).servers.dead_letters()


@router.get("", operation_id="listDeadLetters", response_model_exclude_none=True)
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
    store, wanted = _store(request), Filter(reason, type, before)
    found = store.page(wanted, limit, None if cursor is None else _dead_letter_id(cursor))
    counts = store.counts(wanted)
    return DeadLetterPage(
        items=found.items,
        next=found.after and page_link(request, cursor=encode_cursor(found.after)),
        byReason=dict(counts.by_reason.most_common()),
        countIsComplete=counts.complete,
    )


@router.get(
    "/{deadLetterId}",
    operation_id="getDeadLetter",
    responses=documented(404) | TAGGED,
    response_model=DeadLetterInFull,
)
def get_dead_letter(request: Request, dead_letter_id: Id) -> Response:
    """Get one dead letter, with the original entry."""
    if (found := _store(request).get(dead_letter_id)) is None:
        raise NotFoundError("dead letter", dead_letter_id)
    return represented(request, found)


@router.post("/replay", operation_id="replayDeadLetters")
def replay_dead_letters(request: Request, body: ReplayRequest) -> ReplayReport:
    """Apply the original entries again, unchanged, up to 1,000 per call; `next` continues with the rest."""
    return replay_many(_store(request), body, services_of(request).servers.event_store_to_write)


@router.post("/{deadLetterId}/replay", operation_id="replayDeadLetter", responses=documented(404))
def replay_dead_letter(request: Request, dead_letter_id: Id) -> Replay:
    """Apply one original entry again, unchanged. It leaves the list, or stays with the new reason."""
    store = _store(request)
    if (found := store.get(dead_letter_id)) is None:
        raise NotFoundError("dead letter", dead_letter_id)
    with services_of(request).servers.event_store_to_write() as servicing:
        return store.replay(found, servicing)


@router.post("/{deadLetterId}/discard", operation_id="discardDeadLetter", responses=documented(404))
def discard_dead_letter(
    request: Request, dead_letter_id: Id, body: DiscardBody, by: Annotated[Caller, Authenticated]
) -> Discarded:
    """Discard a dead letter, for a reason. It is kept, with who discarded it, when and why."""
    if not _store(request).discard(dead_letter_id, by.user, body.because):
        raise NotFoundError("dead letter", dead_letter_id)
    return Discarded(dead_letter_id=dead_letter_id, discarded_by=by.user, because=body.because)


def _dead_letter_id(cursor: str) -> str:
    match decode_cursor(cursor):
        case [str(dead_letter_id)] if _DEAD_LETTER_ID.fullmatch(dead_letter_id):
            return dead_letter_id
    raise InvalidCursorError
