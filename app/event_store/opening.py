"""Opens an event store: one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from eventsourcing.persistence import OperationalError

from app.event_store.postgres import connect

_OPENING_LOCK = 0x42696C6C6965
"""An advisory lock of PostgreSQL: any number that nobody else uses."""


@contextmanager
def opening(environment: dict[str, str]) -> Iterator[None]:
    """Let one process at a time open a store.

    Two at once can fail if the store is new: SQLite does not wait for another connection while it goes into
    WAL mode, and PostgreSQL's "create if not exists" only checks before it creates. Raises eventsourcing's
    OperationalError if PostgreSQL is away, or the folder cannot be used.
    """
    held = _postgres_held if "POSTGRES_DBNAME" in environment else _folder_held
    with held(environment):
        yield


@contextmanager
def _folder_held(environment: dict[str, str]) -> Iterator[None]:
    # The lock is on the file's folder, so that nothing is left behind.
    folder = Path(environment["SQLITE_DBNAME"]).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        msg = f"{error.filename}: {error.strerror}"
        raise OperationalError(msg) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _postgres_held(environment: dict[str, str]) -> Iterator[None]:
    with closing(connect(environment)) as connection:
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", (_OPENING_LOCK,))
        except psycopg.OperationalError as error:
            raise OperationalError(str(error)) from error
        yield
