"""Brings MongoDB to the newest migration: numbered files, forward only, each run once.

A migration is a file ``NNNN_name.py`` with a function ``up(database)`` that may be run again: a crash
between running and recording repeats it. ``REBUILD`` may name read models whose documents change with it: it
goes with a higher ``version`` of those projections, by which the status shows them as outdated until rebuilt.

Several processes may migrate at once. Where one finds that another has just made, or removed, what it was
about to, it runs that migration again.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from time import sleep
from typing import Any

from pymongo.database import Database
from pymongo.errors import CollectionInvalid, OperationFailure

COLLECTION = "migrations"

_APP = Path(__file__).parents[1]
_PLACES = (_APP.parent / "alembic-free-migrations", _APP / "_migrations")

_COLLISIONS = {
    27: "IndexNotFound",
    48: "NamespaceExists",
    112: "WriteConflict",
    117: "ConflictingOperationInProgress",
    276: "IndexBuildAborted",
    11000: "DuplicateKey",
    12587: "BackgroundOperationInProgressForNamespace",
}
"""MongoDB's codes for what another process did since we looked, or is doing."""
_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6)


@dataclass(frozen=True)
class Migration:
    """One step. ``name`` is the file's, without its ending; ``checksum`` that of its text."""

    name: str
    path: Path
    checksum: str

    def run(self, database: Database[dict[str, Any]]) -> None:
        """Carry it out."""
        self._module().up(database)

    def rebuilds(self) -> tuple[str, ...]:
        """The read models that its ``REBUILD`` names: they must be rebuilt to be as it says."""
        named: tuple[str, ...] = getattr(self._module(), "REBUILD", ())
        return named

    def _module(self) -> Any:
        spec = spec_from_file_location(f"migration_{self.name}", self.path)
        if spec is None or spec.loader is None:
            msg = f"{self.path} cannot be loaded"
            raise ImportError(msg)
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


class ChangedMigrationError(RuntimeError):
    """A migration that ran was edited afterwards: undo the edit, and write a new migration."""


def all_migrations(folder: Path | None = None) -> list[Migration]:
    """Every migration, in order: from the checkout, or from the installed package."""
    folder = folder or next(place for place in _PLACES if place.is_dir())
    return [
        Migration(path.stem, path, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.py"))
    ]


def waiting(database: Database[dict[str, Any]], folder: Path | None = None) -> list[str]:
    """The names of the migrations that did not run yet."""
    ran = {item["_id"] for item in database[COLLECTION].find({}, {"_id": 1})}
    return [migration.name for migration in all_migrations(folder) if migration.name not in ran]


def migrate(database: Database[dict[str, Any]], folder: Path | None = None) -> Iterator[Migration]:
    """Run what did not run yet, yielding each when done. Raises ChangedMigrationError, and pymongo's errors.

    What had run is looked up once: whoever runs one, also a second time, has to run all those after it, as
    they may take back what it does.
    """
    ran = {item["_id"]: item["checksum"] for item in database[COLLECTION].find()}
    for migration in all_migrations(folder):
        if (checksum := ran.get(migration.name)) is not None:
            if checksum != migration.checksum:
                msg = (
                    f"{migration.name} ran on this database with another text than {migration.path} "
                    "has now: undo the edit, and write a new migration"
                )
                raise ChangedMigrationError(msg)
            continue
        for pause in (*_PAUSES_S, None):
            try:
                _run(migration, database)
                break
            except (CollectionInvalid, OperationFailure) as error:
                if pause is None or not _is_collision(error):
                    raise
                sleep(pause)
        yield migration


def _run(migration: Migration, database: Database[dict[str, Any]]) -> None:
    migration.run(database)
    database[COLLECTION].replace_one(
        {"_id": migration.name},
        {"_id": migration.name, "checksum": migration.checksum, "ranAt": datetime.now(UTC)},
        upsert=True,
    )


def _is_collision(error: CollectionInvalid | OperationFailure) -> bool:
    return isinstance(error, CollectionInvalid) or error.code in _COLLISIONS
