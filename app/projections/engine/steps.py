"""Follows the event store for one projection: a batch of events in, one bulk write out.

Where it is far behind, ten batches go into one write: most documents live for longer than one batch, and to
replace one costs more than to fold it. It begins with one, doubles with each write, and begins anew after a
failure: what takes twenty seconds would never come to its end where servers or processes go away every ten.

Each document holds the position of the last event folded into it (``_position``), and is written
only over an older one; the projection's own position moves afterwards. So a crash anywhere, or a
second runner, repeats harmlessly.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from eventsourcing.persistence import IntegrityError, Tracking
from pymongo.database import Database

from app.event_store.application import Servicing
from app.projections.engine.document_cache import Shelf
from app.projections.engine.document_store import MongoBacking
from app.projections.engine.faults import SetAside, refuse_another_event, refuse_another_store
from app.projections.engine.folding import FoldAgain, Folding
from app.projections.engine.positions import MongoTrackingRecorder, is_of_another_store
from app.projections.engine.projection import Projection
from app.projections.engine.reading import EventReader, Told
from app.projections.engine.tracing import FoldedMessages
from app.projections.engine.values import erases
from app.projections.rebuild.abandoned import AbandonedShadows
from app.runtime.observability.metrics import EVENTS_PROJECTED, PROJECTION_SECONDS
from app.runtime.observability.tracing import NO_TRACING, Tracing

_MOST_PAGES, _BYTES_AT_ONCE = 10, 32 * 1024 * 1024


class Engine:
    """Keeps one projection's collection up to date."""

    def __init__(
        self,
        projection: Projection,
        servicing: Servicing,
        database: Database[dict[str, Any]],
        batch: int = 2_000,
        cache: int = 5_000,
        *,
        strict: bool = False,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self.projection = projection
        self._folded = None if not tracing.is_on else FoldedMessages(tracing, projection.name)
        self.database = database
        self.recorder = MongoTrackingRecorder(database, projection.name)
        self.abandoned = AbandonedShadows(database, projection)
        self._servicing = servicing
        self._reader = EventReader(servicing, projection.topics(), projection.name)
        self._batch = batch
        self._folding = Folding(
            projection,
            self._reader,
            {name: MongoBacking(database[name]) for name in projection.collections()},
            lambda backing: Shelf(backing, cache),
            strict=strict,
        )
        self._pages_at_once = 1
        self._left_at: int | None = None
        self._erases = False
        self.set_aside: dict[str, SetAside] = {}
        """The documents that the last step set aside."""

    def position(self) -> int:
        """The position up to which this projection has folded all events."""
        return self.recorder.position()

    def newest(self) -> int:
        """The position of the newest event in the store."""
        return self._servicing.max_position()

    def step(self, position: int | None = None, fence: Callable[[], None] = lambda: None) -> int:
        """Fold the next batch. Returns by how many positions it moved: 0 when caught up.

        ``position`` is the projection's own, where the caller has just read it; ``fence`` is asked before
        anything is written, and raises where it must not be. Raises ProjectionFault for what stops the whole
        projection, and the drivers' errors as they are.
        """
        self.set_aside = {}
        if position is None:
            position = self.position()
        if position != self._left_at:
            # Another runner moved it, or this is the start: what is cached may lack events.
            self.clear()
        newest = self.newest()
        refuse_another_store(self.projection.name, position, newest)
        if position != self._left_at:
            self._refuse_another_event(position)
        if newest <= position:
            self._left_at = position
            return 0
        began, began_at = perf_counter(), datetime.now(UTC)
        self._erases = False
        reached = self._fold(position, newest, fence)
        if self._erases:
            self.abandoned.erased(reached)
        try:
            self.recorder.move(Tracking(self._servicing.name, reached), self._servicing.mark(reached))
        except IntegrityError:
            self._left_at = None  # Another runner is ahead: take up from there.
        else:
            self._left_at = reached
        if self._folded is not None:
            self._folded.written(began_at, datetime.now(UTC))
        PROJECTION_SECONDS.labels(self.projection.name).observe(perf_counter() - began)
        return reached - position

    def clear(self) -> None:
        """Forget what is cached: somebody else may have written it."""
        self._folding.forget()
        self._left_at = None

    def _refuse_another_event(self, position: int) -> None:
        """Raise ProjectionFault where the store was restored, and has grown beyond this position again."""
        if is_of_another_store(self.recorder.record(), self._servicing):
            raise refuse_another_event(self.projection.name, position)

    def _fold(self, position: int, newest: int, fence: Callable[[], None]) -> int:
        """Fold the events after ``position``, and write. Returns how far that went."""
        folding = self._folding
        while True:
            if self._folded is not None:
                self._folded.forget()
            try:
                reached, folded = self._fold_pages(position, newest)
                if not folded:
                    return reached
                fence()
                if aside := dict(folding.set_aside):
                    self.recorder.set_aside(aside)
                folding.write(self._events(position, reached))
            except FoldAgain:
                folding.clear()
            except BaseException:
                self.clear()
                self._pages_at_once = 1
                raise
            else:
                self._pages_at_once = min(2 * self._pages_at_once, _MOST_PAGES)
                self.set_aside = aside
                EVENTS_PROJECTED.labels(self.projection.name).inc(folded)
                return reached

    def _fold_pages(self, position: int, newest: int) -> tuple[int, int]:
        """Fold a page, and where there is more, some more: what lives longer than one is written once.

        Returns how far that went, and how many events were folded.
        """
        folded = size = 0
        for _ in range(self._pages_at_once):
            page = self._reader.page(position, newest, self._batch)
            self._folding.fold(page.events)
            if self._folded is not None:
                self._folded.add(page.events)
            folded += len(page.events)
            self._erases = self._erases or any(erases(told.event) for told in page.events)
            size += sum(told.size for told in page.events)
            position = page.reached
            if position >= newest or size >= _BYTES_AT_ONCE:
                break
        return position, folded

    def _events(self, position: int, reached: int) -> Iterator[Told]:
        """What was folded, read once more: nobody holds so many events only to name one of them."""
        while position < reached:
            page = self._reader.page(position, reached, self._batch)
            yield from page.events
            position = page.reached
