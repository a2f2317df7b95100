"""Folds the events again, and compares every live document with the result, field by field.

The worker goes on meanwhile. A document that an event touched after the position that was folded to is
compared again, with that event folded too, until both are at one position.
"""

import logging
from collections.abc import Iterator
from hashlib import blake2b
from threading import Event as Flag
from time import monotonic
from typing import Any
from uuid import UUID

from pymongo.database import Database

from app.event_store.application import Servicing
from app.projections.engine.documents import FAULTED, POSITION
from app.projections.engine.faults import ProjectionFault
from app.projections.engine.leases import Lease, StoppedError, owner_name, taken_from_worker
from app.projections.engine.positions import MongoTrackingRecorder, refuse_other_store
from app.projections.engine.projection import Projection
from app.projections.engine.reading import EventReader
from app.projections.rebuild.differences import Difference, Kind, fields_that_differ, in_order, side_by_side
from app.projections.rebuild.one_document import put_in_place
from app.projections.rebuild.outcome import OnProgress, Outcome, Progress
from app.projections.rebuild.scratch import Scratch, scratch
from app.projections.rebuild.shadow import Phase

log = logging.getLogger(__name__)

_WAIT_S = 10.0
"""How long the projection's position may stand until it counts as out of reach."""
_WAIT_FOR_WORKER_S = 120.0
"""The same where its worker beats: writing a batch may take a while."""


class Sample:
    """Chooses a share of the documents, always the same ones for one ``seed``."""

    def __init__(self, share: float, seed: str, projection: Projection) -> None:
        """``share`` lies between 0 and 1."""
        self._least = int(share * 2**32)
        self._seed = seed.encode()[:16]
        self._projection = projection

    def has_aggregate(self, originator_id: UUID) -> bool:
        """Whether the document of an aggregate is in the sample."""
        digest = blake2b(originator_id.bytes, digest_size=4, salt=self._seed).digest()
        return int.from_bytes(digest, "big") < self._least

    def has(self, identifier: str) -> bool:
        """Whether a document is in the sample."""
        return any(self.has_aggregate(kind.id_of(identifier)) for kind in self._projection.own)


class _Patience:
    """How long to wait for a stalled position."""

    def __init__(self, position: int) -> None:
        self.position = position
        self._beat: Any = None
        self._moved_at = self._alive_at = monotonic()

    def lasts(self, record: dict[str, Any]) -> bool:
        """Note the projection's record. Whether to wait on."""
        now, beat = monotonic(), record.get("lease", {}).get("beat")
        if (position := int(record.get("position", 0))) != self.position:
            self.position, self._moved_at, self._alive_at = position, now, now
        if beat != self._beat:
            self._beat, self._alive_at = beat, now
        return now - self._alive_at < _WAIT_S and now - self._moved_at < _WAIT_FOR_WORKER_S


class Verify:
    """One projection's verification. Raises pymongo's errors and those of the event store as they are."""

    def __init__(
        self,
        projection: Projection,
        servicing: Servicing,
        database: Database[dict[str, Any]],
        stop: Flag,
        sample: Sample | None = None,
    ) -> None:
        """A projection whose documents are of many aggregates is compared whole, ``sample`` or not."""
        self.projection = projection
        self._database = database
        self._servicing = servicing
        self._live = database[projection.name]
        self._recorder = MongoTrackingRecorder(database, projection.name)
        self._stop = stop
        self._sample = sample if projection.own else None
        self._reader = EventReader(servicing, projection.topics(), projection.name)
        if self._sample is not None:
            self._reader.choose(projection.own, self._sample.has_aggregate)
        self.documents = 0
        self.wrong = 0
        """How many documents differ, or cannot be compared."""
        self.unfixed = 0
        self.behind = 0
        """How many of the positions that were stored at the beginning it lacks at the end."""
        self.outcome: Outcome | None = None
        """At the end."""

    def run(self, on_progress: OnProgress, *, fix: bool = False) -> Iterator[Difference]:
        """Each document that differs from its events; with ``fix`` they are corrected at the end.

        One with an event that cannot be folded stays as it is, and counts in ``unfixed``. Raises
        ProjectionFault for an event that cannot be read, and StoppedError.
        """
        name, wrong, undecided, begun = self.projection.name, list[str](), 0, monotonic()
        with scratch(self.projection, self._reader) as fold:
            target, newest = self._recorder.position(), self._servicing.max_position()
            refuse_other_store(name, target, newest)

            def on_page() -> None:
                if self._stop.is_set():
                    raise StoppedError
                on_progress(self._progress(fold, target))

            fold.fold_to(target, on_page)
            for difference in self._differences(fold, target):
                wrong.append(difference.identifier)
                undecided += difference.kind is Kind.UNDECIDED
                yield difference
            if fix and wrong:
                self._fix(fold, wrong)
            self.wrong = len(wrong)
            self.behind = max(0, newest - self._recorder.position())
            on_progress(self._progress(fold, fold.position))
            self.outcome = Outcome(
                projection=name,
                position=fold.position,
                events=fold.events,
                documents=self.documents,
                differences=self.wrong - undecided,
                undecided=undecided,
                fixed=self.wrong - self.unfixed if fix else 0,
                seconds=round(monotonic() - begun, 1),
            )

    def _progress(self, fold: Scratch, newest: int) -> Progress:
        return Progress(
            projection=self.projection.name,
            phase=Phase.FOLD if fold.position < newest else Phase.COMPARE,
            position=fold.position,
            newest=newest,
            documents=self.documents,
        )

    def _differences(self, fold: Scratch, target: int) -> Iterator[Difference]:
        doubtful = list(self._pass(fold))
        patience = _Patience(target)
        while doubtful and patience.lasts(self._recorder.record()):
            fold.fold_to(patience.position)
            waiting = []
            for identifier in doubtful:
                found = self._live.find_one({"_id": identifier})
                if found is not None and found.get(POSITION, 0) > patience.position:
                    waiting.append(identifier)  # An event after the projection's position has touched it.
                elif (difference := self._compare(fold, identifier, found)) is not None:
                    yield difference
            doubtful = waiting
            if doubtful and self._stop.wait(0.1):
                raise StoppedError
        yield from self._ahead(fold, doubtful)

    def _pass(self, fold: Scratch) -> Iterator[str]:
        """The documents that have to be compared again, in one pass over both sides in order of ``_id``."""
        live = in_order(self._live)
        if (sample := self._sample) is not None:
            live = (each for each in live if sample.has(each[0]))
        for identifier, expected, found in side_by_side(fold.documents.raw(), live):
            if self._stop.is_set():
                raise StoppedError
            self.documents += 1
            if expected != found or identifier in fold.unfoldable:
                yield identifier

    def _compare(self, fold: Scratch, identifier: str, found: dict[str, Any] | None) -> Difference | None:
        """What is wrong with a document that is at the position that was folded to, if anything is."""
        name, expected = self.projection.name, fold.document(identifier)
        if (aside := fold.unfoldable.get(identifier)) is not None:
            text = f"{aside.event} cannot be folded: {aside.error}"
            return Difference(name, identifier, Kind.UNFOLDABLE, aside.position, detail=text)
        at = (expected or found or {}).get(POSITION, 0)
        if found is None or expected is None:
            kind = Kind.MISSING if found is None else Kind.EXTRA
            return None if found is expected else Difference(name, identifier, kind, at)
        if (mark := found.get(FAULTED)) is not None:
            text = f"{mark.get('event')} at position {mark.get('position')}: {mark.get('error')}"
            return Difference(name, identifier, Kind.SET_ASIDE, at, detail=text)
        if fields := fields_that_differ(expected, found):
            return Difference(name, identifier, Kind.DIFFERENT, at, tuple(fields))
        return None

    def _ahead(self, fold: Scratch, identifiers: list[str]) -> Iterator[Difference]:
        """Documents beyond a stalled projection's position: a crash leaves such, and is harmless.

        They are compared at their own positions. One that cannot be compared at any is a difference too.
        """
        if identifiers:
            fold.fold_to(self._servicing.max_position())
        for identifier in identifiers:
            found, expected = self._live.find_one({"_id": identifier}), fold.document(identifier)
            at = (found or {}).get(POSITION, 0)
            if found and expected and at == expected[POSITION] and FAULTED not in found:
                if (difference := self._compare(fold, identifier, found)) is not None:
                    yield difference
            else:
                text = "it is beyond the projection's position, which does not move: run `billie project`"
                yield Difference(self.projection.name, identifier, Kind.UNDECIDED, at, detail=text)

    def _fix(self, fold: Scratch, wrong: list[str]) -> None:
        """Put documents in their places, while the worker waits."""
        lease = Lease(self._database, self.projection.name, owner_name("verify"))
        with taken_from_worker(lease, self._stop):
            fold.fold_to(self._recorder.position())
            for identifier in wrong:
                if identifier in fold.unfoldable:
                    self.unfixed += 1
                    continue
                try:
                    put_in_place(self._database, self.projection, identifier, fold.document(identifier))
                except ProjectionFault as fault:
                    log.error("%s", fault)
                    self.unfixed += 1
