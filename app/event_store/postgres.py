"""Connections to PostgreSQL: the eventsourcing library's, with TLS, and our own, for locks and copies."""

from collections.abc import Mapping
from typing import Any

import psycopg
from eventsourcing.persistence import OperationalError
from eventsourcing.postgres import PostgresFactory

TLS_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey")
"""Options of an event store URL, named as PostgreSQL's clients name them."""


class SecurePostgresFactory(PostgresFactory):
    """The library's factory, with TLS options: the library has no settings for them."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        pool = self.datastore.pool
        assert isinstance(pool.kwargs, dict)
        pool.kwargs |= _tls(self.env)


def _tls(environment: Mapping[str, str]) -> dict[str, Any]:
    found = {name: environment.get(f"POSTGRES_{name.upper()}", "") for name in TLS_OPTIONS}
    return {name: value for name, value in found.items() if value}


def connect(environment: Mapping[str, str]) -> psycopg.Connection:
    """Connect by the library's settings. Raises eventsourcing's OperationalError if the server is away."""
    try:
        connection = psycopg.connect(
            dbname=environment["POSTGRES_DBNAME"],
            host=environment["POSTGRES_HOST"],
            port=environment["POSTGRES_PORT"],
            user=environment["POSTGRES_USER"],
            password=environment["POSTGRES_PASSWORD"],
            **_tls(environment),
            connect_timeout=5,
            autocommit=True,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )
        # So the server soon releases the locks of a machine that is gone.
        connection.execute(
            "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
        )
    except psycopg.OperationalError as error:
        raise OperationalError(str(error)) from error
    return connection
