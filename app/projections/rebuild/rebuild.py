"""Folds all events into shadow collections while the live ones are followed and read, then swaps them.

What was folded is kept every fifteen seconds with its position, so a rebuild that was cut short goes on from
there. Until the swap nobody sees a shadow; the swap is a moment in which this process has the
projection's lease.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event as Flag
from time import monotonic
from typing import Any

from pymongo.database import Database

from app.event_store.application import Servicing
from app.projections.engine.document_cache import DocumentCache
from app.projections.engine.document_store import MongoDocumentStore
from app.projections.engine.folding import FoldAgain, Folding
from app.projections.engine.leases import Lease, LeaseLostError, StoppedError, owner_name, taken_from_worker
from app.projections.engine.positions import COLLECTION, MongoTrackingRecorder, marked, refuse_another_store
from app.projections.engine.projection import Projection
from app.projections.engine.reading import Envelope, EventReader
from app.projections.rebuild.shadow import PREFIX, create_shadows
from app.projections.rebuild.swap import ERASED_UP_TO, Phase, begin_swap, finish_swap, prepare_swap, record_id

log = logging.getLogger(__name__)

_PAGE = 4_000
_KEEP, _WEIGHT = 50_000, 64 * 1024 * 1024
_KEEP_EVERY_S, _SAY_EVERY_S = 15.0, 2.0


@dataclass(frozen=True)
class Progress:
    """How far a rebuild is: events folded of those there are, documents written."""

    name: str
    phase: Phase
    position: int
    newest: int
    events: int
    documents: int


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild came to."""

    name: str
    position: int
    events: int
    documents: int
    seconds: float


OnProgress = Callable[[Progress], None]


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
        self.events = 0
        self._servicing = servicing
        self._database = database
        self._records = database[COLLECTION]
        self._strict = strict
        self._id = record_id(projection.name)
        self._recorder = MongoTrackingRecorder(database, self._id)
        self._live = MongoTrackingRecorder(database, projection.name)
        self._listed = 0
        self.lease = Lease(database, self._id, owner_name("rebuild"))
        self.live_lease = Lease(database, projection.name, owner_name("rebuild"))
        self._reader = EventReader(servicing, projection.topics(), projection.name)
        shadows = {name: MongoDocumentStore(database[PREFIX + name]) for name in projection.collections()}
        self._store = shadows[projection.name]
        self._folding = Folding(
            projection,
            self._reader,
            shadows,
            lambda store: DocumentCache(store, _KEEP, _WEIGHT),
            strict=strict,
        )
        self._kept_at = self._said_at = monotonic()
        self.seconds = 0.0
        """How long it has folded and written so far, also before it was resumed."""

    def begin(self, *, resume: bool) -> None:
        """Start anew, or from what was kept. The lease is ours. Raises ProjectionFault for another store."""
        refuse_another_store(self.projection.name, self._live.position(), self._servicing.max_position())
        record = self._recorder.record()
        if resume and record.get("phase") in (Phase.FOLD, Phase.CATCH_UP):
            if record.get("version") != self.projection.version:
                log.warning(
                    "%s has changed since that rebuild was begun: it begins anew", self.projection.name
                )
            elif self._strict and record.get("setAside"):
                log.warning("%s had documents set aside by then: it begins anew", self.projection.name)
            else:
                self.position, self.events = int(record["position"]), int(record.get("events", 0))
                self.seconds = float(record.get("seconds", 0))
                return
        # Said before any of it is gone: a crash on the way must leave nothing that looks like a beginning.
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
                self._go_back()
                raise
            if len(aside := self._folding.set_aside) > self._listed:
                self._recorder.set_aside(aside)
                self._listed = len(aside)
            self.events += len(events)
            self.position = reached
            self._folding.spill()

    def keep_sometimes(self, newest: int, phase: Phase) -> None:
        """Keep what was folded, if it is time; say how far we are, if it is time for that."""
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
                "position": self.position,
                "folded": self.position,
                "newest": newest,
                "phase": phase.value,
                "events": self.events,
                "documents": self._store.count(),
                "seconds": round(self.seconds, 1),
                "updatedAt": datetime.now(UTC),
            }
        )

    def catch_up(self, page: int = _PAGE) -> None:
        """Fold all that there is, and keep it."""
        while True:
            newest = self._servicing.max_position()
            try:
                if self.position >= newest:
                    self.keep(newest, Phase.CATCH_UP)
                    return
                read = self._reader.page(self.position, newest, page)
                self.fold(read.events, read.reached)
            except FoldAgain:
                continue

    def swap(self, stop: Flag) -> Rebuilt:
        """Take over from the live collection, with the live runner waiting. Raises StoppedError."""
        self._live.begin(self.projection.version)
        prepare_swap(self._database, self.projection)
        with taken_from_worker(self.live_lease, stop):
            self.catch_up()
            rebuilt = Rebuilt(
                self.projection.name, self.position, self.events, self._store.count(), self.seconds
            )
            figures = {
                "position": rebuilt.position,
                "events": rebuilt.events,
                "documents": rebuilt.documents,
                "seconds": round(rebuilt.seconds, 1),
                **marked(rebuilt.position, self._servicing.mark(rebuilt.position)),
            }
            begin_swap(self._database, self.lease, self.live_lease, figures)
            if not finish_swap(self._database, self.projection):
                msg = f"{self.projection.name}: the live collection was followed further meanwhile"
                raise LeaseLostError(msg)
        return rebuilt

    def progress(self, newest: int, phase: Phase) -> Progress:
        """How far it is."""
        return Progress(self.projection.name, phase, self.position, newest, self.events, self._store.written)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        begun = monotonic()
        try:
            yield
        finally:
            self.seconds += monotonic() - begun

    def _note(self, fields: dict[str, Any], forget: Sequence[str] = ()) -> None:
        """Write into the rebuild's record. Raises LeaseLostError where it is somebody else's."""
        change: dict[str, Any] = {"$set": fields}
        if forget:
            change["$unset"] = dict.fromkeys(forget, "")
        if not self._records.update_one(self.lease.mine, change).matched_count:
            self.lease.confirm()  # It says that the lease is lost.

    def _go_back(self) -> None:
        self._folding.clear()
        record = self._recorder.record()
        self.position, self.events = int(record.get("position", 0)), int(record.get("events", 0))


def rebuild(
    rebuilds: Sequence[Rebuild],
    servicing: Servicing,
    stop: Flag,
    on_progress: OnProgress,
    *,
    resume: bool = False,
) -> list[Rebuilt]:
    """Rebuild some projections in one pass over the events; all their leases are held, and beat.

    Raises StoppedError when ``stop`` is set, with all that was folded kept. Raises ProjectionFault: then
    what a batch has spoilt is not kept.
    """
    for each in rebuilds:
        each.begin(resume=resume)
    topics = {topic for each in rebuilds for topic in each.projection.topics()}
    try:
        _fold_all(rebuilds, EventReader(servicing, topics, "the rebuild"), stop, on_progress)
    except StoppedError:
        newest = servicing.max_position()
        for each in rebuilds:
            each.keep(newest, Phase.FOLD)
        raise
    done = []
    for each in rebuilds:
        newest = servicing.max_position()
        on_progress(each.progress(newest, Phase.CATCH_UP))
        each.catch_up()
        on_progress(each.progress(newest, Phase.SWAP))
        done.append(each.swap(stop))
    return done


def _fold_all(
    rebuilds: Sequence[Rebuild],
    reader: EventReader,
    stop: Flag,
    on_progress: OnProgress,
) -> None:
    newest = reader.servicing.max_position()
    while (start := min(each.position for each in rebuilds)) < newest:
        page = reader.page(start, newest, _PAGE)
        for each in rebuilds:
            if each.position >= page.reached:
                continue  # It was resumed from further on.
            events = [
                told
                for told in page.events
                if told.position > each.position and type(told.event) in each.types
            ]
            try:
                each.fold(events, page.reached)
                each.keep_sometimes(newest, Phase.FOLD)
            except FoldAgain:
                continue
            on_progress(each.progress(newest, Phase.FOLD))
        if stop.is_set():
            raise StoppedError
