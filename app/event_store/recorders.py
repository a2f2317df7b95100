"""The library's recorders, with what a batch needs: many rows a statement, many aggregates a query.

``insert_events`` takes ``beside``: what else to write in the transaction, by a cursor of SQLite or a
connection of PostgreSQL, once nobody else can insert events.
"""

from collections.abc import Callable, Sequence
from typing import Any, LiteralString, NamedTuple, Protocol, runtime_checkable
from uuid import UUID

from eventsourcing.persistence import InterfaceError, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteCursor
from eventsourcing.utils import retry
from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

_ROWS_A_STATEMENT = 4_000
PAGE_BYTES = 16 * 1024 * 1024
"""A page ends with the event that makes it as large as this: events may be of some hundred kilobytes each."""
_IDS_A_QUERY = 500
"""SQLite before 3.32 takes 999 parameters."""


Row = tuple[str, int, str, bytes]
"""The aggregate's id in hexadecimal digits, the version, the topic, and the state."""


class Recorded(NamedTuple):
    """A stored event with its position."""

    position: int
    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes


class Mark(NamedTuple):
    """What tells an event from the one at the same position of another store."""

    originator_id: UUID
    originator_version: int


@runtime_checkable
class BatchRecorder(Protocol):
    """A recorder that reads many aggregates at once."""

    def select_events_of(self, originator_ids: Sequence[UUID]) -> list[StoredEvent]:
        """All events of these aggregates: each one's in order, an aggregate's after one another."""

    def select_rows(self, after: int, up_to: int) -> list[Row]:
        """The events between two positions, in order, as they are stored: the library makes more of each."""

    def select_page(self, after: int, up_to: int, most: int, but: Sequence[str] = ()) -> list[Recorded]:
        """The first ``most`` events after a position, and none beyond ``up_to``, in order.

        PAGE_BYTES of them are enough. Those of the topics ``but`` are passed over.
        """

    def select_recorded_of(self, originator_ids: Sequence[UUID]) -> list[Recorded]:
        """All events of these aggregates, in order of their positions."""

    def select_history(self, originator_id: UUID, after: int, most: int) -> list[Recorded]:
        """The first ``most`` events of an aggregate after a version. PAGE_BYTES of them are enough."""

    def select_mark(self, position: int) -> Mark | None:
        """Of the last event up to a position; None where there is none."""


class SQLiteBatchRecorder(SQLiteApplicationRecorder):
    """Inserts a batch by one ``executemany``."""

    def _insert_events(
        self,
        c: SQLiteCursor,
        stored_events: Sequence[StoredEvent],
        beside: Callable[[Any], None] | None = None,
        **_: Any,
    ) -> Sequence[int] | None:
        for start in range(0, len(stored_events), _ROWS_A_STATEMENT):
            page = stored_events[start : start + _ROWS_A_STATEMENT]
            values: list[Any] = []
            for each in page:
                values += (_text(each.originator_id), each.originator_version, each.topic, each.state)
            rows = ",".join(("(?,?,?,?)",) * len(page))
            c.execute(f"INSERT INTO {self.events_table_name} VALUES {rows}", values)
        # The transaction holds SQLite's one write lock, so the row ids follow one another.
        last = c.lastrowid
        if beside is not None:
            beside(c)
        return range(last - len(stored_events) + 1, last + 1)

    def select_events_of(self, originator_ids: Sequence[UUID]) -> list[StoredEvent]:
        found = self._of_aggregates(originator_ids, "ORDER BY originator_id, originator_version")
        return [StoredEvent(*each[1:]) for each in found]

    def select_page(self, after: int, up_to: int, most: int, but: Sequence[str] = ()) -> list[Recorded]:
        with self.datastore.transaction(commit=False) as c:
            c.execute(
                "SELECT rowid, originator_id, originator_version, topic, state "
                f"FROM {self.events_table_name} WHERE rowid > ? AND rowid <= ? "
                f"AND topic NOT IN ({','.join('?' * len(but))}) ORDER BY rowid LIMIT ?",
                (after, up_to, *but, most),
            )
            return _page(c)

    def select_history(self, originator_id: UUID, after: int, most: int) -> list[Recorded]:
        with self.datastore.transaction(commit=False) as c:
            c.execute(
                "SELECT rowid, originator_id, originator_version, topic, state "
                f"FROM {self.events_table_name} WHERE originator_id = ? AND originator_version > ? "
                "ORDER BY originator_version LIMIT ?",
                (_text(originator_id), after, most),
            )
            return _page(c)

    def select_mark(self, position: int) -> Mark | None:
        with self.datastore.transaction(commit=False) as c:
            c.execute(
                f"SELECT originator_id, originator_version FROM {self.events_table_name} WHERE rowid <= ? "
                "ORDER BY rowid DESC LIMIT 1",
                (position,),
            )
            row = c.fetchone()
        return Mark(UUID(row[0]), row[1]) if row else None

    def select_recorded_of(self, originator_ids: Sequence[UUID]) -> list[Recorded]:
        return sorted(self._of_aggregates(originator_ids))

    def _of_aggregates(self, originator_ids: Sequence[UUID], order: str = "") -> list[Recorded]:
        found: list[Recorded] = []
        with self.datastore.transaction(commit=False) as c:
            for start in range(0, len(originator_ids), _IDS_A_QUERY):
                page = originator_ids[start : start + _IDS_A_QUERY]
                places = ",".join("?" * len(page))
                c.execute(
                    "SELECT rowid, originator_id, originator_version, topic, state "
                    f"FROM {self.events_table_name} WHERE originator_id IN ({places}) {order}",
                    [_text(each) for each in page],
                )
                found += [Recorded(row[0], UUID(row[1]), row[2], row[3], row[4]) for row in c.fetchall()]
        return found

    def select_rows(self, after: int, up_to: int) -> list[Row]:
        with self.datastore.transaction(commit=False) as c:
            c.execute(
                "SELECT originator_id, originator_version, topic, state "
                f"FROM {self.events_table_name} WHERE rowid > ? AND rowid <= ? ORDER BY rowid",
                (after, up_to),
            )
            return list(c.fetchall())


class PostgresBatchRecorder(PostgresApplicationRecorder):
    """Inserts a batch by one ``unnest`` of arrays: the library's, of rows, takes three times as long."""

    @retry((InterfaceError, OperationalError), max_attempts=10, wait=0.2)
    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """In one transaction, which any error undoes: the library commits what came before one of ours."""
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
        **_: Any,
    ) -> None:
        self._lock_table(curs)
        self._notify_channel(curs)
        if beside is not None:
            beside(curs.connection)
        columns = "originator_id, originator_version, topic, state"
        statement = SQL(
            f"INSERT INTO {{schema}}.{{table}} ({columns}) "
            "SELECT * FROM unnest(%b::uuid[], %b::bigint[], %b::text[], %b::bytea[]) "
            "RETURNING notification_id"
        ).format(schema=Identifier(self.datastore.schema), table=Identifier(self.events_table_name))
        rows = [
            (each.originator_id, each.originator_version, each.topic, each.state) for each in stored_events
        ]
        curs.execute(statement, [list(column) for column in zip(*rows, strict=True)])

    def select_events_of(self, originator_ids: Sequence[UUID]) -> list[StoredEvent]:
        found = self._recorded(
            "{schema}.{table} WHERE originator_id = ANY(%s) ORDER BY originator_id, originator_version",
            (list(originator_ids),),
        )
        return [StoredEvent(*each[1:]) for each in found]

    def select_page(self, after: int, up_to: int, most: int, but: Sequence[str] = ()) -> list[Recorded]:
        return self._recorded(
            "(SELECT *, sum(length(state)) OVER (ORDER BY notification_id) - length(state) AS bytes_before "
            "FROM {schema}.{table} WHERE notification_id > %s AND notification_id <= %s "
            "AND topic <> ALL(%s::text[]) ORDER BY notification_id LIMIT %s) AS page "
            "WHERE bytes_before < %s ORDER BY notification_id",
            (after, up_to, list(but), most, PAGE_BYTES),
        )

    def select_history(self, originator_id: UUID, after: int, most: int) -> list[Recorded]:
        return self._recorded(
            "(SELECT *, sum(length(state)) OVER (ORDER BY originator_version) - length(state) "
            "AS bytes_before FROM {schema}.{table} WHERE originator_id = %s AND originator_version > %s "
            "ORDER BY originator_version LIMIT %s) AS page WHERE bytes_before < %s "
            "ORDER BY originator_version",
            (originator_id, after, most, PAGE_BYTES),
        )

    def select_mark(self, position: int) -> Mark | None:
        found = self._recorded(
            "{schema}.{table} WHERE notification_id <= %s ORDER BY notification_id DESC LIMIT 1", (position,)
        )
        return Mark(found[0].originator_id, found[0].originator_version) if found else None

    def select_recorded_of(self, originator_ids: Sequence[UUID]) -> list[Recorded]:
        return self._recorded(
            "{schema}.{table} WHERE originator_id = ANY(%s) ORDER BY notification_id", (list(originator_ids),)
        )

    def _recorded(self, source: LiteralString, values: Sequence[Any]) -> list[Recorded]:
        columns = "notification_id, originator_id, originator_version, topic, state"
        statement = SQL(f"SELECT {columns} FROM {source}").format(
            schema=Identifier(self.datastore.schema), table=Identifier(self.events_table_name)
        )
        with self.datastore.get_connection() as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return [
                Recorded(
                    row["notification_id"],
                    row["originator_id"],
                    row["originator_version"],
                    row["topic"],
                    bytes(row["state"]),
                )
                for row in cursor.fetchall()
            ]

    def select_rows(self, after: int, up_to: int) -> list[Row]:
        found = self._recorded(
            "{schema}.{table} WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id",
            (after, up_to),
        )
        return [(each.originator_id.hex, *each[2:]) for each in found]


def _page(c: SQLiteCursor) -> list[Recorded]:
    """What a query finds, until it is enough."""
    page: list[Recorded] = []
    size = 0
    while size < PAGE_BYTES and (row := c.fetchone()) is not None:
        page.append(Recorded(row[0], UUID(row[1]), row[2], row[3], row[4]))
        size += len(row[4])
    return page


def _text(originator_id: UUID | str) -> str:
    return originator_id.hex if isinstance(originator_id, UUID) else originator_id
