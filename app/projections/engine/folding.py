"""Folds events into documents, a batch at a time, for any store of documents.

A document that cannot follow an event is set aside, and the others go on. A handler that fails may have
changed half of a document, so the batch is then folded again from what is stored: the caller clears the
cache, and reads the same events again (:class:`FoldAgain`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.projections.engine.documents import (
    FAULTED,
    POSITION,
    Document,
    DocumentCache,
    DocumentStore,
    RefusedError,
)
from app.projections.engine.faults import Cause, ProjectionFault, SetAside
from app.projections.engine.projection import AtHand, Lookup, Projection, Target, erases, walk
from app.projections.engine.reading import Envelope
from app.runtime.observability.logging import where


class FoldAgain(Exception):  # noqa: N818 - it asks for something
    """Documents were found that cannot follow. They are noted, and will be left out."""


class Folding:
    """One projection's documents, and its lookup's, in their caches."""

    def __init__(
        self,
        projection: Projection,
        stores: Mapping[str, DocumentStore],
        keep: int,
        weight: int = 256 * 1024 * 1024,
        *,
        strict: bool = False,
    ) -> None:
        """``stores`` keep the projection's collections, by name; ``keep`` and ``weight`` bound each cache."""
        self.projection = projection
        self.documents = DocumentCache(stores[projection.name], keep, weight)
        self.documents.finish = projection.finish
        lookup = projection.lookup
        self.lookups = DocumentCache(stores[lookup.collection], keep, weight) if lookup else None
        self._caches = [self.documents, *([self.lookups] if self.lookups else [])]
        self.set_aside: dict[str, SetAside] = {}
        """What was set aside since the last :meth:`write`, by document."""
        self._strict = strict

    def start_empty(self) -> None:
        """No documents are stored yet, and nobody else will store any."""
        for each in self._caches:
            each.start_empty()

    def fold(self, events: Sequence[Envelope]) -> None:
        """Fold events that follow those folded before.

        Raises FoldAgain, or ProjectionFault if it is strict. The cache is spoilt then.
        """
        known_before = len(self.set_aside)
        self._load(events)
        for envelope in events:
            self._fold_one(envelope)
        if len(self.set_aside) > known_before:
            raise FoldAgain

    def write(self, *, again: bool = False) -> dict[str, SetAside]:
        """Write all changes. Returns what was set aside since the last time.

        For documents that MongoDB refuses, raises FoldAgain if the events since can be folded ``again``, and
        otherwise writes only their marks. Raises ProjectionFault if it refuses the marks, or is strict.
        """
        while True:
            try:
                self.flush()
            except RefusedError as error:
                self._refuse(error, mark=not again)
                if again:
                    raise FoldAgain from error
            else:
                aside, self.set_aside = self.set_aside, {}
                return aside

    def flush(self) -> None:
        """Write all changes. Raises RefusedError, and ProjectionFault for a lookup document.

        The documents first: where a crash leaves a lookup ahead of the position, all that its events led to
        is written, so no document shows more than the events up to its own position say.
        """
        self.documents.write(in_order=self.projection.carries)
        if self.lookups is not None:
            try:
                self.lookups.write()
            except RefusedError as error:
                raise ProjectionFault(str(error), Cause.MONGO_REFUSED) from error

    def spill(self) -> None:
        """The batch is folded: write only what must make room. Raises ProjectionFault."""
        if self.lookups is not None:
            self.lookups.spill()
        if self.projection.carries:
            self.documents.end_batch()
            return
        try:
            self.documents.spill()
        except RefusedError as error:
            self._refuse(error, mark=True)
            self.spill()

    def clear(self) -> None:
        """Empty the caches, but remember what is to be set aside."""
        for each in self._caches:
            each.clear()

    def _load(self, events: Sequence[Envelope]) -> None:
        """Load together what the events concern."""
        projection = self.projection
        if projection.carries:
            self.documents.load_all()
        is_own = projection.is_own
        wanted = {each.event.business_id for each in events if is_own(each.event)}
        if (lookup := projection.lookup) is not None and self.lookups is not None:
            for document, meaning, _ in walk(lookup, self.lookups, events):
                wanted.update(lookup.members(document, meaning))
        self.documents.load(wanted)

    def _fold_one(self, envelope: Envelope) -> None:
        position, event_class = envelope.position, type(envelope.event)
        try:
            targets = self._targets(envelope)
        except Exception as error:
            # Which documents it concerns is unknown.
            raise self._fault(envelope, error) from error
        for target, meaning in targets:
            # The position at loading counts: one event may concern a document twice.
            if self.documents.loaded_at(target) >= position:
                continue
            document = self.documents.get(target)
            if document is not None and FAULTED in document:
                if erases(meaning):  # Of its later events, all others wait.
                    mark = document[FAULTED] | {"empty": True}
                    self.documents.put(target, {FAULTED: mark}, position)
                continue
            aside = self.set_aside.get(target)
            if aside is not None and position >= aside.position:
                self.documents.put(target, aside.stamp(None if erases(meaning) else document), position)
                continue
            try:
                document = self.projection.evolve(document, meaning)
            except Exception as error:
                if self._strict:
                    raise self._fault(envelope, error) from error
                self.set_aside[target] = SetAside(
                    Cause.EVOLVE_FAILED, position, event_class.__qualname__, where(error)
                )
                continue
            if document is not None:
                self.documents.put(target, document, position, envelope.size, event_class)

    def _targets(self, envelope: Envelope) -> list[Target]:
        event = envelope.event
        targets: list[Target] = [(event.business_id, event)] if self.projection.is_own(event) else []
        lookup, lookups = self.projection.lookup, self.lookups
        if lookup is None or lookups is None or (key := lookup.key(event)) is None:
            return targets
        at_hand = AtHand(self.documents, envelope.position)
        step: tuple[str, Any] | None = (key, event)
        while step is not None:
            document = self._looked_up(lookup, lookups, *step, envelope)
            targets += lookup.follow(document, step[1], at_hand)
            step = lookup.onward(document, step[1])
        return targets

    def _looked_up(
        self, lookup: Lookup, lookups: DocumentCache, key: str, meaning: Any, envelope: Envelope
    ) -> Document:
        """The lookup document, changed by the event."""
        document = lookups.get(key) or {}
        if lookups.loaded_at(key) < envelope.position:
            lookup.evolve(document, meaning, envelope.position)
            if document:
                lookups.put(key, document, envelope.position, envelope.size)
        return document

    def _refuse(self, error: RefusedError, *, mark: bool) -> None:
        """Set aside what MongoDB refuses, at the first event since the last write.

        With ``mark``, in place: only the mark is left. Raises ProjectionFault if that must not be, or
        was done and refused too.
        """
        if self._strict or "?" in error.why or error.why.keys() & self.set_aside.keys():
            raise ProjectionFault(str(error), Cause.MONGO_REFUSED) from error
        for identifier, why in error.why.items():
            position, event_class = self.documents.changed[identifier]
            event = event_class.__qualname__ if event_class is not None else "an event"
            if mark:
                position = (self.documents.get(identifier) or {}).get(POSITION, 0)
                event = f"{event} or a later one"
            aside = SetAside(Cause.MONGO_REFUSED, position, event, f"MongoDB refused it: {why}")
            self.set_aside[identifier] = aside
            if mark:
                self.documents.put(identifier, aside.stamp(None), position)

    def _fault(self, envelope: Envelope, error: Exception) -> ProjectionFault:
        name = type(envelope.event).__qualname__
        msg = f"{self.projection.name} cannot fold {name} at position {envelope.position}: {where(error)}"
        return ProjectionFault(msg, Cause.EVOLVE_FAILED, envelope.position, name)
