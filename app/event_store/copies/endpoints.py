"""The two ends of a copy: all tables of an event store, by one connection and plain SQL.

No data key is opened, so no master key is needed: rows go over as they are.
"""

import fcntl
import os
import sqlite3
import struct
import sys
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from eventsourcing.persistence import InfrastructureFactory, OperationalError
from eventsourcing.sqlite import SQLiteApplicationRecorder
from eventsourcing.utils import Environment

from app.event_store.application import Servicing
from app.event_store.postgres import connect
from app.event_store.url import event_store_environment
from app.privacy.key_tables import KeyTables

_ROWS_A_FETCH = 2_000
_READ_ONLY = (
    "is read-only, and SQLite writes beside a file, and locks it, even to read it. "
    "Copy the file, with its -wal, to where it can"
)


Row = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """A table's columns; its rows are in the order of the first ``key_columns`` ones."""

    name: str
    columns: tuple[str, ...]
    key_columns: int = 1
    has_text_key: bool = True


EVENTS = Table(
    "events", ("position", "originator_id", "originator_version", "topic", "state"), has_text_key=False
)
"""The events, by position. Databases have other names for the table and for positions."""
TABLES = (
    EVENTS,
    Table("personal_data_keys", ("originator_id", "wrapped", "master")),
    Table("personal_data_links", ("owner", "kind", "business_id"), key_columns=3),
    Table("personal_data_erased", ("number", "originator_id", "customer_id", "at"), has_text_key=False),
    Table("personal_data_facts", ("name", "value")),
)
"""A test compares them with the tables of a new store."""


class Endpoint(ABC):
    """A store. Raises one of EVENT_STORE_ERRORS, or psycopg's, if its server or file fails."""

    events_table: ClassVar[str]
    position: ClassVar[str]
    """The column of an event's position."""
    _table_names: ClassVar[str]
    _begin_snapshot: ClassVar[str] = "BEGIN"
    _hexadecimal_id: ClassVar[str] = "originator_id"
    _bytewise: ClassVar[str] = ""
    """Orders text by its bytes, not by the database's language."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    @abstractmethod
    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Execute a statement with ``?`` for values."""

    @abstractmethod
    def _stream(self, statement: str) -> Generator[Row]: ...

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """A transaction that reads one moment of the store; writers continue."""
        self.execute(self._begin_snapshot)
        yield
        self.execute("ROLLBACK")

    def tables(self) -> list[str]:
        """The names of all tables; the events' is ``events``."""
        found = [name for (name,) in self.execute(self._table_names)]
        return [EVENTS.name if name == self.events_table else name for name in found]

    def rows(self, table: Table) -> Generator[Row]:
        """The rows of a table in the order of their keys; an aggregate's id is hexadecimal."""
        columns = self.columns(table)
        keys = ", ".join(
            f"{key}{self._bytewise if table.has_text_key else ''}" for key in columns[: table.key_columns]
        )
        selected = ", ".join(columns)
        if table is EVENTS:
            selected = selected.replace("originator_id", self._hexadecimal_id)
        yield from self._stream(f"SELECT {selected} FROM {self.name(table)} ORDER BY {keys}")

    def newest(self) -> int:
        """The newest position; 0 if there is no event."""
        [(newest,)] = self.execute(f"SELECT MAX({self.position}) FROM {self.events_table}")
        return newest or 0

    def create(self) -> None:
        """Create the tables, in the transaction that is open."""
        environment = Environment(Servicing.name, self.environment | {"CREATE_TABLE": "no"})
        factory: Any = InfrastructureFactory.construct(environment)
        recorder = factory.application_recorder()
        if EVENTS.name not in self.tables():
            is_file = isinstance(recorder, SQLiteApplicationRecorder)
            for statement in recorder.create_table_statements if is_file else recorder.sql_create_statements:
                self.execute(statement if is_file else statement.as_string())
        KeyTables(recorder).create_by(self.execute)
        factory.close()

    def continue_after(self, position: int) -> None:  # noqa: B027
        """Give the next event a later position: SQLite takes the one after the last by itself."""

    def name(self, table: Table) -> str:
        """A table's name in the database."""
        return self.events_table if table is EVENTS else table.name

    def columns(self, table: Table) -> tuple[str, ...]:
        """A table's columns in the database."""
        return (self.position, *table.columns[1:]) if table is EVENTS else table.columns


class SQLiteEndpoint(Endpoint):
    """A store in a file."""

    events_table = "stored_events"
    position = "rowid"
    _table_names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"

    def __init__(self, environment: dict[str, str]) -> None:
        """Opens the file, and does not read it yet. Raises eventsourcing's OperationalError."""
        super().__init__(environment)
        self._file = Path(environment["SQLITE_DBNAME"])
        try:
            self._others = _others_with(self._file) if self._file.exists() else []
            self._file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OperationalError(f"{error.filename}: {error.strerror}") from error
        for each in (self._file, self._file.parent):
            if each.exists() and not os.access(each, os.W_OK):
                raise OperationalError(f"{each} {_READ_ONLY}")
        timeout = float(environment["SQLITE_LOCK_TIMEOUT"])
        self._connection = sqlite3.connect(self._file, isolation_level=None, timeout=timeout)
        self.close = self._connection.close

    def identity(self) -> object:
        """The same for every path to it."""
        found = self._file.stat()
        return found.st_dev, found.st_ino

    def others(self) -> list[str]:
        """A process that had the file open before us: to look closes a descriptor, which drops our locks."""
        return self._others

    @contextmanager
    def locked(self) -> Iterator[None]:
        """A transaction in which nobody else can write to the store, and everybody can read."""
        self.execute("BEGIN IMMEDIATE")
        with self._connection:
            yield

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        return self._connection.execute(statement, values).fetchall()

    def _stream(self, statement: str) -> Generator[Row]:
        yield from self._connection.execute(statement)

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert rows, as :meth:`rows` gives them."""
        columns = self.columns(table)
        places = ",".join("?" * len(columns))
        statement = f"INSERT INTO {self.name(table)} ({', '.join(columns)}) VALUES ({places})"
        self._connection.executemany(statement, rows)


class PostgresEndpoint(Endpoint):
    """A store in a database."""

    events_table = "servicing_events"
    position = "notification_id"
    _table_names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    _begin_snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ"
    _hexadecimal_id = "replace(originator_id::text, '-', '')"
    _bytewise = ' COLLATE "C"'

    def __init__(self, environment: dict[str, str]) -> None:
        """Raises eventsourcing's OperationalError if the server is away."""
        super().__init__(environment)
        self._connection = connect(environment)
        self.close = self._connection.close
        self._connection.execute(  # No setting of the server's may end a long transaction.
            "SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0; "
            "SET lock_timeout = '10s'; SET search_path = public"
        )

    def identity(self) -> object:
        """The same for every host and user."""
        which = "pg_database WHERE datname = current_database()"
        return self.execute(f"SELECT pg_postmaster_start_time(), oid FROM {which}")

    def others(self) -> list[str]:
        """Who else is connected. Of other users' connections, the server may tell only that they exist."""
        name = "CASE application_name WHEN '' THEN '' ELSE ' (' || application_name || ')' END"
        client = f"usename || ' from ' || coalesce(host(client_addr), 'this machine') || coalesce({name}, '')"
        found = self.execute(
            f"SELECT {client} || ', server process ' || pid FROM pg_stat_activity WHERE "
            "datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL "
            "AND coalesce(backend_type, 'client backend') = 'client backend' ORDER BY pid"
        )
        return [text for (text,) in found]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """A transaction in which nobody else can write to the store, and everybody can read."""
        with self._connection.transaction():
            for table in (each for each in TABLES if each.name in self.tables()):
                try:
                    self.execute(f"LOCK TABLE {self.name(table)} IN EXCLUSIVE MODE")
                except psycopg.errors.InsufficientPrivilege as error:
                    raise OperationalError(
                        f"this user may not lock {table.name}, so others could write to it meanwhile: "
                        "name its owner, or GRANT UPDATE on all tables to this one"
                    ) from error
            yield

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        cursor = self._connection.execute(statement.replace("?", "%s").encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def _stream(self, statement: str) -> Generator[Row]:
        with self._connection.transaction(), self._connection.cursor("reading") as cursor:
            cursor.itersize = _ROWS_A_FETCH
            yield from cursor.execute(statement.encode())

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert rows, as :meth:`rows` gives them."""
        statement = f"COPY {self.name(table)} ({', '.join(self.columns(table))}) FROM STDIN"
        with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row(row)

    def continue_after(self, position: int) -> None:
        """Give the next event a later position."""
        self.execute(
            "SELECT setval(pg_get_serial_sequence(?, 'notification_id'), ?, ?)",
            (self.events_table, max(1, position), position > 0),
        )


AnyEndpoint = SQLiteEndpoint | PostgresEndpoint


def endpoint_at(url: str) -> AnyEndpoint:
    """Raises EventStoreUrlError, or one of EVENT_STORE_ERRORS."""
    environment = event_store_environment(url)
    return PostgresEndpoint(environment) if "POSTGRES_DBNAME" in environment else SQLiteEndpoint(environment)


def file_of(url: str) -> Path | None:
    """The SQLite file of a URL, from the root; None for a store on a server."""
    file = event_store_environment(url).get("SQLITE_DBNAME")
    return Path(file).absolute() if file else None


def is_store(url: str) -> bool:
    """Whether there is an event store; asking creates none. Raises one of EVENT_STORE_ERRORS."""
    if (file := file_of(url)) is not None and not file.exists():
        return False
    with closing(endpoint_at(url)) as endpoint:
        return EVENTS.name in endpoint.tables()


def _others_with(file: Path) -> list[str]:
    """A process that has a SQLite file open: in WAL mode, each holds a shared lock for as long."""
    shared_from, shared_bytes = 0x40000002, 510  # As SQLite's file format fixes them.
    lock = (fcntl.F_WRLCK, os.SEEK_SET, shared_from, shared_bytes, 0)
    is_linux = sys.platform == "linux"
    form, order = ("hhqqi", (0, 1, 2, 3, 4)) if is_linux else ("qqihh", (2, 3, 4, 0, 1))
    with file.open("rb") as opened:
        request = struct.pack(form, *(lock[each] for each in order))
        found = struct.unpack(form, fcntl.fcntl(opened.fileno(), fcntl.F_GETLK, request))
    kind, holder = found[order.index(0)], found[order.index(4)]
    return [] if kind == fcntl.F_UNLCK else [f"process {holder} has {file} open"]
