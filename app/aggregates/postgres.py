"""A connection to PostgreSQL beside those of the eventsourcing library, for locks."""

from collections.abc import Mapping

import psycopg
from eventsourcing.persistence import OperationalError


def connect(environment: Mapping[str, str]) -> psycopg.Connection:
    """Connect by the library's settings. Raises eventsourcing's OperationalError where the server is away."""
    try:
        connection = psycopg.connect(
            dbname=environment["POSTGRES_DBNAME"],
            host=environment["POSTGRES_HOST"],
            port=environment["POSTGRES_PORT"],
            user=environment["POSTGRES_USER"],
            password=environment["POSTGRES_PASSWORD"],
            connect_timeout=5,
            autocommit=True,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )
        # So the server soon gives back the locks of a machine that is gone.
        connection.execute(
            "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
        )
    except psycopg.OperationalError as error:
        raise OperationalError(str(error)) from error
    return connection
