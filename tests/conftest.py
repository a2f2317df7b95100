"""Real servers for the tests that talk to servers, and settings that point at them."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.database import Database
from redis import Redis

from app.runtime.embedded import EmbeddedServer, embedded_mongo, embedded_redis
from app.runtime.private_postgres import PrivatePostgres
from app.runtime.settings import Settings
from tests.commands import Billie
from tests.event_stores import NewStore, cluster_of_tests, new_databases, new_files


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--api-examples", type=int, default=2, help="random requests an operation")
    parser.addoption(
        "--event-store",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="what all tests keep events in that do not say so themselves",
    )
    parser.addoption("--seed", type=int, default=20_260_306, help="of the fire, and of the fuzzed stream")
    parser.addoption("--minutes", type=float, default=1, help="of the fire")
    parser.addoption("--fuzz-entries", type=int, default=3_000, help="entries of the fuzzed stream")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sqlite_file: about the file that its event store is in")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--event-store") != "sqlite":
        no_file = pytest.mark.skip(reason="it is about the file of a SQLite store")
        for item in items:
            if item.get_closest_marker("sqlite_file") is not None:
                item.add_marker(no_file)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PrivatePostgres]:
    with cluster_of_tests() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def new_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewStore]:
    """Makes an empty event store, of the kind that this run is about; all are dropped at its end."""
    if request.config.getoption("--event-store") == "sqlite":
        yield new_files(tmp_path_factory.mktemp("stores"))
        return
    with new_databases(request.getfixturevalue("postgres_cluster")) as new:
        yield new


@pytest.fixture
def event_store_url(new_store: NewStore) -> str:
    """The store of a test's settings: it has no events, and of SQLite there is no file."""
    return new_store()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    server = embedded_redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mongo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    server = embedded_mongo(tmp_path_factory.mktemp("mongo"))
    yield server
    server.stop()


@pytest.fixture
def redis_client(redis_server: EmbeddedServer) -> Iterator[Redis]:
    with Redis.from_url(redis_server.url, protocol=2) as client:
        client.flushall()
        yield client


@pytest.fixture
def mongo_db(mongo_server: EmbeddedServer) -> Iterator[Database[dict[str, Any]]]:
    name = f"test-{uuid4().hex[:12]}"
    with MongoClient[dict[str, Any]](mongo_server.url, tz_aware=True) as client:
        yield client[name]
        client.drop_database(name)


@pytest.fixture
def settings(
    redis_server: EmbeddedServer,
    redis_client: Redis,
    mongo_server: EmbeddedServer,
    mongo_db: Database[dict[str, Any]],
    event_store_url: str,
) -> Settings:
    return Settings(
        redis_url=redis_server.url,
        mongo_url=mongo_server.url,
        mongo_db=mongo_db.name,
        event_store_url=event_store_url,
        jwt_secret=SecretStr("a secret for tests, of more than 32 bytes"),
        rate_per_second=0,  # Tests ask more often than people.
    )


@pytest.fixture
def billie(settings: Settings) -> Billie:
    """The console script, with the same settings."""
    return Billie.of(settings)
