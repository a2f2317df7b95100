"""The documents of one collection that are being folded: loaded together, written together.

Below the cache is a store: a collection of MongoDB, or a local file (:mod:`app.projections.rebuild.scratch`).
"""

from bisect import insort
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import bson
from bson.errors import BSONError
from pymongo import InsertOne, ReplaceOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, DocumentTooLarge, OperationFailure

from app.errors import BillieError
from app.projections.engine.faults import FAULTED as FAULTED

Document = dict[str, Any]
Write = InsertOne[Document] | ReplaceOne[Document]
POSITION = "_position"
NOT_BSON = (BSONError, OverflowError, UnicodeError)
"""What BSON's encoder raises for a value that it cannot hold."""

_LEAST_WEIGHT = 500
"""Bytes that the smallest document counts."""
_MOST_ELSEWHERE = 100_000
"""Ids that are remembered at most: some 10 MB."""
_IDS_A_QUERY = 100
_DUPLICATE_KEY, TOO_LARGE = 11000, 10334
_REFUSALS = frozenset((2, 121, TOO_LARGE, 17419, 17420))
"""MongoDB's BadValue, DocumentValidationFailure, and three for a document over 16 MiB."""
CUT_OFF = frozenset((43, 175))
"""CursorNotFound, QueryPlanKilled: a rebuild replaced the collection. A query repeated reads the new one."""


class RefusedError(BillieError):
    """Documents that the store cannot hold: why, by ``_id``."""

    def __init__(self, collection: str, why: dict[str, str]) -> None:
        named = ", ".join(f"{identifier!r} ({reason})" for identifier, reason in why.items())
        super().__init__(f"MongoDB refuses {named} in {collection}")
        self.why = why


class DocumentStore(Protocol):
    """Keeps documents by ``_id``."""

    def fetch(self, ids: Sequence[str] | None = None) -> Iterable[Document]:
        """Those of the documents that exist; all of them, without ``ids``."""

    def write(self, new: list[Document], known: list[Document], *, in_order: bool = False) -> None:
        """Keep documents, unless a newer form of one is there. ``known`` ones are there already.

        The new ones come first; with ``in_order`` they are written one after the other. Raises RefusedError.
        """


class MongoDocumentStore:
    """A collection. Raises pymongo's errors as they are, but for refused documents."""

    def __init__(self, collection: Collection[Document]) -> None:
        self.written = 0
        """How many documents were written, each as often as it was."""
        self.collection = collection

    def fetch(self, ids: Sequence[str] | None = None) -> Iterator[Document]:
        if ids is None:
            yield from self.collection.find()
            return
        for start in range(0, len(ids), _IDS_A_QUERY):
            yield from self.collection.find({"_id": {"$in": ids[start : start + _IDS_A_QUERY]}})

    def write(self, new: list[Document], known: list[Document], *, in_order: bool = False) -> None:
        if marks := [each for each in (*new, *known) if is_bare_mark(each)]:
            # A bare mark holds nothing but its fault, which no validator allows.
            self._write([_newer(each) for each in marks], marks, bypass=True)
            new = [each for each in new if not is_bare_mark(each)]
            known = [each for each in known if not is_bare_mark(each)]
        # An insert costs a fraction of an upsert.
        again = list(known)
        for page in [[document] for document in new] if in_order else [new]:
            again += self._write([InsertOne(item) for item in page], page)
        self._write([_newer(item) for item in again], again)
        self.written += len(new) + len(known)

    def _write(
        self, writes: list[Write], documents: list[Document], *, bypass: bool | None = None
    ) -> list[Document]:
        """Returns the documents whose ``_id`` is there already: in a newer form, where that was asked."""
        if not writes:
            return []
        try:
            self.collection.bulk_write(writes, ordered=False, bypass_document_validation=bypass)
        except BulkWriteError as error:
            details = error.details or {}
            faults = details.get("writeErrors", ())
            if why := {documents[it["index"]]["_id"]: _why(it) for it in faults if _is_refusal(it)}:
                raise RefusedError(self.collection.name, why) from error
            if details.get("writeConcernErrors") or not all(map(_is_there_already, faults)):
                raise
            return [documents[it["index"]] for it in faults]
        except (*NOT_BSON, DocumentTooLarge, OperationFailure) as error:
            if isinstance(error, OperationFailure) and error.code != TOO_LARGE:
                raise
            why = not_bson(documents) or {"?": type(error).__name__}
            raise RefusedError(self.collection.name, why) from error
        return []


class DocumentCache:
    """Keeps the most recently used documents: at most ``keep``, and some ``weight`` bytes of events."""

    def __init__(self, store: DocumentStore, keep: int, weight: int = 256 * 1024 * 1024) -> None:
        self.finish: Callable[[Document], None] | None = None
        """Sets fields that follow from a document's others, before it is written."""
        self.changed: dict[str, tuple[int, type | None]] = {}
        """By document, the position and the class of the first event that changed it since it was written."""
        self._store, self._keep, self._most_weight = store, keep, weight
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._weights: dict[str, int] = {}
        self._weight = 0
        self._has_all = False
        self._elsewhere: set[str] | None = None
        """Those that are stored and not cached; None if that is unknown."""
        self._loaded_at: dict[str, int] = {}
        """The position before this batch of each document that was requested in it; 0 if it is not stored."""
        self._stored: set[str] = set()
        """The cached ones that are stored, in this or an older form."""
        self._ids: list[str] | None = None
        """The ids of the cached ones, sorted on first use."""

    def start_empty(self) -> None:
        """The store is empty, and nobody else will write to it: it need not be asked."""
        self._elsewhere = set()

    def load(self, ids: Iterable[str]) -> None:
        """Fetch those of the documents that are not cached."""
        wanted = {each for each in ids if each not in self._loaded_at}
        missing = wanted - self._documents.keys()
        if self._elsewhere is not None:
            missing &= self._elsewhere
        if missing:
            for document in self._store.fetch(list(missing)):
                self._take(document)
        for identifier in wanted:
            if (known := self._documents.get(identifier)) is not None:
                self._documents.move_to_end(identifier)
            self._loaded_at[identifier] = known.get(POSITION, 0) if known else 0

    def load_all(self) -> None:
        """Fetch the whole collection, once: for projections of few documents."""
        if not self._has_all:
            self._has_all = True
            for document in self._store.fetch():
                if document["_id"] not in self._documents:
                    self._take(document)

    def get(self, identifier: str) -> Document | None:
        """The document within this batch; fetched if it was not loaded."""
        if identifier not in self._loaded_at:
            self.load((identifier,))
        return self._documents.get(identifier)

    def loaded_at(self, identifier: str) -> int:
        """The position that the document had before this batch; 0 for one that is new in it."""
        if identifier not in self._loaded_at:
            self.load((identifier,))
        return self._loaded_at[identifier]

    def ids(self) -> list[str]:
        """The ids of the cached documents, in order; not to be changed."""
        if self._ids is None:
            self._ids = sorted(self._documents)
        return self._ids

    def put(
        self, identifier: str, document: Document, position: int, size: int = 0, event: type | None = None
    ) -> None:
        """Take the document as changed by the event at ``position``, of ``size`` bytes."""
        document["_id"] = identifier
        document[POSITION] = position
        if identifier not in self._documents:
            size += _LEAST_WEIGHT
            if self._ids is not None:
                insort(self._ids, identifier)
        self._documents[identifier] = document
        self._weights[identifier] = self._weights.get(identifier, 0) + size
        self._weight += size
        if identifier not in self.changed:
            self.changed[identifier] = position, event

    def end_batch(self) -> None:
        """A batch is folded: the next one begins with its result."""
        self._loaded_at.clear()

    def write(self, *, in_order: bool = False) -> None:
        """Write what changed, each document once, unless another worker wrote a newer form.

        With ``in_order``, new documents one by one, the youngest first, and before all others: a document
        that was begun from another is there before that one moves on. Raises RefusedError.
        """
        self._write(list(self.changed), in_order=in_order)
        self.end_batch()
        if not self._has_all:
            while self._documents and self._is_full():
                self._drop(next(iter(self._documents)))

    def spill(self) -> None:
        """End the batch, and write only what must make room for others. Raises RefusedError."""
        self.end_batch()
        if self._is_full():  # A quarter at once, the least recently used ones.
            ids = list(self._documents)[: max(1, len(self._documents) // 4)]
            self._write([each for each in ids if each in self.changed])
            for identifier in ids:
                self._drop(identifier)

    def clear(self) -> None:
        """Forget everything."""
        self._elsewhere = self._ids = None
        self._weight, self._has_all = 0, False
        for kept in (self._documents, self._weights, self._stored, self.changed, self._loaded_at):
            kept.clear()

    def _take(self, document: Document) -> None:
        identifier = document["_id"]
        self._documents[identifier] = document
        self._ids = None
        self._stored.add(identifier)
        self._weights[identifier] = size = _LEAST_WEIGHT + len(bson.encode(document))
        self._weight += size

    def _write(self, ids: list[str], *, in_order: bool = False) -> None:
        if self.finish is not None:
            for identifier in ids:
                self.finish(self._documents[identifier])
        new = [self._documents[each] for each in ids if each not in self._stored]
        known = [self._documents[each] for each in ids if each in self._stored]
        self._store.write(new[::-1] if in_order else new, known, in_order=in_order)
        self._stored.update(ids)
        for identifier in ids:
            del self.changed[identifier]

    def _is_full(self) -> bool:
        return len(self._documents) > self._keep or self._weight > self._most_weight

    def _drop(self, identifier: str) -> None:
        del self._documents[identifier]
        self._ids = None
        if self._elsewhere is not None:
            self._elsewhere.add(identifier)
            if len(self._elsewhere) > _MOST_ELSEWHERE:
                self._elsewhere = None
        self._weight -= self._weights.pop(identifier)
        self._stored.discard(identifier)
        self.changed.pop(identifier, None)
        self._loaded_at.pop(identifier, None)


def is_bare_mark(document: Document) -> bool:
    """Whether a document holds nothing but the mark that it is set aside."""
    return bool(document.get(FAULTED, {}).get("empty"))


def not_bson(documents: list[Document]) -> dict[str, str]:
    """Why BSON or MongoDB cannot hold some of these documents, by ``_id``."""
    why = {}
    for document in documents:
        try:
            if len(bson.encode(document)) > 16 * 1024 * 1024:
                why[document["_id"]] = f"code {TOO_LARGE}"
        except NOT_BSON as error:
            why[document["_id"]] = type(error).__name__
    return why


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


def _newer(document: Document) -> Write:
    """Write over an older form. Where a newer one is there, the upsert meets its ``_id``."""
    newer_than = {"_id": document["_id"], POSITION: {"$lt": document[POSITION]}}
    return ReplaceOne(newer_than, document, upsert=True)
