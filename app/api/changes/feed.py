"""The changes of documents, followed once for all who listen to them in this process.

One follower reads what is new of each projection, once that has come so far: whoever reads a document that
they hear of sees the change. The newest changes stay in memory, a bounded number for all listeners together.
A listener keeps no more than how far it has come: one that is new to us, or slow, reads from the event store
what is no longer in memory, a page at a time. So nobody waits for another, and nothing grows.
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
"""Changes of one collection that stay in memory."""
_READERS = 4
"""Threads that read for listeners who are behind, at most."""
_TRY_AGAIN_S = 1.0
_STANDS_FOR_S = 10.0


class Tail:
    """The newest changes of one collection, up to the position ``reached``; older ones go."""

    def __init__(self, position: int, kept: int = KEPT) -> None:
        self.reached = position
        self._kept = kept
        self._pages: deque[Changes] = deque()
        self._count = 0

    def add(self, page: Changes) -> None:
        """What follows."""
        if self._pages and not page.found:
            self._pages[-1] = self._pages[-1]._replace(reached=page.reached)
        else:
            self._pages.append(page)
            self._count += 1 + len(page.found)
        self.reached = page.reached
        while self._count > self._kept and len(self._pages) > 1:
            self._count -= 1 + len(self._pages.popleft().found)

    def after(self, position: int) -> Changes | None:
        """The page that goes on after a position; None where it is not here any more."""
        for page in reversed(self._pages):
            if page.after <= position:
                return page if position < page.reached else None
        return None


class ChangeFeed:
    """Follows the changes while somebody listens."""

    def __init__(self, servers: Servers, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._servers, self._settings = servers, servers.settings
        self._positions = database[POSITIONS]
        projections = all_projections(servers.settings)
        self._projections = {name: projections[name] for name in COLLECTIONS}
        self._readers: dict[str, ChangeReader] = {}
        self._tails: dict[str, Tail] = {}
        self._admitted = self._listeners = 0
        self._moved = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self._stands_until: dict[str, float] = {}
        self._limit, self._own_limit = CapacityLimiter(_READERS), CapacityLimiter(1)
        self.waits_for: str | None = None
        """The server that is away, if one is."""

    async def positions(self) -> dict[str, int]:
        """How far each projection has come. Raises pymongo's errors."""
        found = self._positions.find({"_id": {"$in": list(self._projections)}}, {"position": 1})
        known = {each["_id"]: int(each["position"]) async for each in found}
        return {name: known.get(name, 0) for name in self._projections}

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Count among those who may listen, as long as this lasts. Raises ProblemError where all do."""
        if self._admitted >= self._settings.changes_listeners:
            detail = "This server tells changes to as many as it can. Try again shortly."
            raise ProblemError(
                503, "too_many_listeners", detail, retryable=True, headers={"Retry-After": "5"}
            )

        self._admitted += 1
        try:
            yield
        finally:
            self._admitted -= 1

    @asynccontextmanager
    async def listening(self, positions: dict[str, int]) -> AsyncIterator[None]:
        """Follow as long as this lasts; ``positions`` are those of the projections, just now."""
        if self._following is None:
            self._tails = {name: Tail(position) for name, position in positions.items()}
            self._following = asyncio.create_task(self._follow())
        self._listeners += 1
        try:
            yield
        finally:
            self._listeners -= 1
            if not self._listeners:
                self.stop()

    def stop(self) -> None:
        """Follow no more."""
        if self._following is not None:
            self._following.cancel()
            self._following = None

    async def after(
        self, bookmark: dict[str, int], collections: Collection[str]
    ) -> AsyncGenerator[tuple[str, Change]]:
        """The changes of some collections beyond a bookmark, for ever. It moves with them.

        Only for whoever is :meth:`listening`. A server that is away is waited for.
        """
        loop, waits_until = asyncio.get_running_loop(), dict[str, float]()
        while True:
            moved, level = self._moved, True
            for name in collections:
                reached = self._tails[name].reached
                if bookmark[name] >= reached or loop.time() < waits_until.get(name, 0):
                    continue
                try:
                    page = await self._page_after(name, bookmark[name], reached)
                except (PyMongoError, ProjectionFault, *EVENT_STORE_ERRORS) as error:
                    log.warning("Changes of %s cannot be read: %s", name, in_short(error))
                    pause = _STANDS_FOR_S if isinstance(error, ProjectionFault) else _TRY_AGAIN_S
                    waits_until[name] = loop.time() + pause
                    continue
                level, known = False, bookmark[name]
                told = [each for each in page.found if each.position > known]
                for number, change in enumerate(told, start=1):
                    # Several documents may have changed by one event: it is known with the last of them.
                    goes_on = number < len(told) and told[number].position == change.position
                    bookmark[name] = change.position - goes_on
                    yield name, change
                bookmark[name] = page.reached
            if level:
                # What could not be read is tried again, whether or not anything moves.
                behind = [
                    at for name, at in waits_until.items() if bookmark[name] < self._tails[name].reached
                ]
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(min(behind, default=None)):
                        await moved.wait()

    async def _page_after(self, name: str, position: int, up_to: int) -> Changes:
        """From memory, or else from the event store."""
        if (page := self._tails[name].after(position)) is not None:
            return page
        return await to_thread.run_sync(self._page, name, position, up_to, limiter=self._limit)

    def _page(self, name: str, after: int, up_to: int) -> Changes:
        if (reader := self._readers.get(name)) is None:
            store, database = self._servers.event_store(), self._servers.database
            reader = self._readers[name] = ChangeReader(self._projections[name], store, database)
        return reader.page(after, up_to)

    async def _follow(self) -> None:
        while True:
            try:
                is_behind = await self._step()
            except (PyMongoError, *EVENT_STORE_ERRORS) as error:
                if self.waits_for is None:
                    log.warning("Changes are not told: %s", in_short(error))
                self.waits_for = "database" if isinstance(error, PyMongoError) else "event store"
                await asyncio.sleep(_TRY_AGAIN_S)
                continue
            except Exception as error:  # noqa: BLE001 - whatever it is, listeners must not wait in vain
                log.error("Changes are not told, by a fault of ours: %s", where(error))
                await asyncio.sleep(_TRY_AGAIN_S)
                continue
            self.waits_for = None
            if not is_behind:
                await asyncio.sleep(self._settings.poll_ms / 1_000)

    async def _step(self) -> bool:
        """Read a page of each collection that has moved. Returns whether there is more."""
        now, is_behind = asyncio.get_running_loop().time(), False
        for name, position in (await self.positions()).items():
            tail = self._tails[name]
            if position <= tail.reached or now < self._stands_until.get(name, 0):
                continue
            try:
                page = await to_thread.run_sync(
                    self._page, name, tail.reached, position, limiter=self._own_limit
                )
            except ProjectionFault as fault:
                log.error("%s. Changes of %s are not told, those of others are", fault, name)
                self._stands_until[name] = now + _STANDS_FOR_S
                continue
            tail.add(page)
            is_behind = is_behind or page.reached < position
            self._tell()
        return is_behind

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()
