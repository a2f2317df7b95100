"""Follows the event store for one projection: a batch of events in, one bulk write out.

Each document holds the position of the last event folded into it (``_position``), and is written
only over an older one; the projection's own position moves afterwards. So a crash anywhere, or a
second runner, repeats harmlessly.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from bson.errors import BSONError
from eventsourcing.persistence import IntegrityError, Notification, Tracking
from pymongo import InsertOne, ReplaceOne
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DocumentTooLarge

from app.aggregates import Servicing
from app.projections.positions import MongoTrackingRecorder
from app.projections.projection import Projection, Target
from app.projections.values import Document
from app.runtime.logging import where

POSITION = "_position"
Write = InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]]
_DUPLICATE_KEY = 11000
_REFUSALS = frozenset((2, 121, 10334, 17419, 17420))
"""MongoDB's BadValue, DocumentValidationFailure, and three for a document over 16 MiB."""


class ProjectionFault(Exception):  # noqa: N818 - it names a state, which lasts until somebody mends it
    """What keeps a projection where it is, and no retry can help.

    It names the projection, and the event's position or the documents, and quotes none of their content.
    """


class Engine:
    """Keeps one projection's collection up to date."""

    def __init__(
        self,
        projection: Projection,
        servicing: Servicing,
        database: Database[dict[str, Any]],
        batch: int = 2_000,
        cache: int = 5_000,
    ) -> None:
        self.projection = projection
        self.recorder = MongoTrackingRecorder(database, projection.name)
        self._servicing = servicing
        self._topics = projection.topics()
        self._batch = batch
        self._documents = Shelf(database[projection.name], cache)
        lookup = projection.lookup
        self._lookups = Shelf(database[lookup.collection], cache) if lookup else None
        self._left_at: int | None = None

    def position(self) -> int:
        """The position up to which this projection has folded all events."""
        return self.recorder.max_tracking_id(self._servicing.name) or 0

    def newest(self) -> int:
        """The position of the newest event in the store."""
        return self._servicing.max_position()

    def step(self) -> int:
        """Fold the next batch. Returns by how many positions it moved: 0 when caught up.

        Raises ProjectionFault for an event that cannot be folded or a document that MongoDB refuses, and
        the drivers' errors as they are.
        """
        position = self.position()
        if position != self._left_at:
            # Another runner moved it, or this is the start: what is cached may lack events.
            self.clear()
        newest = self.newest()
        if newest < position:
            msg = (
                f"{self.projection.name} has come to position {position}, and the event store ends at "
                f"{newest}: it is not the store that the documents came from. "
                "Look at BILLIE_EVENT_STORE_URL and BILLIE_MONGO_DB"
            )
            raise ProjectionFault(msg)
        if newest <= position:
            self._left_at = position
            return 0
        notifications = self._servicing.recorder.select_notifications(
            position, self._batch, newest, self._topics, inclusive_of_start=False
        )
        # Only what was truly scanned: a full batch ends at its last event, any other at the newest.
        reached = notifications[-1].id if len(notifications) == self._batch else newest
        if notifications:
            self._fold([(item.id, self._read(item)) for item in notifications])
        try:
            self.recorder.insert_tracking(Tracking(self._servicing.name, reached))
        except IntegrityError:
            self._left_at = None  # Another runner is ahead: take up from there.
        else:
            self._left_at = reached
        return reached - position

    def clear(self) -> None:
        """Forget what is cached."""
        self._documents.clear()
        if self._lookups is not None:
            self._lookups.clear()

    def _read(self, notification: Notification) -> Any:
        try:
            return self._servicing.mapper.to_domain_event(notification)
        except Exception as error:
            name = notification.topic.rpartition(":")[2]
            msg = f"{self.projection.name} cannot read {name} at position {notification.id}: {where(error)}"
            raise ProjectionFault(msg) from error

    def _fold(self, events: list[tuple[int, Any]]) -> None:
        try:
            self._load(events)
            for position, event in events:
                self._fold_one(position, event)
            if self._lookups is not None:
                self._lookups.write()
            self._documents.write()
        except BaseException:
            self.clear()
            raise

    def _load(self, events: list[tuple[int, Any]]) -> None:
        is_own = self.projection.is_own
        wanted = {event.business_id for _, event in events if is_own(event)}
        if (lookup := self.projection.lookup) is not None and self._lookups is not None:
            keyed = [(key, event) for _, event in events if (key := lookup.key(event)) is not None]
            self._lookups.load(key for key, _ in keyed)
            for key, event in keyed:
                wanted.update(lookup.members(self._lookups.get(key) or {}, event))
        self._documents.load(wanted)

    def _fold_one(self, position: int, event: Any) -> None:
        try:
            for target, meaning in self._targets(position, event):
                # Positions at loading count: one event may concern a document twice.
                if self._documents.loaded_at(target) < position:
                    document = self.projection.evolve(self._documents.get(target), meaning)
                    if document is not None:
                        self._documents.put(target, document, position)
        except Exception as error:
            name = type(event).__qualname__
            msg = f"{self.projection.name} cannot fold {name} at position {position}: {where(error)}"
            raise ProjectionFault(msg) from error

    def _targets(self, position: int, event: Any) -> list[Target]:
        targets: list[Target] = [(event.business_id, event)] if self.projection.is_own(event) else []
        lookup = self.projection.lookup
        if lookup is not None and self._lookups is not None and (key := lookup.key(event)) is not None:
            document = self._lookups.get(key) or {}
            if self._lookups.loaded_at(key) < position:
                lookup.evolve(document, event)
                self._lookups.put(key, document, position)
            targets += lookup.follow(document, event)
        return targets


class Shelf:
    """The documents of one collection that a batch needs: loaded together, written together."""

    def __init__(self, collection: Collection[dict[str, Any]], keep: int) -> None:
        self._collection = collection
        self._keep = keep
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._loaded_at: dict[str, int] = {}
        self._changed: set[str] = set()

    def load(self, ids: Iterable[str]) -> None:
        """Fetch those documents that are not at hand."""
        wanted = set(ids)
        if missing := [identifier for identifier in wanted if identifier not in self._documents]:
            for document in self._collection.find({"_id": {"$in": missing}}):
                self._documents[document["_id"]] = document
        for identifier in wanted:
            if (known := self._documents.get(identifier)) is not None:
                self._documents.move_to_end(identifier)
                self._loaded_at[identifier] = known.get(POSITION, 0)

    def get(self, identifier: str) -> Document | None:
        """The document as it stands in this batch."""
        return self._documents.get(identifier)

    def loaded_at(self, identifier: str) -> int:
        """The position that the document had before this batch."""
        return self._loaded_at.get(identifier, 0)

    def put(self, identifier: str, document: Document, position: int) -> None:
        """Take the document as changed by the event at ``position``."""
        document["_id"] = identifier
        document[POSITION] = position
        self._documents[identifier] = document
        self._changed.add(identifier)

    def write(self) -> None:
        """Write what changed, each document once, unless another runner wrote a newer one."""
        changed = [self._documents[identifier] for identifier in self._changed]
        # An insert costs a third of an upsert, on the embedded server at least.
        new = [item for item in changed if item["_id"] not in self._loaded_at]
        known = [item for item in changed if item["_id"] in self._loaded_at]
        there_already = self._write([InsertOne(item) for item in new], new)
        self._write([_newer(item) for item in known + there_already], known + there_already)
        self._changed.clear()
        self._loaded_at.clear()
        while len(self._documents) > self._keep:
            self._documents.popitem(last=False)

    def _write(self, writes: list[Write], documents: list[Document]) -> list[Document]:
        """Returns the documents that MongoDB has already: in a newer form, where that was asked."""
        if not writes:
            return []
        try:
            self._collection.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            if refused := _refused(error, documents):
                msg = f"MongoDB refuses {refused} in {self._collection.name}"
                raise ProjectionFault(msg) from error
            if not _only_there_already(error):
                raise
            return [documents[fault["index"]] for fault in error.details["writeErrors"]]
        except (BSONError, DocumentTooLarge) as error:
            msg = f"{self._collection.name} has a document that MongoDB cannot hold: {where(error)}"
            raise ProjectionFault(msg) from error
        return []

    def clear(self) -> None:
        """Forget everything."""
        self._documents.clear()
        self._loaded_at.clear()
        self._changed.clear()


def _refused(error: BulkWriteError, documents: list[Document]) -> str:
    """The documents that are not as the collection's validator says, or too large, with the code."""
    faults = (error.details or {}).get("writeErrors", ())
    return ", ".join(
        f"{documents[fault['index']]['_id']!r} (code {fault['code']})"
        for fault in faults
        if fault.get("code") in _REFUSALS
    )


def _newer(document: Document) -> Write:
    """Write over an older form. Where a newer one is there, the upsert meets its ``_id``."""
    newer_than = {"_id": document["_id"], POSITION: {"$lt": document[POSITION]}}
    return ReplaceOne(newer_than, document, upsert=True)


def _only_there_already(error: BulkWriteError) -> bool:
    """Whether nothing went wrong but that documents were there already."""
    details = error.details or {}
    if details.get("writeConcernErrors"):
        return False
    return all(item.get("code") == _DUPLICATE_KEY for item in details.get("writeErrors", ()))
