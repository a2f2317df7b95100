"""Keeps one projection's collection up to date: a batch of events in, one bulk write out.

Far behind, up to ten batches go into one write: most documents live for longer than one batch, and to replace
one costs more than to fold it. It begins with one batch, doubles with each write, and begins with one again
after a failure: a write of twenty seconds would never succeed where servers go away every ten.

Each document holds the position of the last event folded into it (``_position``), and is written only over an
older one; the projection's own position moves afterwards. So a crash anywhere, or a second worker, repeats
harmlessly.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from eventsourcing.persistence import IntegrityError, Tracking
from pymongo.database import Database

from app.event_store.application import Servicing
from app.projections.engine.documents import MongoDocumentStore
from app.projections.engine.faults import SetAside
from app.projections.engine.folding import FoldAgain, Folding
from app.projections.engine.positions import MongoTrackingRecorder, refuse_another_event, refuse_other_store
from app.projections.engine.projection import Projection, erases
from app.projections.engine.reading import EventReader
from app.runtime.observability.metrics import EVENTS_PROJECTED, PROJECTION_SECONDS
from app.runtime.observability.tracing import NO_TRACING, Attributes, Tracing

_MOST_PAGES, _BYTES_AT_ONCE = 10, 32 * 1024 * 1024
_KEEP = 5_000
"""Documents in the cache."""


class Projector:
    """Folds the events of one projection, step by step."""

    def __init__(
        self,
        projection: Projection,
        servicing: Servicing,
        database: Database[dict[str, Any]],
        batch: int = 2_000,
        *,
        strict: bool = False,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self.projection = projection
        self.database = database
        self.recorder = MongoTrackingRecorder(database, projection.name)
        self.set_aside: dict[str, SetAside] = {}
        """The documents that the last step set aside."""
        self._servicing = servicing
        self._reader = EventReader(servicing, projection.topics(), projection.name)
        self._batch = batch
        self._tracing = tracing
        self._traced: dict[str, list[int]] = {}
        """The positions of the events of traced messages that were folded since the last write."""
        stores = {name: MongoDocumentStore(database[name]) for name in projection.collections()}
        self._folding = Folding(projection, stores, _KEEP, strict=strict)
        self._pages_at_once = 1
        self._left_at: int | None = None
        self._erases = False

    def position(self) -> int:
        """The position up to which this projection has folded all events."""
        return self.recorder.position()

    def newest(self) -> int:
        """The position of the newest event in the store."""
        return self._servicing.max_position()

    def step(
        self,
        position: int | None = None,
        fence: Callable[[], None] | None = None,
        on_erased: Callable[[int], None] | None = None,
    ) -> int:
        """Fold the next batch. Returns by how many positions it moved: 0 when caught up.

        ``position`` is the projection's own, where the caller has just read it. ``fence`` is called before
        anything is written, and raises where it must not be; ``on_erased`` before the position moves past an
        erasure of personal data. Raises ProjectionFault for what stalls the whole projection, and the errors
        of the event store and of MongoDB as they are.
        """
        self.set_aside = {}
        if position is None:
            position = self.position()
        newest = self.newest()
        refuse_other_store(self.projection.name, position, newest)
        if position != self._left_at:
            # Another worker moved it, or this is the start: the cache may lack events.
            self.clear()
            refuse_another_event(self.projection.name, self.recorder.record(), self._servicing)
        if newest <= position:
            self._left_at = position
            return 0
        began, began_at = perf_counter(), datetime.now(UTC)
        reached = self._fold(position, newest, fence)
        if self._erases and on_erased is not None:
            on_erased(reached)
        try:
            self.recorder.move(Tracking(self._servicing.name, reached), self._servicing.mark(reached))
        except IntegrityError:
            self._left_at = None  # Another worker is ahead: continue from there.
        else:
            self._left_at = reached
        self._trace(began_at)
        PROJECTION_SECONDS.labels(self.projection.name).observe(perf_counter() - began)
        return reached - position

    def clear(self) -> None:
        """Empty the cache: another process may have written the documents."""
        self._folding.clear()
        self._folding.set_aside.clear()
        self._left_at = None

    def _fold(self, position: int, newest: int, fence: Callable[[], None] | None) -> int:
        """Fold the events after ``position``, and write the documents. Returns how far that went."""
        folding = self._folding
        while True:
            try:
                reached, folded = self._fold_pages(position, newest)
                if not folded:
                    return reached
                if fence is not None:
                    fence()
                if aside := dict(folding.set_aside):
                    self.recorder.set_aside(aside)
                folding.write(again=True)
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
        """Fold a page, and more pages while far behind. Returns how far that went, and the events folded."""
        folded = size = 0
        self._erases = False
        self._traced.clear()
        for _ in range(self._pages_at_once):
            page = self._reader.page(position, newest, self._batch)
            self._folding.fold(page.events)
            for each in page.events if self._tracing.bound else ():
                if self._tracing.wants(message_id := each.event.message_id):
                    self._traced.setdefault(message_id, []).append(each.position)
            folded += len(page.events)
            self._erases = self._erases or any(erases(each.event) for each in page.events)
            size += sum(each.size for each in page.events)
            position = page.reached
            if position >= newest or size >= _BYTES_AT_ONCE:
                break
        return position, folded

    def _trace(self, began: datetime) -> None:
        """A span for each traced message of the batch: its documents can be read now."""
        name, ended = self.projection.name, datetime.now(UTC)
        for message_id, positions in self._traced.items():
            about: Attributes = {
                "billie.projection": name,
                "billie.message_id": message_id,
                "billie.position": positions[0],
                "billie.events": len(positions),
            }
            self._tracing.record(message_id, f"project {name}", began, ended, about)
