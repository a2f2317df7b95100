"""PostgreSQL for the tests that need it: a cluster of their own, where the machine has its programs."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from app.runtime.private_postgres import private_postgres


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # PostgreSQL's account must get to its folder.
        with private_postgres(Path(folder) / "postgres") as url:
            if url is None:
                pytest.skip("PostgreSQL is not installed")
            yield url


@pytest.fixture
def postgres_url(postgres_cluster: str) -> Iterator[str]:
    """An empty database, for an event store."""
    with psycopg.connect(f"{postgres_cluster}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE store")
        yield f"{postgres_cluster}/store"
        connection.execute("DROP DATABASE store WITH (FORCE)")


@pytest.fixture
def second_postgres_url(postgres_cluster: str) -> Iterator[str]:
    """Another empty database."""
    with psycopg.connect(f"{postgres_cluster}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE second_store")
        yield f"{postgres_cluster}/second_store"
        connection.execute("DROP DATABASE second_store WITH (FORCE)")
