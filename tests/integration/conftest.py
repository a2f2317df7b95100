"""PostgreSQL for the tests that are about it, with any event store for the others; time for connections."""

from collections.abc import Iterator

import psycopg
import pytest

from app.ledger.client.client import LedgerClient
from tests.support.waiting import LONG_S
from tools.private_postgres import PrivatePostgres


@pytest.fixture
def postgres_url(postgres_cluster: PrivatePostgres) -> Iterator[str]:
    """An empty database, for an event store."""
    with psycopg.connect(f"{postgres_cluster.url}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE store")
        yield f"{postgres_cluster.url}/store"
        connection.execute("DROP DATABASE store WITH (FORCE)")


@pytest.fixture
def second_postgres_url(postgres_cluster: PrivatePostgres) -> Iterator[str]:
    """Another empty database."""
    with psycopg.connect(f"{postgres_cluster.url}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE second_store")
        yield f"{postgres_cluster.url}/second_store"
        connection.execute("DROP DATABASE second_store WITH (FORCE)")


@pytest.fixture(autouse=True, scope="session")
def time_to_connect_to_the_ledger() -> Iterator[None]:
    """On a busy machine, a new connection takes longer than a caller should wait for it."""
    defaults = LedgerClient.raise_if_down.__kwdefaults__
    assert defaults is not None
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(defaults, "seconds", LONG_S)
        yield
