"""Backups of the event store, made while it is written to, checked, and restored into an empty place.

A backup is a file, and beside it a manifest: what every table held, with the checksum of all values. SQLite's
is a database itself; PostgreSQL's an archive of ``pg_dump``, of one snapshot.
"""

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any, Self

import psycopg
from eventsourcing.persistence import PersistenceError

from app.event_store.copies.endpoints import End, copying, end_of
from app.event_store.copies.tables import EVENTS, TABLES, Content, content_of
from app.event_store.postgres import TLS_OPTIONS
from app.event_store.url import event_store_environment

_PAGES_AT_ONCE = 4_096
_SQLITE, _POSTGRES = "sqlite", "postgresql"

Show = Callable[[float], None]


class BackupError(RuntimeError):
    """A backup is not made, not whole, or not restored: says why, and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. ``newest``: the position of its last event."""

    kind: str
    made_at: datetime
    newest: int
    file_sha256: str
    tables: Mapping[str, Content]

    @classmethod
    def of(cls, backup: Path) -> Self:
        """The one beside a backup. Raises BackupError."""
        try:
            told = json.loads(manifest_of(backup).read_text())
            tables = {name: Content(each["rows"], each["sha256"]) for name, each in told["tables"].items()}
            made_at = datetime.fromisoformat(told["madeAt"])
            return cls(told["kind"], made_at, told["newestPosition"], told["fileSha256"], tables)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            msg = f"{manifest_of(backup)} cannot be read: there is no saying what the backup has to hold"
            raise BackupError(msg) from error

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "kind": self.kind,
            "madeAt": self.made_at.isoformat(),
            "newestPosition": self.newest,
            "fileSha256": self.file_sha256,
            "tables": {name: each._asdict() for name, each in self.tables.items()},
        }


def manifest_of(backup: Path) -> Path:
    """Where the manifest of a backup lies."""
    return backup.with_name(f"{backup.name}.json")


def back_up(url: str, backup: Path, show: Show) -> Manifest:
    """Back the store at an event store URL up, into a new file. ``show`` is told which part of it is copied.

    Raises BackupError and EVENT_STORE_ERRORS.
    """
    for each in (backup, manifest_of(backup)):
        if each.exists():
            msg = f"{each} is there already: a backup never replaces another one"
            raise BackupError(msg)
    environment = event_store_environment(url)
    unfinished = backup.with_name(f"{backup.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        kind = _kind_of(environment)
        made_at = datetime.now(UTC)
        if kind == _POSTGRES:
            newest, tables = _dump(url, environment, unfinished, show)
        else:
            newest, tables = _copy_file(Path(environment["SQLITE_DBNAME"]), unfinished, show)
    except psycopg.Error as error:
        raise PersistenceError(str(error)) from error
    manifest = Manifest(kind, made_at, newest, _synced_sha256(unfinished), tables)
    manifest_of(backup).write_text(json.dumps(manifest.plain(), indent=2) + "\n")
    unfinished.rename(backup)
    return manifest


def check(backup: Path) -> Manifest:
    """Read a backup whole, and compare it with its manifest. Raises BackupError where it is not as it was."""
    manifest = Manifest.of(backup)
    try:
        found = _sha256(backup)
    except OSError as error:
        msg = f"{backup} cannot be read: {error.strerror}"
        raise BackupError(msg) from error
    if found != manifest.file_sha256:
        msg = f"{backup} is not as it was made: its checksum is {found}, and was {manifest.file_sha256}"
        raise BackupError(msg)
    if manifest.kind == _SQLITE:
        with closing(sqlite3.connect(f"file:{backup}?mode=ro&immutable=1", uri=True)) as database:
            if (told := database.execute("PRAGMA integrity_check").fetchone()) != ("ok",):
                msg = f"{backup} is damaged: {told[0]}"
                raise BackupError(msg)
    else:
        _run("pg_restore", {}, "--list", str(backup))
    return manifest


def restore(backup: Path, url: str) -> Manifest:
    """Restore a backup to an event store URL where nothing is, and compare what is there then.

    Raises BackupError and EVENT_STORE_ERRORS.
    """
    manifest = check(backup)
    environment = event_store_environment(url)
    kind = _kind_of(environment)
    if kind != manifest.kind:
        msg = (
            f"{backup} is of {manifest.kind}, and BILLIE_EVENT_STORE_URL of {kind}: restore it to its own "
            "kind, and then copy it with `billie events copy`"
        )
        raise BackupError(msg)
    try:
        if kind == _SQLITE:
            _restore_file(backup, Path(environment["SQLITE_DBNAME"]))
        else:
            _restore_database(backup, url, environment)
        with closing(end_of(url)) as restored:
            found = _contents(restored)
    except psycopg.Error as error:
        raise PersistenceError(str(error)) from error
    if found != manifest.tables:
        wrong = ", ".join(name for name in manifest.tables if found.get(name) != manifest.tables[name])
        msg = f"What was restored is not what was backed up: {wrong}. Do not use it"
        raise BackupError(msg)
    return manifest


def _kind_of(environment: Mapping[str, str]) -> str:
    return _POSTGRES if "POSTGRES_DBNAME" in environment else _SQLITE


def _copy_file(store: Path, target: Path, show: Show) -> tuple[int, Mapping[str, Content]]:
    """By SQLite's online backup, of one snapshot: writers go on, and their log grows meanwhile."""
    if not store.exists():
        msg = f"There is no file {store}: there is nothing to back up"
        raise BackupError(msg)

    def progress(_status: int, remaining: int, total: int) -> None:
        show(1 - remaining / total if total else 1.0)

    with (
        closing(sqlite3.connect(store, isolation_level=None)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        # Without a snapshot of its own, each write of another process makes it begin anew.
        source.execute("BEGIN")
        source.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        source.backup(copy, pages=_PAGES_AT_ONCE, progress=progress)
        source.execute("COMMIT")
        copy.execute("PRAGMA journal_mode = DELETE")  # One file, and nothing beside it.
    with closing(end_of(f"sqlite:///{target.absolute()}")) as copied:
        return copied.newest(), _contents(copied)


def _dump(
    url: str, environment: Mapping[str, str], target: Path, show: Show
) -> tuple[int, Mapping[str, Content]]:
    """By ``pg_dump``, of the snapshot that the checksums are of."""
    with closing(end_of(url)) as source, source.transaction():
        source.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        [(snapshot,)] = source.execute("SELECT pg_export_snapshot()")
        options = ("--format=custom", f"--snapshot={snapshot}", "--no-owner", "--no-privileges")
        _run("pg_dump", environment, *options, f"--file={target}")
        show(0.5)
        return source.newest(), _contents(source)


def _contents(end: End) -> dict[str, Content]:
    if not end.has(EVENTS):
        msg = "There is no table of events: it is no event store"
        raise BackupError(msg)
    if copying(end) is not None:
        msg = "It is an unfinished copy of another event store: run `billie events copy` to its end"
        raise BackupError(msg)
    return {table.name: content_of(end.rows(table)) for table in TABLES if end.has(table)}


def _restore_file(backup: Path, target: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        if (there := target.with_name(target.name + suffix)).exists():
            msg = f"{there} is there already: stop all roles, and move it away, with its -wal and -shm"
            raise BackupError(msg)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.copyfile(backup, unfinished)
    _synced_sha256(unfinished)
    unfinished.rename(target)


def _restore_database(backup: Path, url: str, environment: Mapping[str, str]) -> None:
    with closing(end_of(url)) as target:
        if tables := target.tables():
            msg = f"The database holds tables already ({', '.join(tables[:5])}): name an empty one"
            raise BackupError(msg)
    options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    _run("pg_restore", environment, *options, f"--dbname={environment['POSTGRES_DBNAME']}", str(backup))


def _run(program: str, environment: Mapping[str, str], *arguments: str) -> None:
    """One of PostgreSQL's own, which knows by its environment where the database is. Raises BackupError."""
    if shutil.which(program) is None:
        msg = f"There is no {program} here: install PostgreSQL's client programs"
        raise BackupError(msg)
    names = {"PGDATABASE": "DBNAME", "PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER"}
    names |= {"PGPASSWORD": "PASSWORD"} | {f"PG{name.upper()}": name.upper() for name in TLS_OPTIONS}
    told = {ours: environment.get(f"POSTGRES_{theirs}", "") for ours, theirs in names.items()}
    told = {name: value for name, value in told.items() if value}
    done = subprocess.run((program, *arguments), env=os.environ | told, capture_output=True, text=True)
    if done.returncode:
        msg = f"{program} ended with {done.returncode}: {done.stderr.strip()[-500:]}"
        raise BackupError(msg)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _synced_sha256(path: Path) -> str:
    """The checksum of a file that a loss of power does not take back any more."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    return _sha256(path)
