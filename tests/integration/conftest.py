"""PostgreSQL for the tests that are about it, with any event store for the others."""

from collections.abc import Iterator

import psycopg
import pytest

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
