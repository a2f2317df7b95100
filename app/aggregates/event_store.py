"""Where events are kept: the library's settings for an event store URL, and what a failing store raises."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from eventsourcing.persistence import PersistenceError
from eventsourcing.utils import get_topic

from app.aggregates.postgres import TLS_OPTIONS, SecurePostgresFactory, connect
from app.aggregates.recorders import PostgresBatchRecorder, SQLiteBatchRecorder

EVENT_STORE_ERRORS = (PersistenceError, sqlite3.Error)
"""What a store that is away, locked or broken raises: the library lets some of SQLite's own through."""


_LOCK_TIMEOUT_S = "30"


class EventStoreUrlError(ValueError):
    """A BILLIE_EVENT_STORE_URL that names no store: says what is accepted."""


class UnfinishedCopyError(EventStoreUrlError):
    """A BILLIE_EVENT_STORE_URL that names what a copy of a store has made so far."""

    def __init__(self) -> None:
        super().__init__(
            "BILLIE_EVENT_STORE_URL names an unfinished copy of an event store: "
            "run the same `billie events copy` once more, to its end"
        )


def event_store_environment(url: str) -> dict[str, str]:
    """The eventsourcing library's settings for an event store URL.

    ``sqlite:///path?timeout=5`` waits 5 s for another process's transaction, rather than 30;
    ``postgresql://…?sslmode=verify-full&sslrootcert=FILE`` is TLS.

    Raises EventStoreUrlError for anything but ``sqlite:///`` and ``postgresql://``, and for other options.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "PERSISTENCE_MODULE": "eventsourcing.sqlite",
            "SQLITE_DBNAME": _sqlite_file(parts.path),
            "SQLITE_LOCK_TIMEOUT": _lock_timeout(parts.query),
            "APPLICATION_RECORDER_TOPIC": get_topic(SQLiteBatchRecorder),
        }
    if parts.scheme in ("postgresql", "postgres"):
        return {
            "PERSISTENCE_MODULE": get_topic(SecurePostgresFactory),
            "POSTGRES_DBNAME": unquote(parts.path.lstrip("/")),
            "POSTGRES_HOST": parts.hostname or "127.0.0.1",
            "POSTGRES_PORT": str(parts.port or 5432),
            "POSTGRES_USER": unquote(parts.username or ""),
            "POSTGRES_PASSWORD": unquote(parts.password or ""),
            "APPLICATION_RECORDER_TOPIC": get_topic(PostgresBatchRecorder),
            **_tls_options(parts.query),
        }
    msg = (
        f"BILLIE_EVENT_STORE_URL has the scheme {parts.scheme!r}: "
        "use sqlite:///path or postgresql://user@host/name"
    )
    raise EventStoreUrlError(msg)


_OPENING_LOCK = 0x42696C6C6965
"""An advisory lock of PostgreSQL: any number that nobody else uses."""


@contextmanager
def opening(environment: dict[str, str]) -> Iterator[None]:
    """Let one process at a time open a store: held around the making of the application.

    Two at once can fail where the store is new: SQLite does not wait for another connection while it
    goes into WAL mode, and in PostgreSQL "create if not exists" is no more than a check before.
    Raises eventsourcing's OperationalError where PostgreSQL is away.
    """
    held = _postgres_held if "POSTGRES_DBNAME" in environment else _folder_held
    with held(environment):
        yield


@contextmanager
def _folder_held(environment: dict[str, str]) -> Iterator[None]:
    # The lock is on the file's folder, so that nothing is left behind.
    folder = Path(environment["SQLITE_DBNAME"]).parent
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _postgres_held(environment: dict[str, str]) -> Iterator[None]:
    with closing(connect(environment)) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_OPENING_LOCK,))
        yield


def _sqlite_file(path: str) -> str:
    # As in SQLAlchemy: three slashes and a relative path, four for an absolute one.
    name = unquote(path.removeprefix("/"))
    if not name:
        msg = "BILLIE_EVENT_STORE_URL names no file: use sqlite:///var/events.db"
        raise EventStoreUrlError(msg)
    return name


def _tls_options(query: str) -> dict[str, str]:
    options = parse_qs(query, keep_blank_values=True)
    if others := sorted(set(options) - set(TLS_OPTIONS)):
        # Passed over, it would look as if it were in force.
        msg = f"BILLIE_EVENT_STORE_URL has the option {others[0]!r}: there are {', '.join(TLS_OPTIONS)}"
        raise EventStoreUrlError(msg)
    return {f"POSTGRES_{name.upper()}": values[-1] for name, values in options.items()}


def _lock_timeout(query: str) -> str:
    seconds = parse_qs(query, keep_blank_values=True).get("timeout", [_LOCK_TIMEOUT_S])[-1]
    if not (seconds.isascii() and seconds.isdigit() and int(seconds) > 0):
        msg = "BILLIE_EVENT_STORE_URL has a timeout that is no whole number of seconds from 1"
        raise EventStoreUrlError(msg)
    return seconds
