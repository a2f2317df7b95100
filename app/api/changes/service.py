"""The changes of documents, read once for all listeners of this process.

A listener keeps only its position, and reads the changes after it from the event store a page at a time, once
the projections have applied them: a reader of the document then sees the change. Listeners at one position
share the page, and the latest pages stay in memory. So no listener waits for another, and nothing grows.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from app.api.http.problems import ProblemError
from app.event_store.errors import EVENT_STORE_ERRORS
from app.operations.servers import Servers
from app.projections.engine.changes import Change, ChangeReader, Changes
from app.projections.engine.faults import ProjectionFault
from app.projections.engine.positions import COLLECTION as POSITIONS
from app.projections.read_models.catalogue import COLLECTIONS, all_projections
from app.runtime.observability.logging import in_short, where

log = logging.getLogger(__name__)

T = TypeVar("T")

_KEPT_PAGES = 64
_READER_THREADS = 4
_RETRY_S = 1.0
_FAULT_RETRY_S = 10.0
_BOOKMARK = re.compile(r"([0-9]{1,18})((?:,[a-z-]+:[0-9]{1,18})*)", re.ASCII)


class ChangeFeed:
    """Reads the changes while there are listeners."""

    def __init__(self, servers: Servers, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._servers, self._settings = servers, servers.settings
        self._positions = database[POSITIONS]
        projections = all_projections(servers.settings)
        self._projections = {name: projections[name] for name in COLLECTIONS}
        self._readers: dict[str, ChangeReader] = {}
        self._reached: dict[str, int] = {}
        self._pages: dict[tuple[str, int], asyncio.Task[Changes]] = {}
        self._listeners = 0
        self._moved = asyncio.get_running_loop().create_future()
        self._polling: asyncio.Task[None] | None = None
        self._limit = CapacityLimiter(_READER_THREADS)
        self._away: dict[str, str] = {}

    @property
    def away(self) -> str | None:
        """The server that is away, if one is."""
        return next(iter(self._away.values()), None)

    async def positions(self) -> dict[str, int]:
        """The position of each projection. Raises pymongo's errors."""
        found = self._positions.find({"_id": {"$in": list(self._projections)}}, {"position": 1})
        known = {each["_id"]: int(each["position"]) async for each in found}
        return {name: known.get(name, 0) for name in self._projections}

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Count as a listener within the block. Raises ProblemError (503) beyond the limit."""
        if self._listeners >= self._settings.changes_listeners:
            detail = "This server has as many listeners as it allows. Try again in a moment."
            raise ProblemError(503, "too_many_listeners", detail, retryable=True, retry_after_s=5)
        self._listeners += 1
        try:
            yield
        finally:
            self._listeners -= 1
            if not self._listeners:
                self.stop()

    def stop(self) -> None:
        """Stop reading."""
        if self._polling is not None:
            for task in (self._polling, *self._pages.values()):
                task.cancel()
            self._polling = None

    async def after(
        self, bookmark: dict[str, int], collections: Collection[str], positions: dict[str, int]
    ) -> AsyncGenerator[tuple[str, Change]]:
        """The changes of some collections after a bookmark, endlessly, while :meth:`admitted`.

        The bookmark moves with them. ``positions`` are those of the projections now. A server that is away is
        waited for.
        """
        if self._polling is None:
            self._reached, self._pages, self._away = positions, {}, {}
            self._polling = asyncio.create_task(self._poll())
        while True:
            behind = [name for name in collections if bookmark[name] < self._reached[name]]
            pages = {self._page(name, bookmark[name]): name for name in behind}
            await asyncio.wait((*pages, self._moved), return_when=asyncio.FIRST_COMPLETED)
            for task, name in pages.items():
                if not task.done():
                    continue
                found = task.result().found
                for number, change in enumerate(found, start=1):
                    # One event may change several documents: it is done with the last of them.
                    goes_on = number < len(found) and found[number].position == change.position
                    bookmark[name] = change.position - goes_on
                    yield name, change
                bookmark[name] = task.result().reached

    async def _poll(self) -> None:
        while True:
            positions = await self._until_read("positions", self.positions)
            if positions != self._reached:
                self._reached = positions
                self._moved.set_result(None)
                self._moved = asyncio.get_running_loop().create_future()
            await asyncio.sleep(self._settings.poll_ms / 1_000)

    def _page(self, name: str, after: int) -> asyncio.Task[Changes]:
        """The page after a position, from memory or from the event store."""
        if (page := self._pages.get((name, after))) is None:
            up_to = self._reached[name]
            read = partial(to_thread.run_sync, self._read, name, after, up_to, limiter=self._limit)
            page = asyncio.create_task(self._until_read(f"changes of {name}", read))
            done = [key for key, each in self._pages.items() if each.done()]
            for key in done[:-_KEPT_PAGES]:
                del self._pages[key]
            self._pages[name, after] = page
        return page

    def _read(self, name: str, after: int, up_to: int) -> Changes:
        if (reader := self._readers.get(name)) is None:
            store, database = self._servers.event_store(), self._servers.database
            reader = self._readers[name] = ChangeReader(self._projections[name], store, database)
        return reader.page(after, up_to)

    async def _until_read(self, what: str, read: Callable[[], Awaitable[T]]) -> T:
        """What is read, as soon as it can be."""
        while True:
            pause = _RETRY_S
            try:
                found = await read()
            except (PyMongoError, *EVENT_STORE_ERRORS) as error:
                if what not in self._away:
                    log.warning("Cannot read %s: %s", what, in_short(error))
                self._away[what] = "database" if isinstance(error, PyMongoError) else "event store"
            except ProjectionFault as fault:
                log.error("%s. %s are held up, those of others are not", fault, what.capitalize())
                pause = _FAULT_RETRY_S
            except Exception as error:  # noqa: BLE001 - listeners must not hang
                log.error("Cannot read %s, by a fault of ours: %s", what, where(error))
            else:
                self._away.pop(what, None)
                return found
            await asyncio.sleep(pause)


def format_bookmark(positions: Mapping[str, int]) -> str:
    """How far a reader has come: the id of an event, which they send back to resume after it.

    It is a position in the event store up to which they know all changes. A collection whose projection is
    behind has its own position after it (``1042,loan-accounts:980``): a stalled one holds up no other.
    """
    furthest = max(positions.values(), default=0)
    behind = (f",{name}:{position}" for name, position in sorted(positions.items()) if position < furthest)
    return f"{furthest}{''.join(behind)}"


def parse_bookmark(bookmark: str, collections: Mapping[str, object]) -> dict[str, int]:
    """The position of each collection. Raises ValueError for an invalid bookmark."""
    found = _BOOKMARK.fullmatch(bookmark)
    if found is None:
        raise ValueError("no bookmark")
    positions = dict.fromkeys(collections, int(found[1]))
    for each in found[2].split(",")[1:]:
        name, _, position = each.partition(":")
        if name not in collections:
            raise ValueError("an unknown collection")
        positions[name] = int(position)
    return positions
