"""A replica set steps down, Redis fails over, or is behind TLS: the roles go on, nothing is lost or twice."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import AutoReconnect
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError

from app.ingestion.stream.publish import publish
from app.projections.migrations import migrate
from app.runtime.servers.clients import mongo_client, redis_client
from app.runtime.servers.embedded import EmbeddedServer, embedded_mongo, embedded_redis
from app.runtime.settings.settings import Settings
from tests.support.data.stored import live, store_backlog
from tests.support.observed import all_read, pending
from tests.support.roles import ingest, ingesting, project, projecting
from tests.support.servers.certificates import Authority
from tests.support.servers.proxies import Proxy, proxy
from tests.support.stream_accounts import accounts
from tests.support.waiting import until

SAID = [
    {"typ": "user_input", "cid": f"V{number % 7}", "event_id": f"e{number}", "utterance": "hello"}
    for number in range(400)
]
STEP_DOWN = {"errorCode": 189, "errorLabels": ["RetryableWriteError"]}
"""PrimarySteppedDown, as a primary says it that steps down in the middle of a write."""
WRITES = ["insert", "update", "delete", "findAndModify", "bulkWrite"]


@pytest.fixture(scope="module")
def replica_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """One member, which calls itself a primary, and fails on command."""
    server = embedded_mongo(tmp_path_factory.mktemp("replica-set"), is_synced=False, test_commands=True)
    yield server
    server.stop()


@pytest.fixture
def on_it(settings: Settings, replica_set: EmbeddedServer) -> Iterator[Settings]:
    # A real member tells at once what it has become; this one tells it when it is asked.
    options = "&" if "?" in replica_set.url else "/?"
    own = settings.model_copy(update={"mongo_url": f"{replica_set.url}{options}heartbeatFrequencyMS=500"})
    yield own
    with mongo_client(own) as client:
        client.drop_database(own.mongo_db)


@contextmanager
def failing(settings: Settings, mode: Any, **how: Any) -> Iterator[None]:
    with MongoClient[dict[str, Any]](settings.mongo_url) as client:
        command = {"configureFailPoint": "failCommand", "mode": mode, "data": how}
        client.admin.command(command)
        try:
            yield
        finally:
            client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


def test_a_write_is_tried_again_by_the_driver_once_and_waits_for_a_majority(on_it: Settings) -> None:
    with mongo_client(on_it) as client:
        collection = client[on_it.mongo_db]["some"]
        assert collection.write_concern.document == {"w": "majority"}
        assert collection.read_concern.level == "majority"
        with failing(on_it, {"times": 1}, failCommands=["insert"], **STEP_DOWN):
            collection.insert_one({"_id": 1})
        with failing(on_it, {"times": 1}, failCommands=["insert"], closeConnection=True):
            collection.insert_one({"_id": 2})
        assert collection.count_documents({}) == 2
        with (
            failing(on_it, {"times": 2}, failCommands=["insert"], **STEP_DOWN),
            pytest.raises(AutoReconnect),
        ):
            collection.insert_one({"_id": 3})
    others = on_it.model_copy(
        update={"mongo_url": f"{on_it.mongo_url}&w=1&readConcernLevel=local&retryWrites=false"}
    )
    with mongo_client(others) as client:
        assert client.write_concern.document == {"w": 1}
        assert client.read_concern.level == "local"
        assert client.options.retry_writes is False


def test_projections_continue_after_a_slow_election(
    on_it: Settings, mongo_db: Database[dict[str, Any]], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Every write fails, retried or not, for longer than the driver has patience, and then no more."""
    newest = store_backlog(on_it, 600)
    list(migrate(mongo_db))
    project(settings, drain=True)
    expected = live(mongo_db)
    with mongo_client(on_it) as client:
        database = client[on_it.mongo_db]
        list(migrate(database))
        small = on_it.model_copy(update={"project_batch": 50})
        with projecting(small):
            until(lambda: _least(database) > 0, what="a part to be folded")
            with failing(on_it, "alwaysOn", failCommands=WRITES, **STEP_DOWN):
                came_to = _least(database)
                until(lambda: "Waiting for a server" in caplog.text, what="the driver to give up")
                assert _least(database) - came_to <= 50 * 10, "one write may have been on its way"
            until(lambda: _least(database) == newest, what="the rest to be folded")
        assert live(database) == expected


def _least(database: Database[dict[str, Any]]) -> int:
    positions = [each.get("position", 0) for each in database["projection-positions"].find()]
    return min(positions, default=0)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[EmbeddedServer, EmbeddedServer]]:
    """A primary, and its replica."""
    first, second = embedded_redis(tmp_path / "first"), embedded_redis(tmp_path / "second")
    with Redis.from_url(second.url, protocol=2) as client:
        client.replicaof("127.0.0.1", str(first.port))
        until(lambda: client.info("replication")["master_link_status"] == "up")  # type: ignore[index]
    yield first, second
    first.stop()
    second.stop()


def swap(primary: EmbeddedServer, replica: EmbeddedServer, name: Proxy) -> None:
    """What a managed Redis does: the name leads to the new primary, connections stay with the old one."""
    with Redis.from_url(primary.url) as old, Redis.from_url(replica.url) as new:
        until(lambda: old.wait(1, 1_000) == 1, what="the replica to have all")
        new.replicaof("NO", "ONE")
        name.target = replica.port
        old.replicaof("127.0.0.1", str(replica.port))


def test_after_a_failover_a_consumer_continues_on_the_new_primary(
    settings: Settings, pair: tuple[EmbeddedServer, EmbeddedServer]
) -> None:
    with proxy(pair[0].port) as name:
        own = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{name.port}/0"})
        with redis_client(own) as client, ingesting(own):
            publish(client, own.inbox_stream, SAID[:200])
            until(lambda: all_read(client, own) and not pending(client, own), what="the first half")
            swap(*pair, name)
            with pytest.raises(ReadOnlyError):
                publish(client, own.inbox_stream, SAID[200:])
            publish(client, own.inbox_stream, SAID[200:])  # The connection to the replica was given up.
            until(lambda: all_read(client, own) and not pending(client, own), what="the second half")
            found = accounts(client, own)
        assert (found.landed, found.dead) == (400, 0)


def test_broken_connections_lose_no_message(settings: Settings, redis_server: EmbeddedServer) -> None:
    with proxy(redis_server.port) as name:
        own = settings.model_copy(
            update={"redis_url": f"redis://127.0.0.1:{name.port}/0", "ingest_batch": 10}
        )
        with redis_client(settings) as client, ingesting(own):
            publish(client, own.inbox_stream, SAID)
            for times in range(1, 4):
                until(lambda times=times: name.accepted >= times, what="the consumer to connect")  # type: ignore[misc]
                name.drop()
            until(lambda: all_read(client, own) and not pending(client, own), what="all to be settled")
            found = accounts(client, own)
    assert (found.landed - found.repeats, found.dead) == (400, 0)
    assert name.accepted >= 4


def test_redis_over_tls_always_checks_the_certificate(
    settings: Settings, redis_server: EmbeddedServer, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.issue("servers"))
    with proxy(redis_server.port, context) as name:
        url = f"rediss://127.0.0.1:{name.port}/0"
        known = settings.model_copy(update={"redis_url": f"{url}?ssl_ca_certs={authority.file}"})
        with redis_client(known) as client:
            publish(client, known.inbox_stream, SAID[:20])
            ingest(known, drain=True, stop=Event())
            assert accounts(client, known).landed == 20
        with (
            redis_client(settings.model_copy(update={"redis_url": url})) as unknown,
            pytest.raises(RedisConnectionError, match="certificate"),
        ):
            unknown.ping()
