"""The two ends of a copy of an event store: a SQLite file, or a PostgreSQL database, by plain SQL.

No data key is opened, so no master key is needed: rows go over as they are.
"""

import fcntl
import os
import sqlite3
import struct
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg
from eventsourcing.persistence import ApplicationRecorder, InfrastructureFactory, OperationalError
from eventsourcing.utils import Environment
from psycopg.sql import SQL, Composed, Identifier

from app.aggregates.event_store import event_store_environment, opening
from app.aggregates.key_databases import PostgresKeys, SQLiteKeys
from app.aggregates.key_tables import KeyTables
from app.aggregates.postgres import connect
from app.aggregates.store_tables import COPYING, EVENTS, FACTS, TABLES, Row, Table

_STORE = "servicing"
"""The application whose store it is: PostgreSQL's table of events is named after it."""
_LOCK_WAIT_S = 10
_ROWS_A_FETCH = 2_000


class End(Protocol):
    """A store, by its own connection, in one transaction at a time."""

    def others(self) -> list[str]:
        """Who else is connected to it, as an operator would look for them."""

    def tables(self) -> list[str]:
        """The names of all tables that there are, ours and others."""

    def create(self) -> None:
        """Make our tables, where there are none."""

    def has(self, table: Table) -> bool:
        """Whether there is this table of ours."""

    def transaction(self) -> Any:
        """A context: all that is written in it, or nothing."""

    def held(self) -> Any:
        """A context in which nobody can write to the store, and everybody can read."""

    def rows(self, table: Table, after: int = 0) -> Generator[Row]:
        """The rows of a table in the order of their keys; of events, those after a position.

        To be closed by whoever does not take them all: a cursor stands behind it.
        """

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert rows, as :meth:`rows` gives them."""

    def empty(self, table: Table) -> None:
        """Remove all rows, and their bytes."""

    def newest(self) -> int:
        """The newest position; 0 where there is no event."""

    def go_on_after(self, position: int) -> None:
        """Give the next event a later position."""

    def execute(self, statement: str, *values: Any) -> list[Row]:
        """Execute a statement with ``?`` for values."""

    def close(self) -> None:
        """Close the connection."""


def end_of(url: str) -> End:
    """The store at an event store URL. Raises EventStoreUrlError, or one of EVENT_STORE_ERRORS."""
    environment = event_store_environment(url)
    return PostgresEnd(environment) if "POSTGRES_DBNAME" in environment else SQLiteEnd(environment)


def exists(url: str) -> bool:
    """Whether there can be a store: a SQLite file is there. What a server has is seen by asking it."""
    file = event_store_environment(url).get("SQLITE_DBNAME")
    return file is None or Path(file).exists()


def copying(end: End) -> str | None:
    """Of which store this is an unfinished copy, if it is one."""
    if not end.has(FACTS):
        return None
    found = end.execute(f"SELECT value FROM {FACTS.name} WHERE name = ?", COPYING)
    return str(found[0][0]) if found else None


@contextmanager
def _recorder(environment: dict[str, str]) -> Iterator[ApplicationRecorder]:
    with opening(environment):
        factory: Any = InfrastructureFactory.construct(Environment(_STORE, environment))
        try:
            yield factory.application_recorder()
        finally:
            factory.close()


class SQLiteEnd:
    """A store in a file."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._file = environment["SQLITE_DBNAME"]
        self._others = _who_has_open(self._file)
        Path(self._file).parent.mkdir(parents=True, exist_ok=True)
        patience = float(environment["SQLITE_LOCK_TIMEOUT"])
        self._connection = sqlite3.connect(self._file, isolation_level=None, timeout=patience)
        self._connection.execute("PRAGMA secure_delete = ON")

    def others(self) -> list[str]:
        """As it was before we opened it: closing any descriptor of a file drops our own locks on it."""
        return self._others

    def tables(self) -> list[str]:
        found = self._connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        return [("events" if name == "stored_events" else name) for (name,) in found]

    def create(self) -> None:
        with _recorder(self._environment) as recorder:
            KeyTables(SQLiteKeys(recorder)).create()  # type: ignore[arg-type]

    def has(self, table: Table) -> bool:
        return table.name in self.tables()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def held(self) -> Any:
        """There is one writer at a time: we are it, and write nothing."""
        return self.transaction()

    def rows(self, table: Table, after: int = 0) -> Generator[Row]:
        keys = ", ".join(self._columns(table)[: table.key_columns])
        beyond = f"WHERE rowid > {int(after)}" if table is EVENTS else ""
        yield from self._connection.execute(
            f"SELECT {', '.join(self._columns(table))} FROM {self._name(table)} {beyond} ORDER BY {keys}"
        )

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        columns = self._columns(table)
        self._connection.executemany(
            f"INSERT INTO {self._name(table)} ({', '.join(columns)}) VALUES ({','.join('?' * len(columns))})",
            rows,
        )

    def empty(self, table: Table) -> None:
        self._connection.execute(f"DELETE FROM {self._name(table)}")

    def newest(self) -> int:
        [(newest,)] = self._connection.execute("SELECT MAX(rowid) FROM stored_events")
        return newest or 0

    def go_on_after(self, position: int) -> None:
        """The next row has the id after the greatest one."""

    def execute(self, statement: str, *values: Any) -> list[Row]:
        return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        self._connection.close()

    @staticmethod
    def _name(table: Table) -> str:
        return "stored_events" if table is EVENTS else table.name

    @staticmethod
    def _columns(table: Table) -> tuple[str, ...]:
        return ("rowid", *table.columns[1:]) if table is EVENTS else table.columns


class PostgresEnd:
    """A store in a database."""

    _schema = "public"

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._connection = connect(environment)
        # The store is held for as long as it takes: no setting of the server's may end that.
        self._connection.execute(
            "SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0; "
            f"SET lock_timeout = '{_LOCK_WAIT_S}s'; SET search_path = {self._schema}"
        )

    def others(self) -> list[str]:
        """Of other users' connections, PostgreSQL may show us no more than that they are there."""
        found = self._connection.execute(
            "SELECT pid, usename, coalesce(application_name, ''), host(client_addr) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL "
            "AND coalesce(backend_type, 'client backend') = 'client backend' ORDER BY pid"
        )
        return [
            f"{user} from {host or 'this machine'}{f' ({name})' if name else ''}, server process {pid}"
            for pid, user, name, host in found
        ]

    def tables(self) -> list[str]:
        found = self._connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s", (self._schema,)
        )
        return [("events" if name == f"{_STORE}_events" else name) for (name,) in found]

    def create(self) -> None:
        with _recorder(self._environment) as recorder:
            KeyTables(PostgresKeys(recorder)).create()  # type: ignore[arg-type]

    def has(self, table: Table) -> bool:
        return table.name in self.tables()

    def transaction(self) -> Any:
        return self._connection.transaction()

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._connection.transaction():
            for table in TABLES:
                if self.has(table):
                    try:
                        self._do("LOCK TABLE {} IN EXCLUSIVE MODE", table)
                    except psycopg.errors.LockNotAvailable as error:
                        msg = f"somebody writes to {table.name} for longer than {_LOCK_WAIT_S} s"
                        raise OperationalError(msg) from error
            yield

    def rows(self, table: Table, after: int = 0) -> Generator[Row]:
        columns = SQL(", ").join(SQL(each) for each in self._selected(table))
        # Text in the order of its bytes, as in SQLite, whatever the database's language.
        text = [name for name in table.columns[: table.key_columns] if name not in ("position", "number")]
        keys = ", ".join(f'{each} COLLATE "C"' for each in text) or self._columns(table)[0]
        beyond = f"WHERE notification_id > {int(after)}" if table is EVENTS else ""
        statement = SQL("SELECT {} FROM {} " + f"{beyond} ORDER BY {keys}").format(columns, self._name(table))
        with self._connection.transaction(), self._connection.cursor("reading") as cursor:
            cursor.itersize = _ROWS_A_FETCH
            yield from cursor.execute(statement)

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        columns = SQL(", ").join(Identifier(each) for each in self._columns(table))
        statement = SQL("COPY {} ({}) FROM STDIN").format(self._name(table), columns)
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def empty(self, table: Table) -> None:
        """Its pages go as well: deleted rows would stay in them."""
        self._do("TRUNCATE {}", table)

    def newest(self) -> int:
        found = self._connection.execute(
            SQL("SELECT MAX(notification_id) FROM {}").format(self._name(EVENTS))
        ).fetchone()
        return (found and found[0]) or 0

    def go_on_after(self, position: int) -> None:
        self._connection.execute(
            "SELECT setval(pg_get_serial_sequence(%s, 'notification_id'), %s, %s)",
            (f'"{self._schema}"."{_STORE}_events"', max(1, position), position > 0),
        )

    def execute(self, statement: str, *values: Any) -> list[Row]:
        cursor = self._connection.execute(statement.replace("?", "%s").encode(), values)
        return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        self._connection.close()

    def _do(self, statement: str, table: Table) -> None:
        self._connection.execute(SQL(statement).format(self._name(table)))

    def _name(self, table: Table) -> Composed:
        name = f"{_STORE}_events" if table is EVENTS else table.name
        return SQL("{}.{}").format(Identifier(self._schema), Identifier(name))

    @staticmethod
    def _columns(table: Table) -> tuple[str, ...]:
        return ("notification_id", *table.columns[1:]) if table is EVENTS else table.columns

    def _selected(self, table: Table) -> tuple[str, ...]:
        if table is not EVENTS:
            return table.columns
        return tuple(
            "replace(originator_id::text, '-', '')" if name == "originator_id" else name
            for name in self._columns(table)
        )


def _who_has_open(file: str) -> list[str]:
    """A process that has a SQLite file open: in WAL mode each holds a shared lock for as long."""
    if not Path(file).exists():
        return []
    shared_from, shared_bytes = 0x40000002, 510  # As SQLite's file format fixes them.
    lock = (fcntl.F_WRLCK, os.SEEK_SET, shared_from, shared_bytes, 0)
    is_linux = sys.platform == "linux"
    form, order = ("hhqqi", (0, 1, 2, 3, 4)) if is_linux else ("qqihh", (2, 3, 4, 0, 1))
    with Path(file).open("rb") as opened:
        asked = struct.pack(form, *(lock[each] for each in order))
        told = struct.unpack(form, fcntl.fcntl(opened.fileno(), fcntl.F_GETLK, asked))
    kind, holder = told[order.index(0)], told[order.index(4)]
    return [] if kind == fcntl.F_UNLCK else [f"process {holder} has {file} open"]
