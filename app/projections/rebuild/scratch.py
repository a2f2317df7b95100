"""Folds a projection into a temporary local file: to compare with, or to take one document from."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bson
from bson.codec_options import CodecOptions

from app.projections.engine.documents import NOT_BSON, Document, RefusedError, not_bson
from app.projections.engine.faults import ProjectionFault, SetAside
from app.projections.engine.folding import FoldAgain, Folding
from app.projections.engine.projection import Projection
from app.projections.engine.reading import Envelope, EventReader

_PAGE, _IDS_A_QUERY = 2_000, 500
_KEEP, _WEIGHT = 50_000, 64 * 1024 * 1024
_AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)


class LocalDocumentStore:
    """A temporary local file of BSON: faster than any server, and gone afterwards."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._folder = TemporaryDirectory(prefix="billie-")
        self._file = sqlite3.connect(Path(self._folder.name) / "documents.db")
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("PRAGMA synchronous = OFF")
        self._file.execute("CREATE TABLE documents (id TEXT PRIMARY KEY, bson BLOB) WITHOUT ROWID")

    def fetch(self, ids: Sequence[str] | None = None) -> Iterator[Document]:
        if ids is None:
            for _, raw in self.raw():
                yield bson.decode(raw, codec_options=_AWARE)
            return
        for start in range(0, len(ids), _IDS_A_QUERY):
            page = ids[start : start + _IDS_A_QUERY]
            places = ",".join("?" * len(page))
            for (raw,) in self._file.execute(f"SELECT bson FROM documents WHERE id IN ({places})", page):
                yield bson.decode(raw, codec_options=_AWARE)

    def raw(self) -> Iterator[tuple[str, bytes]]:
        """All documents as they are kept, in order of ``_id``."""
        return iter(self._file.execute("SELECT id, bson FROM documents ORDER BY id"))

    def write(self, new: list[Document], known: list[Document], *, in_order: bool = False) -> None:  # noqa: ARG002
        documents = [*new, *known]
        try:
            rows = [(document["_id"], bson.encode(document)) for document in documents]
        except NOT_BSON as error:
            raise RefusedError(self.name, not_bson(documents)) from error
        self._file.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?)", rows)

    def close(self) -> None:
        """Remove the file."""
        self._file.close()
        self._folder.cleanup()


class Scratch:
    """The documents of a projection, folded from its events."""

    def __init__(self, projection: Projection, reader: EventReader) -> None:
        self.reader = reader
        self.projection = projection
        self.stores = {name: LocalDocumentStore(name) for name in projection.collections()}
        self.documents = self.stores[projection.name]
        self._folding = Folding(projection, self.stores, _KEEP, _WEIGHT)
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

    def document(self, identifier: str) -> Document | None:
        """One document, as it was folded; spoilt where it is unfoldable."""
        return next(iter(self.documents.fetch([identifier])), None)

    def correct_document(self, identifier: str) -> Document | None:
        """The same. Raises ProjectionFault if one of the document's events cannot be folded."""
        if (aside := self.unfoldable.get(identifier)) is not None:
            msg = (
                f"{self.projection.name} cannot fold {aside.event} at position {aside.position} into "
                f"document {identifier}: {aside.error}"
            )
            raise ProjectionFault(msg, aside.cause, aside.position, aside.event)
        return self.document(identifier)


@contextmanager
def scratch(projection: Projection, reader: EventReader) -> Iterator[Scratch]:
    """A scratch fold, removed afterwards."""
    fold = Scratch(projection, reader)
    try:
        yield fold
    finally:
        for each in fold.stores.values():
            each.close()
