"""A mongomock database whose collections take bulk writes from today's pymongo."""

from typing import Any

import mongomock
from pymongo import InsertOne, ReplaceOne
from pymongo.errors import BulkWriteError


class Collection:
    """Carries out replacements one by one: mongomock does not know the driver's newest bulk options."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    def bulk_write(
        self,
        writes: list[InsertOne[Any] | ReplaceOne[Any]],
        ordered: bool = True,
        bypass_document_validation: bool | None = None,
    ) -> None:
        assert not ordered
        assert not bypass_document_validation
        faults = []
        for index, write in enumerate(writes):
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
        self._database = mongomock.MongoClient(tz_aware=True)["test"]

    def __getitem__(self, name: str) -> Any:
        return Collection(self._database[name])
