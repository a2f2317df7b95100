"""Dead letters over REST: the same service as ``billie dead-letters``, for admins."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from app.api.auth.callers import Caller, Role
from app.api.auth.requires import Authenticated, requires
from app.api.http.etags import TAGGED, represented
from app.api.http.pages import Cursor, Identifier, Limit, Moment, Page, invalid_cursor, opaque, parts_of
from app.api.http.problems import documented, not_found
from app.ingestion.dead_letters.dead_letter import DeadLetter, DeadLetterInFull
from app.ingestion.dead_letters.replays import (
    LetterId,
    Replay,
    ReplayOutcome,
    ReplayReport,
    ReplayRequest,
    replay_many,
    replay_one,
)
from app.ingestion.dead_letters.scan import Filter
from app.ingestion.dead_letters.store import DeadLetterStore
from app.ingestion.messages.rejection import Reason
from app.operations.servers import Servers
from app.runtime.camel_model import CamelModel

router = APIRouter(
    prefix="/v1/dead-letters",
    tags=["operations"],
    dependencies=[Depends(requires(Role.ADMIN))],
    responses=documented(400, 401, 403, 422, 503),
)

_LETTER_ID = re.compile(r"[0-9]{1,19}-[0-9]{1,19}")

Id = Annotated[LetterId, Path(alias="letterId", description="As the list shows it.")]


class DeadLetterPage(Page[DeadLetter]):
    """A page of dead letters, oldest first, with how many there are of each reason under the same filters."""

    byReason: dict[str, int]  # noqa: N815 - the wire's name
    countIsComplete: bool = Field(description="False: only the oldest were counted.")  # noqa: N815


class Discarding(BaseModel):
    """Why a dead letter is discarded: kept for ever, with who said so."""

    because: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]


class Discarded(CamelModel):
    """A dead letter that was taken off the list, by whom, and why."""

    letter_id: str
    discarded_by: str
    because: str


def _servers(request: Request) -> Servers:
    servers: Servers = request.app.state.servers
    return servers


def _store(servers: Annotated[Servers, Depends(_servers)]) -> DeadLetterStore:
    return servers.dead_letters()


Answering = Annotated[Servers, Depends(_servers)]
Store = Annotated[DeadLetterStore, Depends(_store)]


@router.get("", operation_id="listDeadLetters", response_model_exclude_none=True)
def list_dead_letters(
    request: Request,
    store: Store,
    reason: Reason | None = None,
    type: Identifier | None = None,
    before: Moment | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> DeadLetterPage:
    """List dead letters, oldest first, without their entries; `before` is the time set aside.

    A long search may answer with a page that is not full, and a `next`.
    """
    wanted = Filter(reason, type, before)
    found = store.page(wanted, limit, None if cursor is None else _letter_id(cursor))
    counts = store.counts(wanted)
    following = found.after and str(request.url.include_query_params(cursor=opaque(found.after)))
    return DeadLetterPage(
        items=found.items,
        next=following,
        byReason=dict(counts.by_reason.most_common()),
        countIsComplete=counts.complete,
    )


@router.get(
    "/{letterId}",
    operation_id="getDeadLetter",
    responses=documented(404) | TAGGED,
    response_model=DeadLetterInFull,
)
def get_dead_letter(request: Request, response: Response, store: Store, letter_id: Id) -> Response:
    """Get one dead letter, whole: with the original entry."""
    return represented(request, response, _found(store, letter_id))


@router.post("/replay", operation_id="replayDeadLetters")
def replay_dead_letters(servers: Answering, body: ReplayRequest) -> ReplayReport:
    """Land the original entries again, unchanged, up to 1,000 in a call; `next` goes on with those left."""
    return replay_many(servers.dead_letters(), body, servers.event_store_to_write)


@router.post("/{letterId}/replay", operation_id="replayDeadLetter", responses=documented(404))
def replay_dead_letter(servers: Answering, letter_id: Id) -> Replay:
    """Land one original entry again, unchanged. It leaves the list, or stays with the new reason."""
    done = replay_one(servers.dead_letters(), letter_id, servers.event_store_to_write)
    if done.outcome is ReplayOutcome.GONE:
        raise not_found("dead letter", letter_id)
    return done


@router.post("/{letterId}/discard", operation_id="discardDeadLetter", responses=documented(404))
def discard_dead_letter(
    store: Store, letter_id: Id, body: Discarding, by: Annotated[Caller, Authenticated]
) -> Discarded:
    """Take one off the list, for a reason. It is kept, with who discarded it, when and why."""
    if not store.discard(letter_id, by.user, body.because):
        raise not_found("dead letter", letter_id)
    return Discarded(letter_id=letter_id, discarded_by=by.user, because=body.because)


def _found(store: DeadLetterStore, letter_id: str) -> DeadLetterInFull:
    if (found := store.get(letter_id)) is None:
        raise not_found("dead letter", letter_id)
    return found


def _letter_id(cursor: str) -> str:
    match parts_of(cursor):
        case [str(letter_id)] if _LETTER_ID.fullmatch(letter_id):
            return letter_id
    raise invalid_cursor()
