"""The library's recorders, with batches: many rows a statement, many aggregates a query.

``insert_events`` takes ``beside``: what else to write in the transaction, by a cursor of SQLite or a
connection of PostgreSQL, once nobody else can insert events.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    InterfaceError,
    OperationalError,
    StoredEvent,
)
from eventsourcing.postgres import PostgresApplicationRecorder
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteCursor
from eventsourcing.utils import retry
from psycopg import Cursor
from psycopg.rows import DictRow, tuple_row
from psycopg.sql import SQL, Identifier

PAGE_BYTES = 16 * 1024 * 1024
"""A page ends with the event that makes it this large: an event may have some hundred kilobytes."""
_ROWS_A_STATEMENT = 4_000
_IDS_A_QUERY = 500
"""SQLite before 3.32 takes 999 parameters."""
_COLUMNS = "originator_id, originator_version, topic, state"


class Recorded(NamedTuple):
    """A stored event with its position."""

    position: int
    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes


class Mark(NamedTuple):
    """Identifies the event at a position: another store has another one there."""

    originator_id: UUID
    originator_version: int


class BatchRecorder(ApplicationRecorder, ABC):
    """A recorder that inserts and reads events in batches."""

    position: ClassVar[str]
    """The column of an event's position."""

    @abstractmethod
    def _select(self, where: str, values: Sequence[object], order: str, most: int | None) -> list[Recorded]:
        """The events that a condition holds for. With ``most`` of them, PAGE_BYTES are enough."""

    @abstractmethod
    def _id(self, originator_id: UUID) -> object:
        """An aggregate's id as the table has it."""

    def select_page(self, after: int, up_to: int, most: int, but: Sequence[str] = ()) -> list[Recorded]:
        """The first events after a position, none beyond ``up_to``, without those of the topics ``but``."""
        others = f" AND topic NOT IN ({','.join('?' * len(but))})" if but else ""
        where = f"{self.position} > ? AND {self.position} <= ?{others}"
        return self._select(where, (after, up_to, *but), self.position, most)

    def select_history(self, originator_id: UUID, after: int, most: int) -> list[Recorded]:
        """The first events of an aggregate after a version."""
        where = "originator_id = ? AND originator_version > ?"
        return self._select(where, (self._id(originator_id), after), "originator_version", most)

    def select_of(self, originator_ids: Sequence[UUID]) -> list[Recorded]:
        """All events of these aggregates, in the order of their positions."""
        found: list[Recorded] = []
        for start in range(0, len(originator_ids), _IDS_A_QUERY):
            page = originator_ids[start : start + _IDS_A_QUERY]
            where = f"originator_id IN ({','.join('?' * len(page))})"
            found += self._select(where, [self._id(each) for each in page], "", None)
        return sorted(found)

    @abstractmethod
    def select_mark(self, position: int) -> Mark | None:
        """Of the last event up to a position; None if there is none."""


class SQLiteBatchRecorder(SQLiteApplicationRecorder, BatchRecorder):
    """Inserts many rows a statement."""

    position: ClassVar[str] = "rowid"

    def _insert_events(
        self,
        c: SQLiteCursor,
        stored_events: Sequence[StoredEvent],
        beside: Callable[[SQLiteCursor], None] | None = None,
        **_: object,
    ) -> Sequence[int] | None:
        for start in range(0, len(stored_events), _ROWS_A_STATEMENT):
            page = stored_events[start : start + _ROWS_A_STATEMENT]
            values: list[object] = []
            for each in page:
                values += (_hex(each.originator_id), each.originator_version, each.topic, each.state)
            rows = ",".join(("(?,?,?,?)",) * len(page))
            c.execute(f"INSERT INTO {self.events_table_name} VALUES {rows}", values)
        # The transaction holds SQLite's one write lock, so the row ids are consecutive.
        last = c.lastrowid
        if beside is not None:
            beside(c)
        return range(last - len(stored_events) + 1, last + 1)

    def _select(self, where: str, values: Sequence[object], order: str, most: int | None) -> list[Recorded]:
        page: list[Recorded] = []
        size = 0
        limit = "" if most is None else f" ORDER BY {order} LIMIT {most}"
        with self.datastore.transaction(commit=False) as c:
            c.execute(
                f"SELECT rowid, {_COLUMNS} FROM {self.events_table_name} WHERE {where}{limit}", [*values]
            )
            while (most is None or size < PAGE_BYTES) and (row := c.fetchone()) is not None:
                page.append(Recorded(row[0], UUID(row[1]), row[2], row[3], row[4]))
                size += len(row[4])
        return page

    def _id(self, originator_id: UUID) -> str:
        return originator_id.hex

    def select_mark(self, position: int) -> Mark | None:
        found = self._select("rowid <= ?", (position,), "rowid DESC", 1)
        return Mark(*found[0][1:3]) if found else None


class PostgresBatchRecorder(PostgresApplicationRecorder, BatchRecorder):
    """Inserts a batch by one ``unnest`` of arrays: the library's rows take three times as long."""

    position: ClassVar[str] = "notification_id"

    @retry((InterfaceError, OperationalError), max_attempts=10, wait=0.2)
    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """In one transaction, which any error undoes: the library would commit what came before ours."""
        with (
            self.datastore.get_connection() as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            self._insert_stored_events(cursor, stored_events, **kwargs)
            return self._fetch_ids_after_insert_events(cursor, stored_events)

    def _insert_stored_events(
        self,
        curs: Cursor[DictRow],
        stored_events: Sequence[StoredEvent],
        beside: Callable[[Any], None] | None = None,
        **_: object,
    ) -> None:
        self._lock_table(curs)
        self._notify_channel(curs)
        if beside is not None:
            beside(curs.connection)
        statement = SQL(
            f"INSERT INTO {{}} ({_COLUMNS}) "
            "SELECT * FROM unnest(%b::uuid[], %b::bigint[], %b::text[], %b::bytea[]) "
            "RETURNING notification_id"
        ).format(self._table)
        rows = [
            (each.originator_id, each.originator_version, each.topic, each.state) for each in stored_events
        ]
        curs.execute(statement, [list(column) for column in zip(*rows, strict=True)])

    def _select(self, where: str, values: Sequence[object], order: str, most: int | None) -> list[Recorded]:
        statement = f"SELECT notification_id, {_COLUMNS} FROM {{}} WHERE {where}"
        if most is not None:
            before = f"sum(length(state)) OVER (ORDER BY {order}) - length(state) AS bytes_before"
            statement = (
                f"SELECT notification_id, {_COLUMNS} FROM (SELECT *, {before} FROM {{}} WHERE {where} "
                f"ORDER BY {order} LIMIT {most}) AS page WHERE bytes_before < {PAGE_BYTES} ORDER BY {order}"
            )
        return self._recorded(statement, values)

    def _id(self, originator_id: UUID) -> UUID:
        return originator_id

    def select_mark(self, position: int) -> Mark | None:
        latest = "WHERE notification_id <= ? ORDER BY notification_id DESC LIMIT 1"
        found = self._recorded(f"SELECT notification_id, {_COLUMNS} FROM {{}} {latest}", (position,))
        return Mark(*found[0][1:3]) if found else None

    def _recorded(self, statement: str, values: Sequence[object]) -> list[Recorded]:
        query = SQL(statement.replace("?", "%s")).format(self._table)
        with (
            self.datastore.get_connection() as connection,
            Cursor(connection, row_factory=tuple_row) as cursor,
        ):
            cursor.execute(query, values)
            return [Recorded(row[0], row[1], row[2], row[3], bytes(row[4])) for row in cursor.fetchall()]

    @property
    def _table(self) -> Identifier:
        return Identifier(self.datastore.schema, self.events_table_name)


def _hex(originator_id: UUID | str) -> str:
    return originator_id.hex if isinstance(originator_id, UUID) else originator_id
