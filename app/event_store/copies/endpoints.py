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
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import psycopg
from eventsourcing.persistence import InfrastructureFactory, OperationalError
from eventsourcing.utils import Environment

from app.event_store.application import Servicing
from app.event_store.postgres_connections import connect
from app.event_store.recorder import COLUMNS
from app.event_store.url import event_store_environment
from app.privacy.key_tables import KeyTables

_ROWS_A_FETCH = 2_000

Row = tuple[Any, ...]


class Table(NamedTuple):
    """A table's columns; its rows are in the order of the first ``text_keys`` ones, or of a first number."""

    name: str
    columns: tuple[str, ...]
    text_keys: int = 0


EVENTS = Table("events", ("position", *COLUMNS.split(", ")))
"""The events, by position. Databases have other names for the table and for positions."""
TABLES = (
    EVENTS,
    Table("personal_data_keys", ("originator_id", "wrapped", "master"), text_keys=1),
    Table("personal_data_links", ("owner", "kind", "business_id"), text_keys=3),
    Table("personal_data_erased", ("number", "originator_id", "customer_id", "at")),
    Table("personal_data_facts", ("name", "value"), text_keys=1),
)
"""A test compares them with the tables of a new store."""


class Endpoint(ABC):
    """A store. Raises one of EVENT_STORE_ERRORS, or psycopg's, if its server or file fails."""

    environment: dict[str, str]
    _events: ClassVar[Table]
    """The events by the database's names."""
    _table_names: ClassVar[str]
    _hexadecimal_id: ClassVar[str] = "originator_id"
    _bytewise: ClassVar[str] = ""
    """Orders text by its bytes, not by the database's language."""

    @abstractmethod
    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Execute a statement with ``?`` for values."""

    @abstractmethod
    def _stream(self, statement: str) -> Generator[Row]: ...

    @abstractmethod
    def _begin(self, *, locked: bool) -> None: ...

    @contextmanager
    def transaction(self, *, locked: bool) -> Iterator[None]:
        """A transaction that reads one moment of the store; closing the connection undoes one that failed.

        ``locked``: nobody else can write to the store meanwhile, and everybody can read.
        """
        self._begin(locked=locked)
        yield
        self.execute("COMMIT")

    def tables(self) -> list[str]:
        """The names of all tables; the events' is ``events``."""
        found = [name for (name,) in self.execute(self._table_names)]
        return [EVENTS.name if name == self._events.name else name for name in found]

    def rows(self, table: Table) -> Generator[Row]:
        """The rows of a table in the order of their keys; an aggregate's id is hexadecimal."""
        name, columns, text_keys = self._events if table is EVENTS else table
        keys = [f"{key}{self._bytewise}" for key in columns[:text_keys]] or columns[:1]
        selected = ", ".join(columns)
        if table is EVENTS:
            selected = selected.replace("originator_id", self._hexadecimal_id)
        yield from self._stream(f"SELECT {selected} FROM {name} ORDER BY {', '.join(keys)}")

    def newest(self) -> int:
        """The newest position; 0 if there is no event."""
        [(newest,)] = self.execute(f"SELECT MAX({self._events.columns[0]}) FROM {self._events.name}")
        return newest or 0

    def create(self) -> None:
        """Create the tables, in the transaction that is open."""
        environment = Environment(Servicing.name, self.environment | {"CREATE_TABLE": "no"})
        factory: Any = InfrastructureFactory.construct(environment)
        recorder = factory.application_recorder()
        if EVENTS.name not in self.tables():
            of_file = getattr(recorder, "create_table_statements", None)
            for statement in of_file or [each.as_string() for each in recorder.sql_create_statements]:
                self.execute(statement)
        KeyTables(recorder).create_by(self.execute)
        factory.close()


class SQLiteEndpoint(Endpoint):
    """A store in a file."""

    _events = Table("stored_events", ("rowid", *COLUMNS.split(", ")))
    _table_names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"

    def __init__(self, environment: dict[str, str]) -> None:
        """Opens the file, and does not read it yet. Raises eventsourcing's OperationalError."""
        self.environment = environment
        self._file = Path(environment["SQLITE_DBNAME"])
        try:
            self._others = _others_with(self._file) if self._file.exists() else []
            self._file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OperationalError(f"{error.filename}: {error.strerror}") from error
        for each in (self._file, self._file.parent):
            if each.exists() and not os.access(each, os.W_OK):
                raise OperationalError(
                    f"{each} is read-only, and SQLite writes beside a file, and locks it, even to read it. "
                    "Copy the file, with its -wal, to where it can"
                )
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

    def _begin(self, *, locked: bool) -> None:
        self.execute("BEGIN IMMEDIATE" if locked else "BEGIN")

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        return self._connection.execute(statement, values).fetchall()

    def _stream(self, statement: str) -> Generator[Row]:
        yield from self._connection.execute(statement)

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert rows, as :meth:`rows` gives them."""
        name, columns, _ = self._events if table is EVENTS else table
        places = ",".join("?" * len(columns))
        self._connection.executemany(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({places})", rows)


class PostgresEndpoint(Endpoint):
    """A store in a database."""

    _events = Table("servicing_events", ("notification_id", *COLUMNS.split(", ")))
    _table_names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    _hexadecimal_id = "replace(originator_id::text, '-', '')"
    _bytewise = ' COLLATE "C"'

    def __init__(self, environment: dict[str, str]) -> None:
        """Raises eventsourcing's OperationalError if the server is away."""
        self.environment = environment
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
        found = self.execute(
            "SELECT concat(usename, ' from ', coalesce(host(client_addr), 'this machine'), "
            "' (' || nullif(application_name, '') || ')', ', server process ', pid) "
            "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND usesysid IS NOT NULL "
            "AND coalesce(backend_type, 'client backend') = 'client backend' ORDER BY pid"
        )
        return [text for (text,) in found]

    def _begin(self, *, locked: bool) -> None:
        self.execute("BEGIN" if locked else "BEGIN ISOLATION LEVEL REPEATABLE READ")
        for table in (each for each in TABLES if locked and each.name in self.tables()):
            try:
                name = self._events.name if table is EVENTS else table.name
                self.execute(f"LOCK TABLE {name} IN EXCLUSIVE MODE")
            except psycopg.errors.InsufficientPrivilege as error:
                raise OperationalError(
                    f"this user may not lock {table.name}, so others could write to it meanwhile: "
                    "name its owner, or GRANT UPDATE on all tables to this one"
                ) from error

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        cursor = self._connection.execute(statement.replace("?", "%s").encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def _stream(self, statement: str) -> Generator[Row]:
        with self._connection.transaction(), self._connection.cursor("reading") as cursor:
            cursor.itersize = _ROWS_A_FETCH
            yield from cursor.execute(statement.encode())

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert rows, as :meth:`rows` gives them; the next event follows them."""
        name, columns, _ = self._events if table is EVENTS else table
        statement = f"COPY {name} ({', '.join(columns)}) FROM STDIN"
        with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row(row)
        if table is EVENTS:  # SQLite takes the position after the last by itself.
            [(sequence,)] = self.execute("SELECT pg_get_serial_sequence(?, ?)", (name, columns[0]))
            self.execute(f"ALTER SEQUENCE {sequence} RESTART WITH {self.newest() + 1}")


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
    lock, shared_bytes = (fcntl.F_WRLCK, os.SEEK_SET), (0x40000002, 510, 0)  # As SQLite's format fixes them.
    is_linux = sys.platform == "linux"
    form, request = ("hhqqi", lock + shared_bytes) if is_linux else ("qqihh", shared_bytes + lock)
    with file.open("rb") as opened:
        found = fcntl.fcntl(opened.fileno(), fcntl.F_GETLK, struct.pack(form, *request))
    fields = struct.unpack(form, found)
    kind, holder = (fields[0], fields[4]) if is_linux else (fields[3], fields[2])
    return [] if kind == fcntl.F_UNLCK else [f"process {holder} has {file} open"]
