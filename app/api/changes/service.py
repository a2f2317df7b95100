"""The changes of documents, read once for all listeners of this process.

One reader takes the new changes of each projection, once it has applied them: a reader of the document then
sees the change. The newest changes stay in memory, bounded for all listeners together. A listener keeps only
its position: one that is new or slow reads older changes from the event store, a page at a time. So no
listener waits for another, and nothing grows.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

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

KEPT = 10_000
"""Changes of one collection in memory."""
_READER_THREADS = 4
"""For listeners that are behind."""
_RETRY_S = 1.0
_FAULT_RETRY_S = 10.0


class Tail:
    """The newest changes of one collection, up to the position ``reached``."""

    def __init__(self, position: int, kept: int = KEPT) -> None:
        self.reached = position
        self._kept = kept
        self._pages: deque[Changes] = deque()
        self._count = 0

    def add(self, page: Changes) -> None:
        """Add the next page, and drop the oldest."""
        if self._pages and not page.found:
            self._pages[-1] = self._pages[-1]._replace(reached=page.reached)
        else:
            self._pages.append(page)
            self._count += 1 + len(page.found)
        self.reached = page.reached
        while self._count > self._kept and len(self._pages) > 1:
            self._count -= 1 + len(self._pages.popleft().found)

    def after(self, position: int) -> Changes | None:
        """The page after a position; None if it is no longer here."""
        for page in reversed(self._pages):
            if page.after <= position:
                return page if position < page.reached else None
        return None


class ChangeFeed:
    """Reads the changes while there are listeners."""

    def __init__(self, servers: Servers, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._servers, self._settings = servers, servers.settings
        self._positions = database[POSITIONS]
        projections = all_projections(servers.settings)
        self._projections = {name: projections[name] for name in COLLECTIONS}
        self._readers: dict[str, ChangeReader] = {}
        self._tails: dict[str, Tail] = {}
        self._admitted = self._listeners = 0
        self._moved = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._faulted_until: dict[str, float] = {}
        self._limit, self._own_limit = CapacityLimiter(_READER_THREADS), CapacityLimiter(1)
        self.away: str | None = None
        """The server that is away, if one is."""

    async def positions(self) -> dict[str, int]:
        """The position of each projection. Raises pymongo's errors."""
        found = self._positions.find({"_id": {"$in": list(self._projections)}}, {"position": 1})
        known = {each["_id"]: int(each["position"]) async for each in found}
        return {name: known.get(name, 0) for name in self._projections}

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Count as a listener within the block. Raises ProblemError (503) beyond the limit."""
        if self._admitted >= self._settings.changes_listeners:
            detail = "This server has as many listeners as it allows. Try again in a moment."
            raise ProblemError(503, "too_many_listeners", detail, retryable=True, retry_after_s=5)
        self._admitted += 1
        try:
            yield
        finally:
            self._admitted -= 1

    @asynccontextmanager
    async def listening(self, positions: dict[str, int]) -> AsyncIterator[None]:
        """Have the changes read within the block; ``positions`` are those of the projections now."""
        if self._reading is None:
            self._tails = {name: Tail(position) for name, position in positions.items()}
            self._reading = asyncio.create_task(self._read())
        self._listeners += 1
        try:
            yield
        finally:
            self._listeners -= 1
            if not self._listeners:
                self.stop()

    def stop(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    async def after(
        self, bookmark: dict[str, int], collections: Collection[str]
    ) -> AsyncGenerator[tuple[str, Change]]:
        """The changes of some collections after a bookmark, endlessly, while :meth:`listening`.

        The bookmark moves with them. A server that is away is waited for.
        """
        loop, waits_until = asyncio.get_running_loop(), dict[str, float]()
        while True:
            moved, is_level = self._moved, True
            for name in collections:
                reached = self._tails[name].reached
                if bookmark[name] >= reached or loop.time() < waits_until.get(name, 0):
                    continue
                try:
                    page = await self._page_after(name, bookmark[name], reached)
                except (PyMongoError, ProjectionFault, *EVENT_STORE_ERRORS) as error:
                    log.warning("Changes of %s cannot be read: %s", name, in_short(error))
                    pause = _FAULT_RETRY_S if isinstance(error, ProjectionFault) else _RETRY_S
                    waits_until[name] = loop.time() + pause
                    continue
                is_level, known = False, bookmark[name]
                changes = [each for each in page.found if each.position > known]
                for number, change in enumerate(changes, start=1):
                    # One event may change several documents: it is done with the last of them.
                    goes_on = number < len(changes) and changes[number].position == change.position
                    bookmark[name] = change.position - goes_on
                    yield name, change
                bookmark[name] = page.reached
            if is_level:
                # What could not be read is retried, whether or not anything moves.
                behind = [
                    at for name, at in waits_until.items() if bookmark[name] < self._tails[name].reached
                ]
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(min(behind, default=None)):
                        await moved.wait()

    async def _page_after(self, name: str, position: int, up_to: int) -> Changes:
        """From memory, otherwise from the event store."""
        if (page := self._tails[name].after(position)) is not None:
            return page
        return await to_thread.run_sync(self._page, name, position, up_to, limiter=self._limit)

    def _page(self, name: str, after: int, up_to: int) -> Changes:
        if (reader := self._readers.get(name)) is None:
            store, database = self._servers.event_store(), self._servers.database
            reader = self._readers[name] = ChangeReader(self._projections[name], store, database)
        return reader.page(after, up_to)

    async def _read(self) -> None:
        while True:
            try:
                is_behind = await self._step()
            except (PyMongoError, *EVENT_STORE_ERRORS) as error:
                if self.away is None:
                    log.warning("Cannot read changes: %s", in_short(error))
                self.away = "database" if isinstance(error, PyMongoError) else "event store"
                await asyncio.sleep(_RETRY_S)
                continue
            except Exception as error:  # noqa: BLE001 - listeners must not hang
                log.error("Cannot read changes, by a fault of ours: %s", where(error))
                await asyncio.sleep(_RETRY_S)
                continue
            self.away = None
            if not is_behind:
                await asyncio.sleep(self._settings.poll_ms / 1_000)

    async def _step(self) -> bool:
        """Read a page of each collection that has moved. Returns whether more follow."""
        now, is_behind = asyncio.get_running_loop().time(), False
        for name, position in (await self.positions()).items():
            tail = self._tails[name]
            if position <= tail.reached or now < self._faulted_until.get(name, 0):
                continue
            try:
                page = await to_thread.run_sync(
                    self._page, name, tail.reached, position, limiter=self._own_limit
                )
            except ProjectionFault as fault:
                log.error("%s. Changes of %s are held up, those of others are not", fault, name)
                self._faulted_until[name] = now + _FAULT_RETRY_S
                continue
            tail.add(page)
            is_behind = is_behind or page.reached < position
            self._notify()
        return is_behind

    def _notify(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()
