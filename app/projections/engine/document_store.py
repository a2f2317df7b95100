"""Where folded documents are kept: a collection of MongoDB, or a local file that ends with the process."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import bson
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from pymongo import InsertOne, ReplaceOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, DocumentTooLarge

from app.projections.engine.faults import FAULTED
from app.projections.engine.values import Document

POSITION = "_position"
Write = InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]]

_DUPLICATE_KEY = 11000
_REFUSALS = frozenset((2, 121, 10334, 17419, 17420))
"""MongoDB's BadValue, DocumentValidationFailure, and three for a document over 16 MiB."""
_TOO_LARGE = 10334
_PLACES_A_STATEMENT = 500
_IDS_A_QUERY = 100
NOT_BSON = (BSONError, OverflowError, UnicodeError)
"""What BSON's encoder raises for a value that it cannot hold."""


class RefusedError(Exception):
    """Documents that the store cannot hold: why, by ``_id``."""

    def __init__(self, collection: str, why: dict[str, str]) -> None:
        named = ", ".join(f"{identifier!r} ({reason})" for identifier, reason in why.items())
        super().__init__(f"MongoDB refuses {named} in {collection}")
        self.why = why


class DocumentStore(Protocol):
    """Keeps documents by ``_id``."""

    name: str

    def fetch(self, ids: Sequence[str] | None = None) -> Iterable[Document]:
        """Those of the documents that exist; all of them, without ``ids``."""

    def write(self, new: list[Document], known: list[Document], *, in_order: bool = False) -> None:
        """Keep documents, unless a newer form of one is there. ``known`` ones are there already.

        The new ones come first; with ``in_order`` they are written one after the other. Raises RefusedError.
        """


class MongoDocumentStore:
    """A collection. Raises pymongo's errors as they are, but for refused documents."""

    def __init__(self, collection: Collection[dict[str, Any]]) -> None:
        self.name = collection.name
        self.written = 0
        """How many documents were written, each as often as it was."""
        self._collection = collection

    def count(self) -> int:
        """How many documents there are."""
        return self._collection.estimated_document_count()

    def fetch(self, ids: Sequence[str] | None = None) -> Iterator[Document]:
        if ids is None:
            yield from self._collection.find()
            return
        for start in range(0, len(ids), _IDS_A_QUERY):
            yield from self._collection.find({"_id": {"$in": ids[start : start + _IDS_A_QUERY]}})

    def write(self, new: list[Document], known: list[Document], *, in_order: bool = False) -> None:
        if marks := [each for each in (*new, *known) if _is_bare_mark(each)]:
            # A bare mark holds nothing but its fault, which no validator allows.
            self._write([_newer(each) for each in marks], marks, bypass=True)
            new = [each for each in new if not _is_bare_mark(each)]
            known = [each for each in known if not _is_bare_mark(each)]
        # An insert costs a fraction of an upsert.
        pages = [[document] for document in new] if in_order else [new]
        there_already = [
            document for page in pages for document in self._write([InsertOne(item) for item in page], page)
        ]
        again = known + there_already
        self._write([_newer(item) for item in again], again)
        self.written += len(new) + len(known)

    def _write(
        self, writes: list[Write], documents: list[Document], *, bypass: bool | None = None
    ) -> list[Document]:
        """Returns the documents whose ``_id`` is there already: in a newer form, where that was asked."""
        if not writes:
            return []
        try:
            self._collection.bulk_write(writes, ordered=False, bypass_document_validation=bypass)
        except BulkWriteError as error:
            details = error.details or {}
            faults = details.get("writeErrors", ())
            if why := {documents[it["index"]]["_id"]: _why(it) for it in faults if _is_refusal(it)}:
                raise RefusedError(self.name, why) from error
            if details.get("writeConcernErrors") or not all(map(_is_there_already, faults)):
                raise
            return [documents[it["index"]] for it in faults]
        except (*NOT_BSON, DocumentTooLarge) as error:
            raise RefusedError(self.name, _not_bson(documents) or {"?": type(error).__name__}) from error
        return []


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
            for (raw,) in self._file.execute("SELECT bson FROM documents ORDER BY id"):
                yield decoded(raw)
            return
        for start in range(0, len(ids), _PLACES_A_STATEMENT):
            page = ids[start : start + _PLACES_A_STATEMENT]
            places = ",".join("?" * len(page))
            for (raw,) in self._file.execute(f"SELECT bson FROM documents WHERE id IN ({places})", page):
                yield decoded(raw)

    def raw(self) -> Iterator[tuple[str, bytes]]:
        """All documents as they are kept, in order of ``_id``."""
        return iter(self._file.execute("SELECT id, bson FROM documents ORDER BY id"))

    def write(self, new: list[Document], known: list[Document], *, in_order: bool = False) -> None:  # noqa: ARG002
        documents = [*new, *known]
        try:
            rows = [(document["_id"], bson.encode(document)) for document in documents]
        except NOT_BSON as error:
            raise RefusedError(self.name, _not_bson(documents)) from error
        self._file.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?)", rows)

    def close(self) -> None:
        """Remove the file."""
        self._file.close()
        self._folder.cleanup()


_AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)


def decoded(raw: bytes) -> Document:
    """A document of BSON, with aware times."""
    return bson.decode(raw, codec_options=_AWARE)


def _is_there_already(fault: dict[str, Any]) -> bool:
    """Whether the document's ``_id`` is taken, and no other key that is unique."""
    return fault.get("code") == _DUPLICATE_KEY and list(fault.get("keyPattern", ())) == ["_id"]


def _is_refusal(fault: dict[str, Any]) -> bool:
    """Whether it is the document's fault: one that is invalid, too large, or violates a unique index."""
    code = fault.get("code")
    return code in _REFUSALS or (code == _DUPLICATE_KEY and not _is_there_already(fault))


def _why(fault: dict[str, Any]) -> str:
    if fault["code"] != _DUPLICATE_KEY:
        return f"code {fault['code']}"
    fields = ", ".join(fault.get("keyPattern", ()))
    return f"code {_DUPLICATE_KEY}: another document has its {fields}"


def _not_bson(documents: list[Document]) -> dict[str, str]:
    why = {}
    for document in documents:
        try:
            if len(bson.encode(document)) > 16 * 1024 * 1024:
                why[document["_id"]] = f"code {_TOO_LARGE}"
        except NOT_BSON as error:
            why[document["_id"]] = type(error).__name__
    return why


def _is_bare_mark(document: Document) -> bool:
    return bool(document.get(FAULTED, {}).get("empty"))


def _newer(document: Document) -> Write:
    """Write over an older form. Where a newer one is there, the upsert meets its ``_id``."""
    newer_than = {"_id": document["_id"], POSITION: {"$lt": document[POSITION]}}
    return ReplaceOne(newer_than, document, upsert=True)
