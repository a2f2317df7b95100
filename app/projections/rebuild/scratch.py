"""Folds a projection into a temporary local file: to compare with, or to take one document from."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from app.projections.engine.document_cache import DocumentCache
from app.projections.engine.document_store import LocalDocumentStore
from app.projections.engine.faults import ProjectionFault, SetAside
from app.projections.engine.folding import FoldAgain, Folding
from app.projections.engine.projection import Projection
from app.projections.engine.reading import Envelope, EventReader
from app.projections.engine.values import Document

_PAGE = 2_000
_KEEP, _WEIGHT = 50_000, 64 * 1024 * 1024


class Scratch:
    """The documents of a projection, folded from its events."""

    def __init__(self, projection: Projection, reader: EventReader) -> None:
        self.reader = reader
        self.projection = projection
        self._stores = {name: LocalDocumentStore(name) for name in projection.collections()}
        self.documents = self._stores[projection.name]
        self._folding = Folding(
            projection, reader, self._stores, lambda store: DocumentCache(store, _KEEP, _WEIGHT)
        )
        self._folding.start_empty()
        self.position = 0
        self.events = 0
        self.unfoldable: dict[str, SetAside] = {}
        """Documents with an event that their handler fails at: their correct contents are unknown."""

    def fold_to(self, position: int, on_page: Callable[[], None] | None = None) -> None:
        """Fold on, up to a position, and keep everything. Raises ProjectionFault."""
        while self.position < position:
            page = self.reader.page(self.position, position, _PAGE)
            self._fold(page.events)
            self.events += len(page.events)
            self.position = page.reached
            self._folding.spill()
            if on_page is not None:
                on_page()
        self._folding.flush()

    def fold_these(self, events: Sequence[Envelope]) -> None:
        """Fold only these events, in order of their positions, and keep everything."""
        self._fold(events)
        self._folding.flush()

    def _fold(self, events: Sequence[Envelope]) -> None:
        try:
            self._folding.fold(events)
        except FoldAgain:
            # Their state is spoilt; they stay on the list, to be skipped.
            self.unfoldable.update(self._folding.set_aside)

    def raise_if_unfoldable(self, identifier: str) -> None:
        """Raises ProjectionFault if one of the document's events cannot be folded."""
        if (aside := self.unfoldable.get(identifier)) is not None:
            msg = (
                f"{self.projection.name} cannot fold {aside.event} at position {aside.position} into "
                f"document {identifier}: {aside.error}"
            )
            raise ProjectionFault(msg, aside.cause, aside.position, aside.event)

    def document(self, identifier: str) -> Document | None:
        """One document, as it was folded; spoilt where it is unfoldable."""
        return next(iter(self.documents.fetch([identifier])), None)

    def close(self) -> None:
        """Remove the files."""
        for each in self._stores.values():
            each.close()


@contextmanager
def scratch(projection: Projection, reader: EventReader) -> Iterator[Scratch]:
    """A scratch fold, removed afterwards."""
    fold = Scratch(projection, reader)
    try:
        yield fold
    finally:
        fold.close()
