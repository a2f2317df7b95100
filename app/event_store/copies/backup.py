"""Backups of the event store, made while it is written to, checked, and restored into an empty place.

A backup is a SQLite file, also of a store in PostgreSQL, and beside it a manifest: what every table
holds, with the checksum of all values.
"""

import os
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from urllib.parse import quote

from pydantic import ValidationError

from app.event_store.copies.copy import Copied, CopyError, Show, copy_store


class Manifest(Copied):
    """What a backup holds."""

    made_at: datetime
    file_sha256: str


def manifest_of(backup: Path) -> Path:
    """Where the manifest of a backup is."""
    return backup.with_name(f"{backup.name}.json")


def back_up(url: str, backup: Path, show: Show) -> Manifest:
    """Back up the store at an event store URL into a new file. Raises OSError, and as :func:`copy_store`."""
    for each in (backup, manifest_of(backup)):
        if each.exists():
            raise CopyError(f"{each} exists: a backup never replaces another one")
    unfinished, made_at = backup.with_name(f"{backup.name}.unfinished"), datetime.now(UTC)
    unfinished.unlink(missing_ok=True)
    copied = copy_store(url, _url_of(unfinished), show, while_written=True)
    manifest = Manifest(made_at=made_at, file_sha256=_checksum(unfinished), **dict(copied))
    manifest_of(backup).write_text(manifest.model_dump_json(by_alias=True, indent=2) + "\n")
    unfinished.rename(backup)
    return manifest


def check(backup: Path) -> Manifest:
    """Read a backup whole, and compare it with its manifest. Raises CopyError if it differs, and OSError."""
    try:
        manifest = Manifest.model_validate_json(manifest_of(backup).read_bytes())
    except (OSError, ValidationError) as error:
        msg = f"{manifest_of(backup)} cannot be read: there is no telling what the backup has to hold"
        raise CopyError(msg) from error
    if (found := _checksum(backup)) != manifest.file_sha256:
        raise CopyError(
            f"{backup} was changed since it was made: its checksum is {found}, and was {manifest.file_sha256}"
        )
    return manifest


def restore(backup: Path, url: str, show: Show) -> Manifest:
    """Restore a backup to an event store URL where no store is. Raises as :func:`check` and copy_store."""
    manifest = check(backup)
    copied = copy_store(_url_of(backup), url, show)
    if copied.tables != manifest.tables:
        wrong = ", ".join(name for name in copied.tables if copied.tables[name] != manifest.tables.get(name))
        raise CopyError(f"What was restored is not what was backed up: {wrong}. Do not use it")
    return manifest


def _url_of(file: Path) -> str:
    return f"sqlite:///{quote(str(file.absolute()))}"


def _checksum(path: Path) -> str:
    """Of a file, once a loss of power cannot take it back."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return file_digest(file, "sha256").hexdigest()
