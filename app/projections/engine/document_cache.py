"""The documents of one collection that are being folded: loaded together, written together."""

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Callable, Iterable

import bson

from app.projections.engine.document_store import POSITION, DocumentStore
from app.projections.engine.values import Document

_LEAST_WEIGHT = 500
"""Bytes that the smallest document counts."""
_MOST_ELSEWHERE = 100_000
"""Ids that are remembered at most: some 10 MB."""


class DocumentCache:
    """Keeps the most recently used documents: at most ``keep``, and some ``weight`` bytes of events."""

    def __init__(self, store: DocumentStore, keep: int, weight: int = 256 * 1024 * 1024) -> None:
        self.store = store
        self.finish: Callable[[Document], None] | None = None
        """Sets fields that follow from a document's others, before it is written."""
        self._keep, self._most_weight = keep, weight
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._weights: dict[str, int] = {}
        self._weight = 0
        self._has_all = False
        self._elsewhere: set[str] | None = None
        """Those that are stored and not cached; None if that is unknown."""
        self._absent: set[str] = set()
        """Requested in this batch, and not stored."""
        self._loaded_at: dict[str, int] = {}
        self._stored: set[str] = set()
        """The cached ones that are stored, in this or an older form."""
        self._changed: dict[str, tuple[int, type | None]] = {}
        """The first change of each since it was written."""
        self._ids: list[str] | None = None
        """The ids of the cached ones, sorted on first use."""

    def start_empty(self) -> None:
        """The store is empty, and nobody else will write to it: it need not be asked."""
        self._elsewhere = set()

    def load(self, ids: Iterable[str]) -> None:
        """Fetch those of the documents that are not cached."""
        wanted = {each for each in ids if each not in self._loaded_at and each not in self._absent}
        missing = wanted - self._documents.keys()
        if self._elsewhere is not None:
            missing &= self._elsewhere
        if missing:
            for document in self.store.fetch(list(missing)):
                self._take(document)
        for identifier in wanted:
            if (known := self._documents.get(identifier)) is None:
                self._absent.add(identifier)
            else:
                self._documents.move_to_end(identifier)
                self._loaded_at[identifier] = known.get(POSITION, 0)

    def load_all(self) -> None:
        """Fetch the whole collection, once: for projections of few documents."""
        if self._has_all:
            return
        self._has_all = True
        for document in self.store.fetch():
            if document["_id"] not in self._documents:
                self._take(document)

    def get(self, identifier: str) -> Document | None:
        """The document within this batch; fetched if it was not loaded."""
        if identifier not in self._loaded_at and identifier not in self._absent:
            self.load((identifier,))
        return self._documents.get(identifier)

    def loaded_at(self, identifier: str) -> int:
        """The position that the document had before this batch; 0 for one that is new in it."""
        if identifier not in self._loaded_at and identifier not in self._absent:
            self.load((identifier,))
        return self._loaded_at.get(identifier, 0)

    def first_change(self, identifier: str) -> tuple[int, type | None]:
        """The position and the class of the first event that changed it since it was written."""
        return self._changed[identifier]

    def ids(self) -> list[str]:
        """The ids of the cached documents, in order; not to be changed."""
        if self._ids is None:
            self._ids = sorted(self._documents)
        return self._ids

    def at(self, position: int) -> "Standing":
        """The cached documents as they stand at an event, when those before it are folded in order."""
        return Standing(self, position)

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
        if identifier not in self._changed:
            self._changed[identifier] = position, event

    def end_batch(self) -> None:
        """A batch is folded: the next one begins with its result."""
        self._loaded_at.clear()
        self._absent.clear()

    def write(self, *, in_order: bool = False) -> None:
        """Write what changed, each document once, unless another worker wrote a newer form.

        With ``in_order``, new documents one by one, the youngest first, and before all others: a document
        that was begun from another is there before that one moves on. Raises RefusedError.
        """
        self._write(list(self._changed), in_order=in_order)
        self.end_batch()
        if not self._has_all:
            while self._documents and self._is_full():
                self._drop(next(iter(self._documents)))

    def spill(self) -> None:
        """End the batch, and write only what must make room for others. Raises RefusedError."""
        self.end_batch()
        if not self._is_full():
            return
        # A quarter at once, the least recently used ones.
        ids = list(self._documents)[: max(1, len(self._documents) // 4)]
        self._write([each for each in ids if each in self._changed])
        for identifier in ids:
            self._drop(identifier)

    def clear(self) -> None:
        """Forget everything."""
        self._elsewhere = None
        self._documents.clear()
        self._weights.clear()
        self._weight = 0
        self._has_all = False
        self._ids = None
        self._stored.clear()
        self._changed.clear()
        self.end_batch()

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
        self.store.write(new[::-1] if in_order else new, known, in_order=in_order)
        self._stored.update(ids)
        for identifier in ids:
            del self._changed[identifier]

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
        self._changed.pop(identifier, None)
        self._loaded_at.pop(identifier, None)


class Standing:
    """The cached documents at an event's position, without those that were loaded from beyond it.

    A run that was cut short wrote these. It wrote a document that was begun from others before any of them
    (:meth:`DocumentCache.write`, in order): so one that has to be begun again finds those as they were.
    """

    def __init__(self, cache: DocumentCache, position: int) -> None:
        self.position = position
        self._cache = cache

    def get(self, identifier: str) -> Document | None:
        """One of them; not to be changed."""
        return None if self._is_ahead(identifier) else self._cache.get(identifier)

    def ids(self, since: str, before: str | None = None) -> list[str]:
        """The ids from ``since`` up to, but not including, ``before``, in order."""
        ids = self._cache.ids()
        end = len(ids) if before is None else bisect_left(ids, before)
        return [each for each in ids[bisect_left(ids, since) : end] if not self._is_ahead(each)]

    def last_before(self, identifier: str) -> Document | None:
        """The document that precedes an id, whether or not the id exists."""
        ids = self._cache.ids()
        for place in range(bisect_left(ids, identifier) - 1, -1, -1):
            if (found := self.get(ids[place])) is not None:
                return found
        return None

    def _is_ahead(self, identifier: str) -> bool:
        return self._cache.loaded_at(identifier) >= self.position
