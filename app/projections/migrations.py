"""Brings MongoDB to the newest migration: numbered files, forward only, each run once.

A migration is a file ``NNNN_name.py`` with a function ``up(database)`` that may run again: a crash between
running and recording repeats it. Several processes may migrate at once; one that collides with another runs
that migration again.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.machinery import SourceFileLoader
from pathlib import Path
from time import sleep
from types import ModuleType
from typing import Any

from pymongo import IndexModel
from pymongo.database import Database
from pymongo.errors import CollectionInvalid, OperationFailure

from app.errors import BillieError

COLLECTION = "migrations"

_APP = Path(__file__).parents[1]
_PLACES = (_APP.parent / "alembic-free-migrations", _APP / "_migrations")

_COLLISIONS = {
    48: "NamespaceExists",
    112: "WriteConflict",
    117: "ConflictingOperationInProgress",
    276: "IndexBuildAborted",
    11000: "DuplicateKey",
    12587: "BackgroundOperationInProgressForNamespace",
}
"""MongoDB's codes for what another process did since we looked, or is doing."""
_CONFLICTS = {85: "IndexOptionsConflict", 86: "IndexKeySpecsConflict"}
_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6)

Mongo = Database[dict[str, Any]]


class MigrationError(BillieError):
    """A migration that cannot run until a person has acted: says what to do."""


@dataclass(frozen=True)
class Migration:
    """One step. ``name`` is the file's, without its ending; ``checksum`` that of its text."""

    name: str
    path: Path
    checksum: str

    def run(self, database: Mongo) -> None:
        """Run its ``up``. Raises MigrationError."""
        self.module().up(database)

    def module(self) -> ModuleType:
        """Its code, loaded."""
        module = ModuleType(f"migration_{self.name}")
        SourceFileLoader(module.__name__, str(self.path)).exec_module(module)
        return module


def all_migrations(folder: Path | None = None) -> list[Migration]:
    """Every migration, in order: from the checkout, or from the installed package."""
    folder = folder or next(place for place in _PLACES if place.is_dir())
    return [
        Migration(path.stem, path, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.py"))
    ]


def waiting(database: Mongo) -> list[str]:
    """The names of the migrations that did not run yet."""
    ran = {item["_id"] for item in database[COLLECTION].find({}, {"_id": 1})}
    return [migration.name for migration in all_migrations() if migration.name not in ran]


def migrate(database: Mongo, folder: Path | None = None) -> Iterator[Migration]:
    """Run what did not run yet, yielding each when done. Raises MigrationError, and pymongo's errors.

    What had run is looked up once: a process that runs one, also a second time, runs all those after it too.
    """
    ran = {item["_id"]: item["checksum"] for item in database[COLLECTION].find()}
    for migration in all_migrations(folder):
        if (checksum := ran.get(migration.name)) is not None:
            if checksum != migration.checksum:
                raise MigrationError(
                    f"{migration.name} ran on this database with another text than {migration.path} "
                    "has now: undo the edit, and write a new migration"
                )
            continue
        for pause in (*_PAUSES_S, None):
            try:
                _run(migration, database)
                break
            except (CollectionInvalid, OperationFailure) as error:
                if pause is None or not (isinstance(error, CollectionInvalid) or error.code in _COLLISIONS):
                    raise
                sleep(pause)
        yield migration


def foreign(database: Mongo) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """Each collection of ours with an index that no migration makes, or with None for another validator.

    What a migration makes is in its ``COLLECTIONS``: each one's schema and indexes.
    """
    ours = {name: made for one in all_migrations() for name, made in one.module().COLLECTIONS.items()}
    for found in database.list_collections(filter={"name": {"$in": list(ours)}}):
        name, options = found["name"], found["options"]
        schema, indexes = ours[name]
        if any(options.get(each) != wanted for each, wanted in _validation({"$jsonSchema": schema}).items()):
            yield name, None
        known = [{"key": [("_id", 1)]}, *(_shape(each.document) for each in indexes)]
        for index in database[name].list_indexes():
            if _shape(index) not in known:
                yield name, index


def ensure_collection(
    database: Mongo, name: str, validator: dict[str, Any], indexes: Sequence[IndexModel]
) -> None:
    """Create a collection and its indexes where they are missing; set its validator. For migrations.

    An index with the same keys and options under another name will do. Raises MigrationError for one that
    MongoDB cannot have beside ours.
    """
    validation = _validation(validator)
    if database.list_collection_names(filter={"name": name}):
        database.command("collMod", name, **validation)
    else:
        database.create_collection(name, **validation)
    for index in indexes:
        try:
            database[name].create_indexes([index])
        except OperationFailure as error:
            if error.code not in _CONFLICTS:
                raise
            _refuse_conflict(database, name, index.document, error)


def _validation(validator: dict[str, Any]) -> dict[str, Any]:
    return {"validator": validator, "validationLevel": "moderate", "validationAction": "error"}


def _refuse_conflict(database: Mongo, name: str, wanted: dict[str, Any], error: OperationFailure) -> None:
    """Raises MigrationError, unless the existing index does what ours would."""
    existing = list(database[name].list_indexes())
    if any(_shape(each) == _shape(wanted) for each in existing):
        return
    keys = wanted["key"]
    found = next(
        (each["name"] for each in existing if each["key"] == keys or each["name"] == wanted["name"]), None
    )
    index = f"an index on {', '.join(keys)}"
    msg = (
        f"Collection {name} has the index {found!r}, which conflicts with {index} of this release. Drop it "
        f'(db.getCollection("{name}").dropIndex("{found}")) and run `billie migrate` again'
    )
    raise MigrationError(msg) from error


def _shape(index: Mapping[str, Any]) -> dict[str, Any]:
    """What an index does, without what it is called."""
    shape = {option: value for option, value in index.items() if option not in ("name", "v", "ns")}
    return shape | {"key": list(index["key"].items())}


def _run(migration: Migration, database: Mongo) -> None:
    migration.run(database)
    database[COLLECTION].replace_one(
        {"_id": migration.name},
        {"_id": migration.name, "checksum": migration.checksum, "ranAt": datetime.now(UTC)},
        upsert=True,
    )
