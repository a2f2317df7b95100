"""An end of a copy that is a PostgreSQL database: see :class:`app.event_store.copies.endpoints.End`."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from secrets import randbits
from typing import Any

import psycopg
from eventsourcing.persistence import OperationalError
from psycopg.sql import SQL, Composed, Identifier

from app.event_store.copies.tables import EVENTS, TABLES, Row, Table
from app.event_store.opening import STORE, recorder_of
from app.event_store.postgres import connect
from app.privacy.databases import database_of
from app.privacy.key_tables import KeyTables

_LOCK_WAIT_S = 10
_ROWS_A_FETCH = 2_000


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

    def is_also(self, other: "PostgresEnd") -> bool:
        """Whether another one is of the same database, by whatever host and user: they share its locks."""
        name = randbits(62)
        self._connection.execute("SELECT pg_advisory_lock(%s)", (name,))
        try:
            return other.execute("SELECT pg_try_advisory_lock(?)", name) == [(False,)]
        finally:
            self._connection.execute("SELECT pg_advisory_unlock(%s)", (name,))

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
        return [("events" if name == f"{STORE}_events" else name) for (name,) in found]

    def create(self) -> None:
        with recorder_of(self._environment) as recorder:
            KeyTables(database_of(recorder)).create()

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
                    except psycopg.errors.InsufficientPrivilege as error:
                        msg = (
                            f"this user may not lock {table.name}, so others could write to it meanwhile: "
                            "name its owner, or GRANT UPDATE on all tables to this one"
                        )
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
            (f'"{self._schema}"."{STORE}_events"', max(1, position), position > 0),
        )

    def execute(self, statement: str, *values: Any) -> list[Row]:
        cursor = self._connection.execute(statement.replace("?", "%s").encode(), values)
        return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        self._connection.close()

    def _do(self, statement: str, table: Table) -> None:
        self._connection.execute(SQL(statement).format(self._name(table)))

    def _name(self, table: Table) -> Composed:
        name = f"{STORE}_events" if table is EVENTS else table.name
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
