"""The databases that hold the privacy tables: the event store's own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from re import findall
from typing import Any, ClassVar, Protocol

from eventsourcing.persistence import ApplicationRecorder
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteCursor, SQLiteDatastore
from psycopg import Connection, Cursor
from psycopg.errors import Diagnostic, LockNotAvailable
from psycopg.rows import tuple_row

_READERS_MS = 200
"""How long a checkpoint waits for SQLite's readers: all writers wait meanwhile."""
_LOCK_MS = 2_000
"""How long to wait for PostgreSQL's table of keys: later requests for it queue behind ours."""

Execute = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""Executes one statement, with ``?`` for values, and returns its rows."""


class Database(Protocol):
    """What the privacy tables need of a database."""

    blob: ClassVar[str]
    """Its type for bytes."""
    prefix: str
    """What the tables' names begin with."""

    def executing(self, connection: Any) -> Execute:
        """Executes in the transaction in which events are inserted."""

    def transaction(self, *, commit: bool) -> Any:
        """A context manager that executes in a transaction of its own."""

    def overwrite_removed(self, execute: Execute) -> None:
        """Overwrite the bytes that this transaction removes, where the database can."""

    def purge(self) -> bool:
        """Remove deleted bytes from the database's files. False while a reader is in the way."""


class SQLiteTables:
    """The tables in the file of a SQLite store."""

    blob: ClassVar[str] = "BLOB"
    prefix = ""

    def __init__(self, datastore: SQLiteDatastore) -> None:
        self._datastore = datastore

    def executing(self, connection: SQLiteCursor) -> Execute:
        def execute(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
            connection.execute(statement, values)
            return [tuple(row) for row in connection.fetchall()]

        return execute

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[Execute]:
        with self._datastore.transaction(commit=commit) as cursor:
            yield self.executing(cursor)

    def overwrite_removed(self, execute: Execute) -> None:
        """Of this connection, from now on."""
        execute("PRAGMA secure_delete = ON", ())

    def purge(self) -> bool:
        """Move the write-ahead log into the file, and empty it."""
        with self._datastore.get_connection(commit=True) as connection:
            execute = self.executing(connection.cursor())
            [(timeout,)] = execute("PRAGMA busy_timeout", ())
            execute(f"PRAGMA busy_timeout = {_READERS_MS}", ())
            try:
                [(is_busy, *_)] = execute("PRAGMA wal_checkpoint(TRUNCATE)", ())
            finally:
                execute(f"PRAGMA busy_timeout = {int(timeout)}", ())
        return not is_busy


class PostgresTables:
    """The tables in the schema of a PostgreSQL store."""

    blob: ClassVar[str] = "BYTEA"

    def __init__(self, datastore: PostgresDatastore) -> None:
        self._datastore = datastore
        self.prefix = f'"{datastore.schema}".'

    def executing(self, connection: Connection[Any]) -> Execute:
        def execute(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
            with Cursor(connection, row_factory=tuple_row) as cursor:
                cursor.execute(statement.replace("%", "%%").replace("?", "%s").encode(), values)
                # In a pipeline, only fetching tells whether there are rows.
                return cursor.fetchall() if statement.startswith("SELECT") else []

        return execute

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[Execute]:  # noqa: ARG002 - reading commits nothing
        with self._datastore.get_connection() as connection, connection.transaction():
            yield self.executing(connection)

    def overwrite_removed(self, execute: Execute) -> None:
        """PostgreSQL keeps deleted rows until their table is rewritten, outside any transaction."""

    def purge(self) -> bool:
        """Rewrite the table of keys, which is small. Rows that an open transaction can see stay."""
        kept: list[int] = []

        def noticed(notice: Diagnostic) -> None:
            # "0 dead row versions cannot be removed yet", in the server's language.
            kept.extend(int(number) for number in findall(r"\d+", notice.message_detail or "")[:1])

        with self._datastore.get_connection() as connection:
            connection.add_notice_handler(noticed)
            connection.execute(f"SET lock_timeout = {_LOCK_MS}".encode())
            try:
                connection.execute(f"VACUUM (FULL, VERBOSE) {self.prefix}personal_data_keys".encode())
            except LockNotAvailable:
                return False
            finally:
                connection.execute("RESET lock_timeout")
                connection.remove_notice_handler(noticed)
        return not any(kept)


def database_of(recorder: ApplicationRecorder) -> Database:
    """The database in which a recorder stores events."""
    if isinstance(recorder, SQLiteApplicationRecorder):
        return SQLiteTables(recorder.datastore)
    assert isinstance(recorder, PostgresApplicationRecorder)
    return PostgresTables(recorder.datastore)
