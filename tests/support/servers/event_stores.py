"""Where the event stores of tests are: files of SQLite, or databases of a PostgreSQL cluster of their own."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import psycopg
import pytest

from app.event_store.copies.endpoints import Row, endpoint_at
from tools.private_postgres import PrivatePostgres, private_postgres

NewStore = Callable[[], str]
"""Makes an empty event store of its own, and tells its URL."""


@contextmanager
def cluster_of_tests() -> Iterator[PrivatePostgres]:
    """A cluster. Skips the test where PostgreSQL is not installed."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # PostgreSQL's account must get to its folder.
        with private_postgres(Path(folder) / "postgres", is_synced=False) as cluster:
            if cluster is None:
                pytest.skip("PostgreSQL is not installed: apt-get install --no-install-recommends postgresql")
            yield cluster


@contextmanager
def new_databases(cluster: PrivatePostgres) -> Iterator[NewStore]:
    """Makes databases, which are dropped at the end."""
    made: list[str] = []
    with psycopg.connect(f"{cluster.url}/postgres", autocommit=True) as connection:

        def new() -> str:
            made.append(f"test_{uuid4().hex[:12]}")
            connection.execute(f"CREATE DATABASE {made[-1]}".encode())
            return f"{cluster.url}/{made[-1]}"

        yield new
        for name in made:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def new_files(folder: Path) -> NewStore:
    """Names files, which the first who opens one makes."""
    return lambda: f"sqlite:///{folder / f'events-{uuid4().hex[:12]}.db'}"


def events_table(url: str) -> str:
    """The name of a store's table of events."""
    return "stored_events" if url.startswith("sqlite") else "servicing_events"


def execute(url: str, statement: str, *values: object) -> list[Row]:
    """Execute a statement in a store, with ``?`` for values, past all of our code."""
    with closing(endpoint_at(url)) as store:
        return store.execute(statement, values)
