"""Real servers for the tests that talk to servers, and settings that point at them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.database import Database
from redis import Redis

from app.runtime.embedded import EmbeddedServer, embedded_mongo, embedded_redis
from app.runtime.settings import Settings
from tests.commands import Billie


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--api-examples", type=int, default=2, help="random requests an operation")
    parser.addoption("--seed", type=int, default=20_260_306, help="of chaos, and of the fuzzed stream")
    parser.addoption("--kills", type=int, default=12, help="of roles, at work on a backlog")
    parser.addoption("--server-kills", type=int, default=2, help="of each server meanwhile")
    parser.addoption("--money-commands", type=int, default=150, help="asked for under fire")
    parser.addoption("--money-strikes", type=int, default=6, help="kills and faults under which they are")
    parser.addoption("--screenshots", help="a folder to keep those of the console in")
    parser.addoption("--fuzz-entries", type=int, default=3_000, help="entries of the fuzzed stream")


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
    tmp_path: Path,
) -> Settings:
    return Settings(
        redis_url=redis_server.url,
        mongo_url=mongo_server.url,
        mongo_db=mongo_db.name,
        event_store_url=f"sqlite:///{tmp_path / 'events.db'}",
        jwt_secret=SecretStr("a secret for tests, of more than 32 bytes"),
        rate_per_second=0,  # Tests ask more often than people.
    )


@pytest.fixture
def billie(settings: Settings) -> Billie:
    """The console script, with the same settings."""
    return Billie.of(settings)
