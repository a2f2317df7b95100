"""Folds the events again, and compares every live document with what comes out, field by field.

The live projector goes on meanwhile. A document that an event touched after the position that was folded
to is looked at again, with that event folded too, until both are at one position.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from threading import Event as Flag
from time import monotonic
from typing import Any
from uuid import UUID

from pymongo.database import Database

from app.event_store.application import Servicing
from app.projections.engine.document_store import POSITION
from app.projections.engine.faults import FAULTED, ProjectionFault
from app.projections.engine.leases import Lease, StoppedError, owner_name, taken_from_worker
from app.projections.engine.positions import MongoTrackingRecorder, refuse_another_store
from app.projections.engine.projection import Projection
from app.projections.engine.reading import EventReader
from app.projections.rebuild.differences import Difference, Kind, fields_that_differ
from app.projections.rebuild.one_document import put_in_place
from app.projections.rebuild.scratch import Scratch, scratch
from app.projections.rebuild.shadow import in_order, side_by_side

log = logging.getLogger(__name__)

_WAIT_S = 10.0
"""For so long the projection's position may stand until what it waits for counts as out of reach."""
_WAIT_FOR_RUNNER_S = 120.0
"""The same where somebody runs the projection, and beats: a batch that is written may take its time."""


@dataclass(frozen=True)
class Checked:
    """How far verifying is, or what it has looked at in the end."""

    name: str
    position: int
    newest: int
    events: int
    documents: int = 0


OnChecked = Callable[[Checked], None]


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
    """For how long a position is waited for that stands."""

    def __init__(self, position: int) -> None:
        self.position = position
        self._beat: Any = None
        self._moved_at = self._alive_at = monotonic()

    def lasts(self, record: dict[str, Any]) -> bool:
        """Look at the projection's record. Whether it is worth waiting on."""
        now, beat = monotonic(), record.get("lease", {}).get("beat")
        if (position := int(record.get("position", 0))) != self.position:
            self.position, self._moved_at, self._alive_at = position, now, now
        if beat != self._beat:
            self._beat, self._alive_at = beat, now
        return now - self._alive_at < _WAIT_S and now - self._moved_at < _WAIT_FOR_RUNNER_S


class Verify:
    """One projection, compared. Raises pymongo's errors and those of the event store as they are."""

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
        self.unfixed = 0
        self.behind = 0
        """How many positions it lacked at the end of what was stored at the beginning."""

    def run(self, on_checked: OnChecked, *, fix: bool = False) -> Iterator[Difference]:
        """Each document that is not what the events say; put right afterwards, with ``fix``.

        One with an event that cannot be folded stays as it is: it counts in ``unfixed``. Raises
        ProjectionFault for an event that cannot be read, and StoppedError.
        """
        wrong: list[str] = []
        with scratch(self.projection, self._reader) as fold:
            target, newest = self._recorder.position(), self._servicing.max_position()
            refuse_another_store(self.projection.name, target, newest)
            fold.fold_to(target, lambda: self._tell(fold, target, on_checked))
            doubtful = list(self._pass(fold))
            patience = _Patience(target)
            while doubtful and patience.lasts(self._recorder.record()):
                position = patience.position
                fold.fold_to(position)
                waiting = []
                for identifier in doubtful:
                    again, difference = self._look_again(fold, identifier, position)
                    if again:
                        waiting.append(identifier)
                    elif difference is not None:
                        wrong.append(identifier)
                        yield difference
                doubtful = waiting
                if doubtful and self._stop.wait(0.1):
                    raise StoppedError
            for difference in self._ahead(fold, doubtful):
                wrong.append(difference.identifier)
                yield difference
            if fix and wrong:
                self._fix(fold, wrong)
            self.behind = max(0, newest - self._recorder.position())
            on_checked(
                Checked(self.projection.name, fold.position, fold.position, fold.events, self.documents)
            )

    def _pass(self, fold: Scratch) -> Iterator[str]:
        """Goes through both sides in order of ``_id``. Gives those that have to be looked at again."""
        live = in_order(self._database, self.projection.name)
        if (sample := self._sample) is not None:
            live = (each for each in live if sample.has(each[0]))
        for identifier, expected, found in side_by_side(fold.documents.raw(), live):
            if self._stop.is_set():
                raise StoppedError
            self.documents += 1
            if expected != found or identifier in fold.unfoldable:
                yield identifier

    def _ahead(self, fold: Scratch, identifiers: list[str]) -> Iterator[Difference]:
        """Documents beyond the projection's position, which stands: a crash leaves such, and is well.

        They are compared at their own positions. What cannot be compared at any is a difference too.
        """
        if identifiers:
            fold.fold_to(self._servicing.max_position())
        for identifier in identifiers:
            found, expected = self._live.find_one({"_id": identifier}), fold.document(identifier)
            at = (found or {}).get(POSITION, 0)
            if found and expected and at == expected[POSITION] and FAULTED not in found:
                if fields := fields_that_differ(expected, found):
                    yield Difference(self.projection.name, identifier, Kind.DIFFERENT, at, tuple(fields))
            else:
                text = "it is beyond the projection's position, which does not move: run `billie project`"
                yield Difference(self.projection.name, identifier, Kind.UNDECIDED, at, detail=text)

    def _look_again(self, fold: Scratch, identifier: str, position: int) -> tuple[bool, Difference | None]:
        """Whether to come back to it, and else what is wrong with it, if anything is."""
        found = self._live.find_one({"_id": identifier})
        if found is not None and found.get(POSITION, 0) > position:
            return True, None  # An event after our position has touched it.
        expected = fold.document(identifier)
        name = self.projection.name
        if (aside := fold.unfoldable.get(identifier)) is not None:
            text = f"{aside.event} cannot be folded: {aside.error}"
            return False, Difference(name, identifier, Kind.UNFOLDABLE, aside.position, detail=text)
        at = (expected or found or {}).get(POSITION, 0)
        if found is None and expected is not None:
            return False, Difference(name, identifier, Kind.MISSING, at)
        if found is not None and expected is None:
            return False, Difference(name, identifier, Kind.EXTRA, at)
        if found is None or expected is None:
            return False, None
        if (mark := found.get(FAULTED)) is not None:
            text = f"{mark.get('event')} at position {mark.get('position')}: {mark.get('error')}"
            return False, Difference(name, identifier, Kind.SET_ASIDE, at, detail=text)
        if fields := fields_that_differ(expected, found):
            return False, Difference(name, identifier, Kind.DIFFERENT, at, tuple(fields))
        return False, None

    def _fix(self, fold: Scratch, wrong: list[str]) -> None:
        """Put documents in their places, while the projection waits."""
        lease = Lease(self._database, self.projection.name, owner_name("verify"))
        with taken_from_worker(lease, self._stop):
            fold.fold_to(self._recorder.position())
            for identifier in wrong:
                if identifier in fold.unfoldable:
                    self.unfixed += 1
                    continue
                document = fold.document(identifier)
                try:
                    put_in_place(self._database, self.projection, identifier, document)
                except ProjectionFault as fault:
                    log.error("%s", fault)
                    self.unfixed += 1

    def _tell(self, fold: Scratch, target: int, on_checked: OnChecked) -> None:
        if self._stop.is_set():
            raise StoppedError
        on_checked(Checked(self.projection.name, fold.position, target, fold.events))
