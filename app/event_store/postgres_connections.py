"""Connections to a PostgreSQL database: those of the pool, and single ones."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID
from weakref import WeakSet

import psycopg
from eventsourcing.persistence import OperationalError
from eventsourcing.postgres import PostgresDatastore, PostgresFactory
from psycopg import Connection, Cursor
from psycopg.rows import DictRow, dict_row, tuple_row
from psycopg.sql import SQL, Identifier

from app.event_store.errors import EventStoreUrlError, OtherStoreError
from app.event_store.url import POSTGRES_OPTIONS


class EventDatastore(PostgresDatastore):
    """The library's pool, which examines each connection before its first use: a failover breaks them all.

    What this process has read is in its caches, and in decisions: on a server without it, nothing may follow.
    """

    examined: "WeakSet[Connection[DictRow]]"
    newest: tuple[int, UUID, int] | None = None
    """The position, aggregate and version of the newest event that this process has stored or read."""
    table: Identifier

    @contextmanager
    def get_connection(self) -> Iterator[Connection[DictRow]]:
        """Raises OtherStoreError if the server lacks an event, EventStoreUrlError if it is a pooler."""
        with super().get_connection() as connection:
            if connection not in self.examined:
                refuse_pooler(connection)
                self._refuse_other_store(connection)
                self.examined.add(connection)
            yield connection

    def saw(self, position: int, originator_id: UUID, version: int) -> None:
        """An event is stored, and this process knows it."""
        if self.newest is None or position > self.newest[0]:
            self.newest = position, originator_id, version

    def _refuse_other_store(self, connection: Connection[DictRow]) -> None:
        if (newest := self.newest) is None:
            return
        same = "notification_id = %s AND originator_id = %s AND originator_version = %s"
        if not connection.execute(SQL(f"SELECT FROM {{}} WHERE {same}").format(self.table), newest).rowcount:
            raise OtherStoreError(newest[0])


class EventStoreFactory(PostgresFactory):
    """The library's factory, with what it has no settings for."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.datastore.__class__ = EventDatastore  # It calls the library's own by name.
        assert isinstance(self.datastore, EventDatastore)
        self.datastore.examined = WeakSet()
        self.datastore.pool.kwargs = {**_parameters(self.env), "row_factory": dict_row}


def connect(environment: Mapping[str, str]) -> Connection:
    """Connect by the library's settings.

    Raises eventsourcing's OperationalError if the server is away, EventStoreUrlError if it is a pooler.
    """
    try:
        connection = psycopg.connect(**_parameters(environment), autocommit=True)
        # So the server soon releases the locks of a machine that is gone.
        connection.execute(
            "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
        )
        refuse_pooler(connection)
    except psycopg.OperationalError as error:
        raise OperationalError(str(error)) from error
    return connection


def refuse_pooler(connection: Connection[Any]) -> None:
    """Raises EventStoreUrlError where another process answers than the one that the connection was made to.

    A pooler may send each transaction to another session. An advisory lock, once taken, would then stay
    with a session that nobody can find again.
    """
    with Cursor(connection, row_factory=tuple_row) as cursor:
        if cursor.execute("SELECT pg_backend_pid()").fetchone() != (connection.info.backend_pid,):
            connection.close()
            raise EventStoreUrlError(
                "leads to a connection pooler (PgBouncer?): the locks of the event store need sessions of "
                "their own. Name PostgreSQL's own host and port; each process has a pool"
            )


def _parameters(environment: Mapping[str, str]) -> dict[str, Any]:
    """Those of a connection. A server that is gone without a word is noticed within half a minute."""
    names = ("dbname", "host", "port", "user", "password", *POSTGRES_OPTIONS)
    found = {name: environment.get(f"POSTGRES_{name.upper()}", "") for name in names}
    silence = {
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 25_000,
    }
    return (
        {name: value for name, value in found.items() if value}
        | silence
        | {"connect_timeout": int(environment.get("POSTGRES_CONNECT_TIMEOUT") or 5)}
    )
