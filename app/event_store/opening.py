"""Opens an event store: one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from eventsourcing.persistence import (
    ApplicationRecorder,
    InfrastructureFactory,
    OperationalError,
)
from eventsourcing.utils import Environment

from app.event_store.postgres import connect

STORE = "servicing"
"""The application whose store it is: PostgreSQL's table of events is named after it."""
_OPENING_LOCK = 0x42696C6C6965
"""An advisory lock of PostgreSQL: any number that nobody else uses."""


@contextmanager
def opening(environment: dict[str, str]) -> Iterator[None]:
    """Let one process at a time open a store: held around the making of the application.

    Two at once can fail where the store is new: SQLite does not wait for another connection while it
    goes into WAL mode, and in PostgreSQL "create if not exists" is no more than a check before.
    Raises eventsourcing's OperationalError where PostgreSQL is away, or a folder cannot be had.
    """
    held = _postgres_held if "POSTGRES_DBNAME" in environment else _folder_held
    with held(environment):
        yield


@contextmanager
def recorder_of(environment: dict[str, str]) -> Iterator[ApplicationRecorder]:
    """The library's own recorder of a store, which makes the table of events where there is none."""
    with opening(environment):
        factory: Any = InfrastructureFactory.construct(Environment(STORE, environment))
        try:
            yield factory.application_recorder()
        finally:
            factory.close()


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
