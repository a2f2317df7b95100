"""A mongomock database whose collections take bulk writes from today's pymongo, and may fail at any write."""

from random import Random
from typing import Any

import mongomock
from pymongo import InsertOne, ReplaceOne
from pymongo.errors import BulkWriteError


class BlownError(Exception):
    """The process ends here, before a write."""


class Fuse:
    """Lets so many writes happen, and no more. ``chance`` decides in which order those of one bulk come."""

    def __init__(self, writes: float = float("inf"), chance: Random | None = None) -> None:
        self.used = 0
        self._writes = writes
        self._chance = chance

    def burn(self) -> None:
        """Another write. Raises BlownError."""
        if self.used >= self._writes:
            raise BlownError
        self.used += 1

    def mixed(self, writes: list[Any]) -> list[tuple[int, Any]]:
        """The writes with their places, in some order."""
        placed = list(enumerate(writes))
        if self._chance is not None:
            self._chance.shuffle(placed)
        return placed


class Collection:
    """Carries out replacements one by one: mongomock does not know the driver's newest bulk options."""

    def __init__(self, collection: Any, fuse: Fuse) -> None:
        self._collection = collection
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    def update_one(self, *arguments: Any, **options: Any) -> Any:
        self._fuse.burn()
        return self._collection.update_one(*arguments, **options)

    def bulk_write(
        self,
        writes: list[InsertOne[Any] | ReplaceOne[Any]],
        ordered: bool = True,
        bypass_document_validation: bool | None = None,
    ) -> None:
        assert not ordered
        assert not bypass_document_validation
        faults = []
        for index, write in self._fuse.mixed(writes):
            self._fuse.burn()
            try:
                if isinstance(write, InsertOne):
                    self._collection.insert_one(write._doc)
                else:
                    self._collection.replace_one(write._filter, write._doc, upsert=write._upsert)
            except mongomock.DuplicateKeyError:
                faults.append({"index": index, "code": 11000})
        if faults:
            raise BulkWriteError({"writeErrors": faults})


class Database:
    """An empty database in memory, for unit tests only."""

    def __init__(self) -> None:
        self.fuse = Fuse()
        self._database = mongomock.MongoClient(tz_aware=True)["test"]

    def __getitem__(self, name: str) -> Any:
        return Collection(self._database[name], self.fuse)
