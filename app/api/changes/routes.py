"""Which documents change, as it happens: server-sent events, for live screens and for caches."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, NamedTuple

from anyio import to_thread
from fastapi import APIRouter, Depends, Header, Query, Request

from app.api.auth.requires import Authenticated
from app.api.changes.bookmarks import read, written
from app.api.changes.feed import ChangeFeed
from app.api.http.event_streams import HEADERS, RETRY_MS, EventStream, event, stream_described, with_silences
from app.api.http.pages import Identifier
from app.api.http.problems import ProblemError, documented
from app.operations.servers import Servers
from app.projections.read_models.catalogue import COLLECTIONS
from app.projections.read_models.types import Model

router = APIRouter(
    prefix="/v1",
    tags=["changes"],
    dependencies=[Authenticated],
    responses=documented(400, 401, 403, 422, 503),
)

_LONGEST_ID = 500
_EXAMPLE = """id: eyJjdXN0b21lcnMiOjIxNH0
event: change
data: {"collection":"customers","id":"CUS-900001","customerId":"CUS-900001","position":214}

"""
Wanted = Annotated[
    list[str],
    Query(
        max_length=len(COLLECTIONS),
        description="Only of these collections; may be given several times. All, without it.",
        json_schema_extra={"items": {"type": "string", "enum": list(COLLECTIONS)}},
    ),
]
LastEvent = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        max_length=_LONGEST_ID,
        description="Go on after this event; `0` tells of every document that there is.",
    ),
]


class DocumentChange(Model):
    """A document that has changed: read it again, and you see the change."""

    collection: str
    id: str
    customer_id: str | None = None
    """Whose it is now; absent where it is of no one customer, or nobody has said."""
    position: int
    """Of the event that changed it, in the event store."""


class _Start(NamedTuple):
    """How far the projections have come, and where the reader goes on."""

    positions: dict[str, int]
    bookmark: dict[str, int]


def _feed(request: Request) -> ChangeFeed:
    feed: ChangeFeed = request.app.state.changes
    return feed


async def _collections(collection: Wanted = []) -> list[str]:  # noqa: B006 - FastAPI copies it
    if unknown := [each for each in collection if each not in COLLECTIONS]:
        detail = f"There is no collection {unknown[0][:64]!r}. There are: {', '.join(COLLECTIONS)}."
        raise ProblemError(400, "unknown_collection", detail)
    return list(dict.fromkeys(collection)) or list(COLLECTIONS)


async def _admitted(feed: Annotated[ChangeFeed, Depends(_feed)]) -> AsyncGenerator[None]:
    """From before the first thing that is waited for, until the stream has ended."""
    with feed.admitted():
        yield


async def _start(
    request: Request,
    feed: Annotated[ChangeFeed, Depends(_feed)],
    collections: Annotated[list[str], Depends(_collections)],
    lastEventId: LastEvent = None,  # noqa: N803 - the wire's name
) -> _Start:
    """Errors are answered as problems while that can be done: before the stream begins."""
    positions = await feed.positions()
    if lastEventId is None:
        return _Start(positions, {name: positions[name] for name in collections})
    try:
        known = read(lastEventId, COLLECTIONS)
    except ValueError as error:
        detail = "Last-Event-ID takes the id of an event of ours, unchanged; begin without it."
        raise ProblemError(400, "unknown_event", detail) from error
    newest = await to_thread.run_sync(_newest, request.app.state.servers)
    if max(known.values()) > newest:
        detail = f"The event store ends at {newest}: that event is of another one. Begin without it."
        raise ProblemError(400, "unknown_event", detail)
    return _Start(positions, {name: known[name] for name in collections})


@router.get(
    "/changes",
    operation_id="streamChanges",
    response_class=EventStream,
    responses=stream_described(_EXAMPLE),
    dependencies=[Depends(_admitted)],
)
async def stream_changes(
    request: Request,
    feed: Annotated[ChangeFeed, Depends(_feed)],
    start: Annotated[_Start, Depends(_start)],
    customerId: Identifier | None = None,  # noqa: N803
) -> EventStream:
    """Follow which documents change, as server-sent events `change`.

    Each has `collection`, `id`, `customerId` and `position` as its data, and comes once the change can be
    read. Send the last `id` back as `Last-Event-ID` to go on after it, whenever: nothing is missed.
    """
    return EventStream(_told(request, feed, start, customerId), headers=HEADERS)


async def _told(
    request: Request, feed: ChangeFeed, start: _Start, customer_id: str | None
) -> AsyncGenerator[bytes]:
    settings, bookmark = request.app.state.settings, start.bookmark
    yield event(comment="listening", retry=RETRY_MS, id=written(bookmark))
    async with feed.listening(start.positions):
        wanted = _wanted(feed, bookmark, customer_id)
        told = with_silences(
            wanted,
            settings.changes_heartbeat_seconds,
            request.app.state.closing,
            at_most_s=settings.changes_seconds,
        )
        async with aclosing(wanted), aclosing(told):
            async for each in told:
                if each is None:
                    comment = f"the {feed.waits_for} is away" if feed.waits_for else "nothing new"
                    # An id alone: whoever comes back goes on from here, though nothing was told.
                    each = event(comment=comment, id=written(bookmark))
                yield each


async def _wanted(
    feed: ChangeFeed, bookmark: dict[str, int], customer_id: str | None
) -> AsyncGenerator[bytes]:
    async with aclosing(feed.after(bookmark, list(bookmark))) as changes:
        async for collection, change in changes:
            if customer_id is None or change.customer_id == customer_id:
                shown = DocumentChange(
                    collection=collection,
                    id=change.id,
                    customer_id=change.customer_id,
                    position=change.position,
                )
                data = shown.model_dump_json(by_alias=True, exclude_none=True)
                yield event(event="change", id=written(bookmark), raw_data=data)


def _newest(servers: Servers) -> int:
    return servers.event_store().max_position()
