"""The databases that have the tables of data keys: those of the event store, and one in memory."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from re import findall
from threading import RLock
from typing import Any
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.errors import Diagnostic, LockNotAvailable
from psycopg.rows import tuple_row

from app.event_store.recorders import PostgresBatchRecorder, SQLiteBatchRecorder
from app.privacy.key_tables import Execute

_BRIEFLY_MS = 200
"""For so long forgetting waits for readers: with SQLite, all writers wait meanwhile."""
_LOCK_MS = 2_000
"""For so long it waits for PostgreSQL's table of keys: whoever asks for it later stands behind it."""


class SQLiteKeys:
    """The tables in the file of a SQLite store."""

    blob, schema, position = "BLOB", "", "rowid"

    def __init__(self, recorder: SQLiteBatchRecorder) -> None:
        self._datastore = recorder.datastore
        self.events = recorder.events_table_name

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[Execute]:
        with self._datastore.transaction(commit=commit) as cursor:
            yield sqlite_execute(cursor)

    def has_table(self, execute: Execute, name: str) -> bool:
        return bool(execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)))

    def originator(self, originator_id: UUID) -> str:
        return originator_id.hex

    def lock(self, execute: Execute) -> None:
        """A write holds off all others; what is read after it is current."""
        execute(f"DELETE FROM {self.events} WHERE rowid < 0")

    def wipe(self, execute: Execute) -> None:
        """Of this connection, from now on."""
        execute("PRAGMA secure_delete = ON")

    def forget_log(self) -> bool:
        """Move the write-ahead log into the file, and make it empty; readers may be in the way."""
        with self._datastore.get_connection(commit=True) as connection:
            execute = sqlite_execute(connection.cursor())
            [(patience,)] = execute("PRAGMA busy_timeout")
            execute(f"PRAGMA busy_timeout = {_BRIEFLY_MS}")
            try:
                [(is_busy, *_)] = execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                execute(f"PRAGMA busy_timeout = {int(patience)}")
        return not is_busy


class PostgresKeys:
    """The tables in the schema of a PostgreSQL store."""

    blob, position = "BYTEA", "notification_id"

    def __init__(self, recorder: PostgresBatchRecorder) -> None:
        self._datastore = recorder.datastore
        self.schema = f'"{recorder.datastore.schema}".'
        self.events = f'{self.schema}"{recorder.events_table_name}"'

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[Execute]:  # noqa: ARG002 - reading commits nothing
        with self._datastore.get_connection() as connection, connection.transaction():
            yield postgres_execute(connection)

    def has_table(self, execute: Execute, name: str) -> bool:
        return execute("SELECT to_regclass(?) IS NOT NULL", (name,)) == [(True,)]

    def originator(self, originator_id: UUID) -> UUID:
        return originator_id

    def lock(self, execute: Execute) -> None:
        """As the library does, whenever it inserts events."""
        execute(f"LOCK TABLE {self.events} IN EXCLUSIVE MODE")

    def wipe(self, execute: Execute) -> None:
        """PostgreSQL keeps old rows until their table is written anew: not in a transaction."""

    def forget_log(self) -> bool:
        """Write the table of keys anew: it is small. That of events is left to whoever runs the server.

        What a transaction that is still open may see is kept in it: then it is not done.
        """
        kept: list[int] = []

        def noticed(notice: Diagnostic) -> None:
            # "0 dead row versions cannot be removed yet", in the server's language.
            kept.extend(int(number) for number in findall(r"\d+", notice.message_detail or "")[:1])

        with self._datastore.get_connection() as connection:
            connection.add_notice_handler(noticed)
            connection.execute(f"SET lock_timeout = {_LOCK_MS}".encode())
            try:
                connection.execute(f"VACUUM (FULL, VERBOSE) {self.schema}personal_data_keys".encode())
            except LockNotAvailable:
                return False
            finally:
                connection.execute("RESET lock_timeout")
                connection.remove_notice_handler(noticed)
        return not any(kept)


class MemoryKeys:
    """The tables of a store in memory, which has them in a database of its own."""

    blob, schema, position, events = "BLOB", "", "version", "no_events"

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._connection.execute("CREATE TABLE no_events (version INTEGER)")
        self._turn = RLock()

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[Execute]:  # noqa: ARG002
        with self._turn:
            self._connection.execute("BEGIN")
            try:
                yield sqlite_execute(self._connection)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def has_table(self, execute: Execute, name: str) -> bool:
        return bool(execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)))

    def originator(self, originator_id: UUID) -> str:
        return originator_id.hex

    def lock(self, execute: Execute) -> None:
        """There is nobody else."""

    def wipe(self, execute: Execute) -> None:
        """It is gone with the process."""

    def forget_log(self) -> bool:
        """There is none."""
        return True

    def close(self) -> None:
        self._connection.close()


def sqlite_execute(cursor: Any) -> Execute:
    """For a cursor, or a connection, of SQLite."""

    def execute(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        found = cursor.execute(statement, values)
        return [tuple(row) for row in (found or cursor).fetchall()]

    return execute


def postgres_execute(connection: Connection[Any]) -> Execute:
    """For a connection of PostgreSQL, in a transaction. Every ``?`` stands for a value."""

    def execute(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with Cursor(connection, row_factory=tuple_row) as cursor:
            text = statement.replace("%", "%%").replace("?", "%s")
            cursor.execute(text.encode(), values)
            # In a pipeline nobody knows before fetching whether there are rows.
            return cursor.fetchall() if statement.startswith("SELECT") else []

    return execute
