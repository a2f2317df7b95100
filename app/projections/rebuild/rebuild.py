"""One projection's rebuild: folds all events into shadow collections beside the live ones, then swaps.

What was folded is kept every fifteen seconds with its position, so that a rebuild that was cut short can be
resumed. A shadow is invisible before the swap, a moment in which this process holds the projection's lease.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event as Flag
from time import monotonic
from typing import Any

from pymongo.database import Database

from app.event_store.application import Servicing
from app.projections.engine.documents import MongoDocumentStore
from app.projections.engine.folding import FoldAgain, Folding
from app.projections.engine.leases import Lease, LeaseLostError, owner_name, taken_from_worker
from app.projections.engine.positions import COLLECTION, MongoTrackingRecorder, marked, refuse_other_store
from app.projections.engine.projection import Projection
from app.projections.engine.reading import Envelope, EventReader
from app.projections.rebuild.outcome import Outcome, Progress
from app.projections.rebuild.shadow import (
    ERASED_UP_TO,
    PREFIX,
    Phase,
    begin_swap,
    create_shadows,
    finish_swap,
    index_shadows,
    record_id,
)

log = logging.getLogger(__name__)

_PAGE = 4_000
_KEEP, _WEIGHT = 50_000, 64 * 1024 * 1024
_KEEP_EVERY_S, _SAY_EVERY_S = 15.0, 2.0


class Rebuild:
    """One projection's rebuild. Raises pymongo's errors and those of the event store as they are."""

    def __init__(
        self,
        projection: Projection,
        servicing: Servicing,
        database: Database[dict[str, Any]],
        *,
        strict: bool,
    ) -> None:
        self.projection = projection
        self.types = frozenset(projection.event_types())
        """The classes of the events that it reads."""
        self.position = 0
        self.lease = Lease(database, record_id(projection.name), owner_name("rebuild"))
        self.live_lease = Lease(database, projection.name, owner_name("rebuild"))
        self._events = 0
        self._seconds = 0.0
        """Spent on folding and writing so far, also before it was resumed."""
        self._servicing = servicing
        self._database = database
        self._strict = strict
        self._recorder = MongoTrackingRecorder(database, record_id(projection.name))
        self._live = MongoTrackingRecorder(database, projection.name)
        self._reader = EventReader(servicing, projection.topics(), projection.name)
        shadows = {name: MongoDocumentStore(database[PREFIX + name]) for name in projection.collections()}
        self._store = shadows[projection.name]
        self._folding = Folding(projection, shadows, _KEEP, _WEIGHT, strict=strict)
        self._listed = 0
        self._kept_at = self._said_at = monotonic()

    def begin(self, *, resume: bool) -> None:
        """Start over, or from what was kept. The lease is ours. Raises ProjectionFault."""
        refuse_other_store(self.projection.name, self._live.position(), self._servicing.max_position())
        record = self._recorder.record()
        if resume and record.get("phase") in (Phase.FOLD, Phase.CATCH_UP):
            if record.get("version") != self.projection.version:
                log.warning("%s has changed since that rebuild began: it starts over", self.projection.name)
            elif self._strict and record.get("setAside"):
                log.warning("%s had documents set aside by then: it starts over", self.projection.name)
            else:
                self.position, self._events = int(record["position"]), int(record.get("events", 0))
                self._seconds = float(record.get("seconds", 0))
                return
        # Noted before anything is dropped: after a crash on the way there must be nothing to resume.
        self._note(
            {
                "projection": self.projection.name,
                "application": Servicing.name,
                "version": self.projection.version,
                "position": 0,
                "phase": Phase.PREPARE.value,
                "startedAt": datetime.now(UTC),
            },
            forget=("events", "documents", "seconds", "setAside", "folded", "newest"),
        )
        create_shadows(self._database, self.projection)
        self._folding.start_empty()
        self._note({"phase": Phase.FOLD.value}, forget=(ERASED_UP_TO,))

    def fold(self, events: Sequence[Envelope], reached: int) -> None:
        """Fold events that follow. Raises FoldAgain when it went back to what was kept last."""
        with self._timed():
            try:
                self._folding.fold(events)
            except FoldAgain:
                self._folding.clear()
                record = self._recorder.record()
                self.position, self._events = int(record.get("position", 0)), int(record.get("events", 0))
                raise
            if len(aside := self._folding.set_aside) > self._listed:
                self._recorder.set_aside(aside)
                self._listed = len(aside)
            self._events += len(events)
            self.position = reached
            self._folding.spill()

    def keep_sometimes(self, newest: int, phase: Phase) -> None:
        """Keep what was folded, or note the progress, if due."""
        now = monotonic()
        if now - self._kept_at > _KEEP_EVERY_S:
            self.keep(newest, phase)
        elif now - self._said_at > _SAY_EVERY_S:
            self._said_at = now
            self._note({"folded": self.position, "newest": newest, "phase": phase.value})

    def keep(self, newest: int, phase: Phase) -> None:
        """Write everything, and then the position: from here the rebuild can be resumed."""
        self.lease.confirm()
        with self._timed():
            if aside := self._folding.write():
                self._recorder.set_aside(aside)
            self._listed = 0
        self._kept_at = self._said_at = monotonic()
        self._note(
            {
                **self._figures(),
                "folded": self.position,
                "newest": newest,
                "phase": phase.value,
                "updatedAt": datetime.now(UTC),
            }
        )

    def catch_up(self) -> None:
        """Fold all stored events, and keep them."""
        while (newest := self._servicing.max_position()) > self.position:
            page = self._reader.page(self.position, newest, _PAGE)
            try:
                self.fold(page.events, page.reached)
            except FoldAgain:
                continue
        self.keep(newest, Phase.CATCH_UP)

    def swap(self, stop: Flag) -> Outcome:
        """Take the place of the live collections, while the worker waits. Raises StoppedError."""
        name = self.projection.name
        self._live.begin(self.projection.version)
        index_shadows(self._database, self.projection)
        with taken_from_worker(self.live_lease, stop):
            self.catch_up()
            figures = self._figures()
            mark = marked(self.position, self._servicing.mark(self.position))
            begin_swap(self._database, self.projection, self.lease, self.live_lease, figures | mark)
            if not finish_swap(self._database, self.projection):
                raise LeaseLostError(f"{name}: another worker moved the live collection on")
        return Outcome(projection=name, **figures)

    def progress(self, newest: int, phase: Phase) -> Progress:
        """The progress so far."""
        return Progress(
            projection=self.projection.name,
            phase=phase,
            position=self.position,
            newest=newest,
            documents=self._store.written,
        )

    def _figures(self) -> dict[str, Any]:
        return {
            "position": self.position,
            "events": self._events,
            "documents": self._store.collection.estimated_document_count(),
            "seconds": round(self._seconds, 1),
        }

    @contextmanager
    def _timed(self) -> Iterator[None]:
        begun = monotonic()
        try:
            yield
        finally:
            self._seconds += monotonic() - begun

    def _note(self, fields: dict[str, Any], forget: Sequence[str] = ()) -> None:
        """Write into the rebuild's record. Raises LeaseLostError if it is no longer ours."""
        change: dict[str, Any] = {"$set": fields}
        if forget:
            change["$unset"] = dict.fromkeys(forget, "")
        if not self._database[COLLECTION].update_one(self.lease.mine, change).matched_count:
            self.lease.confirm()  # Raises.
