"""Folds events into documents: a batch at a time, whatever keeps the documents.

A document that cannot follow an event is set aside, and the others go on. Because a handler that fails
may have changed half of a document, the batch is then folded again from what is stored: whoever folds
forgets what is at hand, and reads the same events anew (:class:`FoldAgain`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from app.projections.engine.document_cache import DocumentCache
from app.projections.engine.document_store import POSITION, DocumentStore, RefusedError
from app.projections.engine.faults import FAULTED, Cause, ProjectionFault, SetAside, husk
from app.projections.engine.projection import Lookup, Projection, Target
from app.projections.engine.reading import Envelope, EventReader
from app.projections.engine.values import Document, erases
from app.runtime.observability.logging import where


class FoldAgain(Exception):  # noqa: N818 - it asks for something
    """Documents were found that cannot follow: they are known now, and will be left out."""


class Folding:
    """One projection's documents, and its lookup's, on their caches."""

    def __init__(
        self,
        projection: Projection,
        reader: EventReader,
        stores: Mapping[str, DocumentStore],
        cache: Callable[[DocumentStore], DocumentCache],
        *,
        strict: bool = False,
    ) -> None:
        """``stores`` keep the projection's collections, by name; ``cache`` makes the cache before one."""
        self.projection = projection
        self.documents = cache(stores[projection.name])
        self.documents.finish = projection.finish
        self.lookups = cache(stores[projection.lookup.collection]) if projection.lookup else None
        self._reader = reader
        self._strict = strict
        self._set_aside: dict[str, SetAside] = {}

    @property
    def set_aside(self) -> dict[str, SetAside]:
        """What was set aside since the last :meth:`write`, by document."""
        return self._set_aside

    def start_empty(self) -> None:
        """No documents are stored yet, and nobody else will store any."""
        self.documents.start_empty()
        if self.lookups is not None:
            self.lookups.start_empty()

    def fold(self, events: Sequence[Envelope]) -> None:
        """Fold events that follow those folded before.

        Raises FoldAgain, and ProjectionFault instead where it is strict. What is at hand is spoilt then.
        """
        known_before = len(self._set_aside)
        self._load(events)
        for told in events:
            self._fold_one(told)
        if len(self._set_aside) > known_before:
            raise FoldAgain

    def write(self, events: Iterable[Envelope] | None = None) -> dict[str, SetAside]:
        """Write all that changed. ``events`` are those that were folded since the last time, in order.

        Returns what was set aside since then, which is forgotten now.

        ``events`` are only looked at where MongoDB refuses documents. Raises FoldAgain for those,
        ProjectionFault where it refuses them marked, or where it is strict. Without ``events`` nobody
        knows at which one a document became what is refused: no more than its mark is written then.
        """
        try:
            self.flush()
        except RefusedError as error:
            if events is not None:
                self._refused(error, events)
            self._mark(error)
            self.flush()
        aside, self._set_aside = self._set_aside, {}
        return aside

    def flush(self) -> None:
        """Write all that changed. Raises RefusedError."""
        if self.lookups is not None:
            self.lookups.write()
        self.documents.write(in_order=self.projection.carries)

    def spill(self) -> None:
        """The batch is folded: write no more than what must make room. Raises ProjectionFault."""
        if self.lookups is not None:
            self.lookups.spill()
        if self.projection.carries:
            self.documents.settle()
            return
        try:
            self.documents.spill()
        except RefusedError as error:
            self._mark(error)
            self.spill()

    def forget(self) -> None:
        """Forget everything: the next events are folded as if they were the first."""
        self.clear()
        self._set_aside.clear()

    def clear(self) -> None:
        """Forget what is at hand, but not what is to be set aside."""
        self.documents.clear()
        if self.lookups is not None:
            self.lookups.clear()

    def _load(self, events: Sequence[Envelope]) -> None:
        projection = self.projection
        if projection.carries:
            self.documents.load_all()
        is_own = projection.is_own
        wanted = {told.event.business_id for told in events if is_own(told.event)}
        if (lookup := projection.lookup) is not None and self.lookups is not None:
            steps = [(key, told.event) for told in events if (key := lookup.key(told.event)) is not None]
            while steps:
                self.lookups.load(key for key, _ in steps)
                onward = []
                for key, meaning in steps:
                    document = self.lookups.get(key) or {}
                    wanted.update(lookup.members(document, meaning))
                    if (step := lookup.onward(document, meaning)) is not None:
                        onward.append(step)
                steps = onward
        self.documents.load(wanted)

    def _fold_one(self, told: Envelope) -> None:
        position = told.position
        try:
            targets = self._targets(told)
        except Exception as error:
            # Which documents it concerns is what could not be found out.
            raise self._fault(told, error) from error
        for target, meaning in targets:
            # Positions at loading count: one event may concern a document twice.
            if self.documents.loaded_at(target) >= position:
                continue
            document = self.documents.get(target)
            if document is not None and FAULTED in document:
                if erases(meaning):  # Its later events wait, but for this one.
                    self.documents.put(target, husk(document), position)
                continue
            aside = self._set_aside.get(target)
            if aside is not None and position >= aside.position:
                self.documents.put(target, aside.stamp(None if erases(meaning) else document), position)
                continue
            try:
                document = self.projection.evolve(document, meaning)
            except Exception as error:
                fault = self._fault(told, error)
                if self._strict:
                    raise fault from error
                self._set_aside[target] = SetAside(
                    Cause.EVOLVE_FAILED, position, type(told.event).__qualname__, where(error)
                )
                continue
            if document is not None:
                self.documents.put(target, document, position, told.size)

    def _targets(self, told: Envelope) -> list[Target]:
        event = told.event
        targets: list[Target] = [(event.business_id, event)] if self.projection.is_own(event) else []
        if (lookup := self.projection.lookup) is not None:
            at_hand = self.documents.at(told.position)
            for key, meaning in self._way(event):
                targets += lookup.follow(self._looked_up(lookup, key, meaning, told), meaning, at_hand)
        return targets

    def _way(self, event: Any) -> Iterator[tuple[str, Any]]:
        """The lookup documents that an event concerns, one after the other, and what it means there."""
        lookup, lookups = self.projection.lookup, self.lookups
        if lookup is None or lookups is None or (key := lookup.key(event)) is None:
            return
        step: tuple[str, Any] | None = (key, event)
        while step is not None:
            yield step
            step = lookup.onward(lookups.get(step[0]) or {}, step[1])

    def _looked_up(self, lookup: Lookup, key: str, meaning: Any, told: Envelope) -> Document:
        """The lookup document, changed by the event."""
        assert self.lookups is not None
        document = self.lookups.get(key) or {}
        if self.lookups.loaded_at(key) < told.position:
            lookup.evolve(document, meaning, told.position)
            if document:
                self.lookups.put(key, document, told.position, told.size)
        elif lookup.exact:
            # A run before this one came further with the lookup than with the documents, and ended.
            document = self._before(lookup, key, told.position)
            lookup.evolve(document, meaning, told.position)
        return document

    def _before(self, lookup: Lookup, key: str, position: int) -> Document:
        """The lookup document as it was before a position, from the events themselves."""
        document: Document = {}
        for told in self._reader.of(list(lookup.lookup_sources(key))):
            if told.position < position and lookup.key(told.event) == key:
                lookup.evolve(document, told.event, told.position)
        return document

    def _must_be_set_aside(self, error: RefusedError) -> None:
        """Raises ProjectionFault where that is not to be done, or was done and is refused as well."""
        if self._strict or any(each in self._set_aside for each in error.why) or "?" in error.why:
            raise ProjectionFault(str(error), Cause.MONGO_REFUSED) from error

    def _refused(self, error: RefusedError, events: Iterable[Envelope]) -> None:
        self._must_be_set_aside(error)
        first: dict[str, Envelope] = {}
        for told in events:
            for target in self._concerned(told):
                if self.documents.loaded_at(target) < told.position:
                    first.setdefault(target, told)
        for identifier, why in error.why.items():
            if (refused_at := first.get(identifier)) is None:
                raise ProjectionFault(str(error), Cause.MONGO_REFUSED) from error
            self._set_aside[identifier] = SetAside(
                Cause.MONGO_REFUSED,
                refused_at.position,
                type(refused_at.event).__qualname__,
                f"MongoDB refused it: {why}",
            )
        raise FoldAgain from error

    def _mark(self, error: RefusedError) -> None:
        """Leave of refused documents no more than a mark."""
        self._must_be_set_aside(error)
        for identifier, why in error.why.items():
            position = (self.documents.get(identifier) or {}).get(POSITION, 0)
            aside = SetAside(
                Cause.MONGO_REFUSED, position, "an event before it", f"MongoDB refused it: {why}"
            )
            self._set_aside[identifier] = aside
            self.documents.put(identifier, aside.stamp(None), position)

    def _concerned(self, told: Envelope) -> list[str]:
        targets = [told.event.business_id] if self.projection.is_own(told.event) else []
        if (lookup := self.projection.lookup) is not None and self.lookups is not None:
            at_hand = self.documents.at(told.position)
            for key, meaning in self._way(told.event):
                document = self.lookups.get(key) or {}
                targets += [target for target, _ in lookup.follow(document, meaning, at_hand)]
        return targets

    def _fault(self, told: Envelope, error: Exception) -> ProjectionFault:
        name = type(told.event).__qualname__
        msg = f"{self.projection.name} cannot fold {name} at position {told.position}: {where(error)}"
        return ProjectionFault(msg, Cause.EVOLVE_FAILED, told.position, name)
