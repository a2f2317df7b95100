"""A rebuild's shadow: the collections that it fills beside the live ones, its record, and the swap.

The record is a document in ``projection-positions``. The swap is the moment in which the shadow takes the
place of the live collections. A shadow that nobody resumes would keep personal data that is erased meanwhile,
so the projection's worker drops it as soon as that rebuild has no heartbeat.
"""

import logging
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import bson
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from app.projections.engine.faults import Cause, ProjectionFault
from app.projections.engine.leases import Lease, owner_name
from app.projections.engine.positions import COLLECTION
from app.projections.engine.projection import Projection
from app.projections.migrations import all_migrations

log = logging.getLogger(__name__)

PREFIX = "_rebuild."
ERASED_UP_TO = "erasedUpTo"
"""In a rebuild's record: personal data was erased up to this position, and its shadow may still hold it."""
_OF_THE_SERVER = ("v", "ns", "key")
_VALIDATION = ("validator", "validationLevel", "validationAction")

Mongo = Database[dict[str, Any]]


class Phase(StrEnum):
    """A rebuild goes through `fold`, `catch_up`, `swap`; a verification through `fold`, `compare`."""

    PREPARE = "prepare"
    """Shadows are created, or dropped: there is nothing to resume."""
    FOLD = "fold"
    CATCH_UP = "catch_up"
    SWAP = "swap"
    COMPARE = "compare"


def record_id(name: str) -> str:
    """The ``_id`` of the record of a projection's rebuild."""
    return f"{name}#rebuild"


def holds_erased(record: dict[str, Any]) -> bool:
    """Whether a rebuild's shadow may hold personal data that was erased since: it has not come so far."""
    return int(record.get(ERASED_UP_TO, 0)) > int(record.get("position", 0))


def create_shadows(database: Mongo, projection: Projection) -> None:
    """Create the shadow collections, empty, with the validators of the live ones.

    Drops what an earlier rebuild left. Most indexes come later, as a collection fills faster without; unique
    ones come first, so that a document that violates one is refused by itself.
    """
    drop_shadows(database, projection)
    if not database.list_collection_names(filter={"name": projection.name}):
        # It was dropped. Migrations may run again, and create only what is missing.
        for migration in all_migrations():
            migration.run(database)
    options = options_of(database, projection.collections())
    for name in projection.collections():
        _create_indexes(
            database[name], database.create_collection(PREFIX + name, **options.get(name, {})), unique=True
        )


def index_shadows(database: Mongo, projection: Projection) -> None:
    """Give the shadow collections the other indexes of the live ones."""
    for name in projection.collections():
        _create_indexes(database[name], database[PREFIX + name], unique=False)


def drop_shadows(database: Mongo, projection: Projection) -> None:
    """Drop the shadow collections, if there are any."""
    for name in projection.collections():
        database.drop_collection(PREFIX + name)


def options_of(database: Mongo, names: list[str]) -> dict[str, dict[str, Any]]:
    """The options of those of the collections that exist: validator, level and action."""
    found = database.list_collections(filter={"name": {"$in": names}})
    return {each["name"]: dict(each.get("options", {})) for each in found}


def _create_indexes(
    live: Collection[dict[str, Any]], shadow: Collection[dict[str, Any]], *, unique: bool
) -> None:
    for index in live.list_indexes():
        if index["name"] == "_id_" or bool(index.get("unique")) != unique:
            continue
        options = {option: value for option, value in index.items() if option not in _OF_THE_SERVER}
        try:
            shadow.create_index(list(index["key"].items()), **options)
        except OperationFailure as error:
            msg = (
                f"MongoDB refuses index {index['name']} of {live.name} on the rebuilt documents: {error.code}"
            )
            raise ProjectionFault(msg, Cause.MONGO_REFUSED) from error


def begin_swap(
    database: Mongo, projection: Projection, lease: Lease, live_lease: Lease, figures: dict[str, Any]
) -> None:
    """From here on, the holder of the projection's lease finishes the swap, also after a crash.

    ``figures`` hold the position of the shadow, and the rebuild's statistics. Raises LeaseLostError where one
    of the leases is no longer ours: others may have moved on.
    """
    options = bson.encode(options_of(database, projection.collections()))
    lease.confirm()
    live_lease.confirm()
    figures = {**figures, "phase": Phase.SWAP, "options": options}
    database[COLLECTION].update_one(lease.mine, {"$set": figures})


def finish_swap(database: Mongo, projection: Projection) -> bool:
    """Finish a swap that was begun, if one was. For the holder of the projection's lease.

    A shadow that the live collection has overtaken is no use: its rebuild is unfinished then.
    """
    records = database[COLLECTION]
    record = records.find_one({"_id": record_id(projection.name), "phase": Phase.SWAP})
    if record is None:
        return False
    live = records.find_one({"_id": projection.name}) or {}
    if int(live.get("position", 0)) > record["position"]:
        records.update_one({"_id": record["_id"]}, {"$set": {"phase": Phase.CATCH_UP}})
        return False
    take_over(database, projection, bson.decode(record["options"]))
    now = datetime.now(UTC)
    taken = {name: record[name] for name in ("version", "lastEvent", "setAside") if record.get(name)}
    rebuilt = {name: record[name] for name in ("seconds", "events", "documents") if name in record}
    records.update_one(
        {"_id": projection.name},
        {
            "$max": {"position": record["position"]},
            "$set": {**taken, "updatedAt": now, "rebuilt": {"at": now, **rebuilt}},
            "$unset": dict.fromkeys({"standstill", "setAside"} - taken.keys(), ""),
            "$setOnInsert": {"projection": projection.name, "application": record["application"]},
        },
        upsert=True,
    )
    records.delete_one({"_id": record_id(projection.name)})
    return True


def take_over(database: Mongo, projection: Projection, options: dict[str, dict[str, Any]]) -> None:
    """Rename the shadows over the live collections, and set the validators, which not every server keeps.

    At no moment is a collection missing, or half there. Safe to repeat after a crash.
    """
    names = projection.collections()
    for name in names:
        if database.list_collection_names(filter={"name": PREFIX + name}):
            database[PREFIX + name].rename(name, dropTarget=True)
        if validation := {key: options[name][key] for key in _VALIDATION if key in options.get(name, {})}:
            database.command("collMod", name, **validation)


class AbandonedShadows:
    """Drops what an abandoned rebuild left, once personal data was erased. Raises pymongo's errors."""

    def __init__(self, database: Mongo, projection: Projection) -> None:
        self._database, self._projection = database, projection
        self._records = database[COLLECTION]
        self._id = record_id(projection.name)
        self._lease = Lease(database, self._id, owner_name("project"))
        self._due = True
        """A rebuild may have been marked before this process started."""

    def erased(self, position: int) -> None:
        """Mark an unfinished rebuild, if there is one: before the projection's position moves."""
        self._records.update_one({"_id": self._id}, {"$max": {ERASED_UP_TO: position}})
        self._due = True

    def drop_if_due(self) -> None:
        """Drop them where they may hold erased data, unless the rebuild is running: it folds the erasure."""
        if not self._due:
            return
        record = self._records.find_one({"_id": self._id})
        if record is None or not holds_erased(record):
            self._due = False
        elif record.get("phase") != Phase.SWAP and self._lease.take(record):
            try:
                self._drop()
            finally:
                self._lease.release()

    def _drop(self) -> None:
        name = self._projection.name
        self._records.update_one(self._lease.mine, {"$set": {"phase": Phase.PREPARE, "position": 0}})
        drop_shadows(self._database, self._projection)
        # Not before: after a crash on the way it must still be marked.
        self._records.update_one(self._lease.mine, {"$unset": {ERASED_UP_TO: ""}})
        log.warning(
            "%s: personal data was erased, so an unfinished rebuild is dropped; `billie rebuild %s` "
            "starts over",
            *(name, name),
        )
