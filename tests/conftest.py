"""Real servers for the tests that talk to servers, and settings that point at them."""

import gc
import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import hypothesis
import pytest
from hypothesis import HealthCheck
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.database import Database
from redis import Redis

from app.runtime.servers.embedded import EmbeddedServer, embedded_mongo, embedded_redis
from app.runtime.settings.settings import Settings
from tests.support.commands import ROOT, Billie
from tests.support.servers.event_stores import NewStore, cluster_of_tests, new_databases, new_files
from tests.support.waiting import LONG_S
from tools.mongod import path_without_mongod, real_mongod_on_path
from tools.private_postgres import PrivatePostgres


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--api-examples", type=int, default=2, help="random requests an operation")
    parser.addoption(
        "--event-store",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="what all tests keep events in that do not say so themselves",
    )
    parser.addoption(
        "--mongo",
        default="real",
        help="the MongoDB server: real (the mongod of the PATH or of the wheel), embedded, or a URL",
    )
    parser.addoption("--seed", type=int, default=20_260_306, help="of the fire, and of the fuzzed stream")
    parser.addoption("--minutes", type=float, default=2, help="of the fire")
    parser.addoption("--screenshots", help="a folder to keep those of the console in")
    parser.addoption("--fuzz-entries", type=int, default=3_000, help="entries of the fuzzed stream")
    parser.addoption("--oracle-streams", type=int, default=200, help="random streams for the oracle")


_mongod_missing = pytest.StashKey[str | None]()


def pytest_configure(config: pytest.Config) -> None:
    mongo = config.getoption("--mongo")
    config.stash[_mongod_missing] = real_mongod_on_path() if mongo == "real" else None
    if mongo == "embedded":
        os.environ["PATH"] = path_without_mongod()
    # On a busy machine, one draw or one example can take a second.
    hypothesis.settings.register_profile(
        "busy", hypothesis.settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("busy")
    # And an answer longer than httpx's five seconds: how quick one must be is for a test to say.
    patience = inspect.signature(httpx.Client).parameters["timeout"].default
    patience.connect = patience.read = patience.write = patience.pool = LONG_S
    # Where Python may not keep what it compiled, each process of a test compiles all of our code again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    config.addinivalue_line("markers", "sqlite_file: about the file that its event store is in")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if (missing := config.stash[_mongod_missing]) is not None:
        terminalreporter.section(
            "NOTICE: tests ran on the embedded MongoDB server, not on the real one", red=True
        )
        terminalreporter.line(missing)


_LONGEST_FIRST = ("e2e", "chaos", "integration", "unit")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # What is left for the end is short, so that no worker is idle. By name, the browsers' files are apart.
    items.sort(key=lambda item: (_LONGEST_FIRST.index(_folder(item)), item.path.name, item.path))
    if config.getoption("--event-store") != "sqlite":
        no_file = pytest.mark.skip(reason="it is about the file of a SQLite store")
        for item in items:
            if item.get_closest_marker("sqlite_file") is not None:
                item.add_marker(no_file)


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(ROOT / "tests").parts[0]


def pytest_collection_finish() -> None:
    gc.freeze()  # What was collected stays: no collection of garbage has to look through it each time.


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
def mongo_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The MongoDB server that ``--mongo`` asks for."""
    asked: str = request.config.getoption("--mongo")
    if asked.startswith("mongodb"):
        yield asked
        return
    server = embedded_mongo(tmp_path_factory.mktemp("mongo"), is_synced=False)
    yield server.url
    server.stop()


@pytest.fixture
def without_mongod(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers that this test starts are embedded ones, as on a machine without a ``mongod``."""
    monkeypatch.setenv("PATH", path_without_mongod())


@pytest.fixture
def redis_client(redis_server: EmbeddedServer) -> Iterator[Redis]:
    with Redis.from_url(redis_server.url, protocol=2, socket_timeout=60) as client:
        client.flushall()
        yield client


@pytest.fixture
def mongo_db(mongo_url: str) -> Iterator[Database[dict[str, Any]]]:
    with _database(mongo_url) as database:
        yield database


@pytest.fixture(scope="module")
def shared_db(mongo_url: str) -> Iterator[Database[dict[str, Any]]]:
    """One for those tests of a file that change nothing in it, or put it back."""
    with _database(mongo_url) as database:
        yield database


@contextmanager
def _database(url: str) -> Iterator[Database[dict[str, Any]]]:
    name = f"test-{uuid4().hex[:12]}"
    with MongoClient[dict[str, Any]](url, tz_aware=True) as client:
        yield client[name]
        client.drop_database(name)


@pytest.fixture
def settings(
    redis_server: EmbeddedServer,
    redis_client: Redis,
    mongo_url: str,
    mongo_db: Database[dict[str, Any]],
    event_store_url: str,
) -> Settings:
    return _settings(redis_server, mongo_url, mongo_db, event_store_url)


@pytest.fixture(scope="module")
def shared_settings(
    redis_server: EmbeddedServer,
    mongo_url: str,
    shared_db: Database[dict[str, Any]],
    new_store: NewStore,
) -> Settings:
    """Those of the tests of a file that share a database."""
    return _settings(redis_server, mongo_url, shared_db, new_store())


def _settings(
    redis: EmbeddedServer, mongo_url: str, database: Database[dict[str, Any]], store: str
) -> Settings:
    return Settings(
        redis_url=redis.url,
        mongo_url=mongo_url,
        mongo_db=database.name,
        event_store_url=store,
        jwt_secret=SecretStr("a secret for tests, of more than 32 bytes"),
        rate_per_second=0,  # Tests ask more often than people.
    )


@pytest.fixture
def billie(settings: Settings) -> Billie:
    """The console script, with the same settings."""
    return Billie.of(settings)
