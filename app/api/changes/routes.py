"""Which documents change, as it happens: server-sent events, for live screens and caches."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, NamedTuple

from anyio import to_thread
from fastapi import Depends, Header, Query, Request

from app.api.changes.service import ChangeFeed, format_bookmark, parse_bookmark
from app.api.http.event_streams import RETRY_MS, EventStream, event, stream_described, with_heartbeats
from app.api.http.pages import Identifier
from app.api.http.problems import ProblemError
from app.api.http.router import Router
from app.api.services import services_of
from app.projections.read_models.base import Model
from app.projections.read_models.catalogue import COLLECTIONS

router = Router("/v1", "changes")

_EXAMPLE = """id: 214
event: change
data: {"collection":"customers","id":"CUS-900001","customerId":"CUS-900001","position":214}

"""
Collections = Annotated[
    list[str],
    Query(
        max_length=len(COLLECTIONS),
        description="Only these collections; may be repeated. Default: all.",
        json_schema_extra={"items": {"type": "string", "enum": list(COLLECTIONS)}},
    ),
]
LastEvent = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        max_length=500,
        description="Resume after this event; `0` begins with every existing document.",
    ),
]


class DocumentChange(Model):
    """A document that has changed: read it again to see the change."""

    collection: str
    id: str
    customer_id: str | None = None
    """Whose it is now; absent if it belongs to no one customer, or it is not known."""
    position: int
    """Of the event that changed it, in the event store."""


class _Start(NamedTuple):
    """The positions of the projections, and where the reader resumes."""

    positions: dict[str, int]
    bookmark: dict[str, int]


async def _admitted(request: Request) -> AsyncGenerator[None]:
    """Hold a place from the first wait to the end of the stream."""
    with services_of(request).changes.admitted():
        yield


Place = Depends(_admitted)


async def _start(
    request: Request,
    collection: Collections = [],  # noqa: B006 - FastAPI copies it
    last_event_id: LastEvent = None,
) -> _Start:
    """A dependency, so that errors are answered as problems: before the stream begins."""
    if unknown := [each for each in collection if each not in COLLECTIONS]:
        detail = f"There is no collection {unknown[0][:64]!r}. Collections: {', '.join(COLLECTIONS)}."
        raise ProblemError(400, "unknown_collection", detail)
    collections = list(dict.fromkeys(collection)) or list(COLLECTIONS)
    services = services_of(request)
    positions = await services.changes.positions()
    if last_event_id is None:
        return _Start(positions, {name: positions[name] for name in collections})
    try:
        known = parse_bookmark(last_event_id, COLLECTIONS)
    except ValueError as error:
        detail = "Last-Event-ID takes the id of one of our events, unchanged. Start without it."
        raise ProblemError(400, "unknown_event", detail) from error
    newest = await to_thread.run_sync(lambda: services.servers.event_store().max_position())
    if max(known.values()) > newest:
        detail = f"The event store ends at {newest}: the event is of another event store. Start without it."
        raise ProblemError(400, "unknown_event", detail)
    return _Start(positions, {name: known[name] for name in collections})


@router.get(
    "/changes", response_class=EventStream, responses=stream_described(_EXAMPLE), dependencies=[Place]
)
async def stream_changes(
    request: Request,
    start: Annotated[_Start, Depends(_start)],
    customerId: Identifier | None = None,  # noqa: N803 - the wire's name
) -> EventStream:
    """Follow which documents change, as server-sent events `change`.

    An event's data has `collection`, `id`, `customerId` and `position`; it is sent once the change can be
    read. Send the last `id` back as `Last-Event-ID` to resume after it, at any time: nothing is missed.
    """
    return EventStream(_stream(request, start, customerId))


async def _stream(request: Request, start: _Start, customer_id: str | None) -> AsyncGenerator[bytes]:
    services, bookmark = services_of(request), start.bookmark
    feed, settings = services.changes, services.settings
    yield event(comment="listening", retry=RETRY_MS, id=format_bookmark(bookmark))
    changes = _changes(feed, start, customer_id)
    events = with_heartbeats(
        changes, settings.changes_heartbeat_seconds, services.closing, max_s=settings.changes_seconds
    )
    async with aclosing(changes), aclosing(events):
        async for each in events:
            if each is None:
                comment = f"the {feed.away} is away" if feed.away else "nothing new"
                # With an id, so that a reader that returns resumes here.
                each = event(comment=comment, id=format_bookmark(bookmark))
            yield each


async def _changes(feed: ChangeFeed, start: _Start, customer_id: str | None) -> AsyncGenerator[bytes]:
    bookmark = start.bookmark
    async with aclosing(feed.after(bookmark, list(bookmark), start.positions)) as changes:
        async for collection, change in changes:
            if customer_id is None or change.customer_id == customer_id:
                shown = DocumentChange(collection=collection, **change._asdict())
                data = shown.model_dump_json(by_alias=True, exclude_none=True)
                yield event(event="change", id=format_bookmark(bookmark), raw_data=data)
