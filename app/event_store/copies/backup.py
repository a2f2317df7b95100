"""Backups of the event store, made while it is written to, checked, and restored into an empty place.

A backup is a SQLite file, also of a store in PostgreSQL, and beside it a manifest: what every table
holds, with the checksum of all values.
"""

import os
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Self
from urllib.parse import quote

from pydantic import ValidationError

from app.errors import BillieError
from app.event_store.copies.copy import Content, Show, copy_store
from app.runtime.camel_model import CamelModel


class BackupError(BillieError):
    """A backup is not made, not intact, or not restored: says why, and what to do."""


class Manifest(CamelModel):
    """What a backup holds."""

    made_at: datetime
    newest_position: int
    file_sha256: str
    tables: dict[str, Content]

    @classmethod
    def of(cls, backup: Path) -> Self:
        """The one beside a backup. Raises BackupError."""
        try:
            return cls.model_validate_json(manifest_of(backup).read_bytes())
        except (OSError, ValidationError) as error:
            msg = f"{manifest_of(backup)} cannot be read: there is no telling what the backup has to hold"
            raise BackupError(msg) from error


def manifest_of(backup: Path) -> Path:
    """Where the manifest of a backup is."""
    return backup.with_name(f"{backup.name}.json")


def back_up(url: str, backup: Path, show: Show) -> Manifest:
    """Back up the store at an event store URL into a new file. Raises as :func:`copy_store`."""
    for each in (backup, manifest_of(backup)):
        if each.exists():
            raise BackupError(f"{each} exists: a backup never replaces another one")
    unfinished, made_at = backup.with_name(f"{backup.name}.unfinished"), datetime.now(UTC)
    unfinished.unlink(missing_ok=True)
    copied = copy_store(url, _url_of(unfinished), show, while_written=True)
    checksum, tables = _checksum(unfinished), copied.tables
    manifest = Manifest(made_at=made_at, newest_position=copied.newest, file_sha256=checksum, tables=tables)
    manifest_of(backup).write_text(manifest.model_dump_json(by_alias=True, indent=2) + "\n")
    unfinished.rename(backup)
    return manifest


def check(backup: Path) -> Manifest:
    """Read a backup whole, and compare it with its manifest. Raises BackupError if it was changed."""
    manifest = Manifest.of(backup)
    try:
        found = _checksum(backup)
    except OSError as error:
        raise BackupError(f"{backup} cannot be read: {error.strerror}") from error
    if found != manifest.file_sha256:
        raise BackupError(
            f"{backup} was changed since it was made: its checksum is {found}, and was {manifest.file_sha256}"
        )
    return manifest


def restore(backup: Path, url: str, show: Show) -> Manifest:
    """Restore a backup to an event store URL where no store is. Raises BackupError, and as copy_store."""
    manifest = check(backup)
    copied = copy_store(_url_of(backup), url, show)
    if copied.tables != manifest.tables:
        wrong = ", ".join(name for name in copied.tables if copied.tables[name] != manifest.tables.get(name))
        raise BackupError(f"What was restored is not what was backed up: {wrong}. Do not use it")
    return manifest


def _url_of(file: Path) -> str:
    return f"sqlite:///{quote(str(file.absolute()))}"


def _checksum(path: Path) -> str:
    """Of a file, once a loss of power cannot take it back."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return file_digest(file, "sha256").hexdigest()
