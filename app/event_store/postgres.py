"""The event store in a PostgreSQL database."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from re import findall
from time import monotonic
from typing import Any, ClassVar

import psycopg
from eventsourcing.persistence import InterfaceError, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder
from eventsourcing.utils import retry
from psycopg import Connection, Cursor
from psycopg.errors import Diagnostic, LockNotAvailable
from psycopg.rows import DictRow, tuple_row
from psycopg.sql import SQL, Identifier

from app.event_store.postgres_connections import EventDatastore, connect
from app.event_store.recorder import (
    COLUMNS,
    LONGEST_WAIT_S,
    NO_WAIT_FOR_S,
    PAGE_BYTES,
    BatchRecorder,
    Recorded,
    WriterLock,
)
from app.privacy.key_tables import Execute

_OPENING_LOCK, _WRITER_LOCK = 0x42696C6C6965, 0x42696C6C6966
"""Advisory locks: any numbers that nobody else uses."""
_LOCK_MS = 2_000
"""How long to wait for the table of keys: later requests for it queue behind ours."""


class PostgresBatchRecorder(PostgresApplicationRecorder, BatchRecorder):
    """Inserts a batch by one ``unnest`` of arrays: the library's rows take three times as long."""

    datastore: EventDatastore
    position: ClassVar[str] = "notification_id"
    blob: ClassVar[str] = "BYTEA"

    def __init__(self, datastore: EventDatastore, *, events_table_name: str) -> None:
        datastore.table = Identifier(datastore.schema, events_table_name)
        super().__init__(datastore, events_table_name=events_table_name)

    @classmethod
    @contextmanager
    def opening(cls, environment: Mapping[str, str]) -> Iterator[None]:
        """PostgreSQL's "create if not exists" only checks before it creates."""
        with closing(connect(environment)) as connection:
            try:
                connection.execute("SELECT pg_advisory_lock(%s)", (_OPENING_LOCK,))
            except psycopg.OperationalError as error:
                raise OperationalError(str(error)) from error
            yield

    @classmethod
    def writer_lock(cls, environment: Mapping[str, str]) -> WriterLock:
        return PostgresLock(environment)

    @retry((InterfaceError, OperationalError), max_attempts=10, wait=0.2)
    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """In one transaction, which any error undoes: the library would commit what came before ours."""
        with (
            self.datastore.get_connection() as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            self._insert_stored_events(cursor, stored_events, **kwargs)
            positions = self._fetch_ids_after_insert_events(cursor, stored_events)
        if positions:
            last = stored_events[-1]
            self.datastore.saw(positions[-1], last.originator_id, last.originator_version)  # type: ignore[arg-type]
        return positions

    def _insert_stored_events(
        self,
        curs: Cursor[DictRow],
        stored_events: Sequence[StoredEvent],
        beside: Callable[[Execute], None] | None = None,
        **_: object,
    ) -> None:
        self._lock_table(curs)
        if beside is not None:
            beside(_executing(curs.connection))
        statement = SQL(
            f"INSERT INTO {{}} ({COLUMNS}) "
            "SELECT * FROM unnest(%b::uuid[], %b::bigint[], %b::text[], %b::bytea[]) "
            "RETURNING notification_id"
        ).format(self.datastore.table)
        rows = [
            (each.originator_id, each.originator_version, each.topic, each.state) for each in stored_events
        ]
        curs.execute(statement, [list(column) for column in zip(*rows, strict=True)])

    def select(self, where: str, values: Sequence[object], order: str, most: int | None) -> list[Recorded]:
        statement = f"SELECT notification_id, {COLUMNS} FROM {{}} WHERE {where}"
        if most is not None:
            before = f"sum(length(state)) OVER (ORDER BY {order}) - length(state) AS bytes_before"
            statement = (
                f"SELECT notification_id, {COLUMNS} FROM (SELECT *, {before} FROM {{}} WHERE {where} "
                f"ORDER BY {order} LIMIT {most}) AS page WHERE bytes_before < {PAGE_BYTES} ORDER BY {order}"
            )
        query = SQL(statement.replace("?", "%s")).format(self.datastore.table)
        with (
            self.datastore.get_connection() as connection,
            Cursor(connection, row_factory=tuple_row) as cursor,
        ):
            cursor.execute(query, values)
            rows = [Recorded(row[0], row[1], row[2], row[3], bytes(row[4])) for row in cursor.fetchall()]
        if rows:
            self.datastore.saw(*max(rows)[:3])
        return rows

    @property
    def prefix(self) -> str:  # type: ignore[override]
        return f'"{self.datastore.schema}".'

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[Execute]:  # noqa: ARG002 - reading commits nothing
        with self.datastore.get_connection() as connection, connection.transaction():
            yield _executing(connection)

    def overwrite_removed(self, execute: Execute) -> None:
        """PostgreSQL keeps deleted rows until their table is rewritten, outside any transaction."""

    def purge(self) -> bool:
        """Rewrite the table of keys, which is small. Rows that an open transaction can see stay."""
        kept: list[int] = []

        def noticed(notice: Diagnostic) -> None:
            # "0 dead row versions cannot be removed yet", in the server's language.
            kept.extend(int(number) for number in findall(r"\d+", notice.message_detail or "")[:1])

        with self.datastore.get_connection() as connection:
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


def _executing(connection: Connection[Any]) -> Execute:
    def execute(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with Cursor(connection, row_factory=tuple_row) as cursor:
            cursor.execute(statement.replace("%", "%%").replace("?", "%s").encode(), values)
            # In a pipeline, only fetching tells whether there are rows.
            return cursor.fetchall() if statement.startswith("SELECT") else []

    return execute


class PostgresLock(WriterLock):
    """An advisory lock: the server releases it when the connection ends."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._connection: Connection | None = None

    def acquire(self) -> bool:
        """Raises eventsourcing's OperationalError if the server is away."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._environment)
        try:
            found = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (_WRITER_LOCK,)).fetchone()
            if found == (True,):
                return False
            if monotonic() >= self.no_wait_until:
                self._connection.execute(
                    "SELECT set_config('lock_timeout', %s, false)", (f"{LONGEST_WAIT_S}s",)
                )
                self._connection.execute("SELECT pg_advisory_lock(%s)", (_WRITER_LOCK,))
        except LockNotAvailable:
            self.no_wait_until = monotonic() + NO_WAIT_FOR_S
        except psycopg.OperationalError as error:
            self._connection.close()
            raise OperationalError(str(error)) from error
        return True

    def release(self) -> None:
        """A connection that broke has released it."""
        if self._connection is None or self._connection.closed:
            return
        try:
            self._connection.execute("SELECT pg_advisory_unlock(%s)", (_WRITER_LOCK,))
        except psycopg.OperationalError:
            self._connection.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
