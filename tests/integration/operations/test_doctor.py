"""``billie doctor`` on real servers: well, lacking something, and away."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from pymongo.database import Database
from redis import Redis

from app.event_store.application import Servicing
from app.ledger.sandbox.books import Books
from app.operations.doctor.check import Check, Verdict
from app.operations.doctor.doctor import examine
from app.operations.doctor.server_checks import redis_checks
from app.operations.servers import Servers
from app.projections.migrations import migrate
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.servers.sandbox import serving


@pytest.fixture
def well(
    settings: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]], tmp_path: Path
) -> Iterator[Settings]:
    """Settings of a system that lacks nothing."""
    assert list(migrate(mongo_db))
    redis_client.xgroup_create(settings.inbox_stream, settings.consumer_group, mkstream=True)
    Servicing.from_url(settings.event_store_url).close()
    books = Books(tmp_path / "ledger.db")
    with serving(books) as target:
        yield settings.model_copy(update={"ledger_target": target})
    books.close()


def found(settings: Settings) -> dict[str, Check]:
    with closing(Servers(settings)) as servers:
        return {check.name: check for check in examine(servers)}


def wrong(settings: Settings) -> dict[str, Check]:
    """What is not well."""
    checks = found(settings)
    assert all((each.advice is None) == (each.verdict is Verdict.OK) for each in checks.values())
    return {name: check for name, check in checks.items() if check.verdict is not Verdict.OK}


def test_a_healthy_system_passes_every_check_without_residue(
    well: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    keys, collections = sorted(redis_client.keys()), sorted(mongo_db.list_collection_names())
    assert wrong(well) == {}
    is_file = well.event_store_url.startswith("sqlite")
    event_store = ("permission", "connection", *(("disk",) if is_file else ("version", "clock")))
    assert set(found(well)) == {
        "settings",
        *(f"redis.{each}" for each in ("connection", "clock", "version", "persistence", "memory")),
        *(f"redis.{each}" for each in ("stream", "group", "permission")),
        *(f"event_store.{each}" for each in event_store),
        *(f"mongodb.{each}" for each in ("connection", "clock", "version", "permission")),
        *("mongodb.migrations", "mongodb.projections", "mongodb.collections", "ledger.connection"),
    }
    assert sorted(redis_client.keys()) == keys
    assert sorted(mongo_db.list_collection_names()) == collections


def test_a_missing_requirement_is_reported_with_its_remedy(
    settings: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    mongo_db["projection-positions"].insert_one({"_id": "customers", "position": 3, "version": 0})
    checks = wrong(settings)
    assert checks["redis.stream"].verdict is Verdict.WARNING
    assert checks["event_store.connection"].verdict is Verdict.WARNING
    assert "billie ingest" in (checks["event_store.connection"].advice or "")
    assert checks["mongodb.migrations"].advice == "Run `billie migrate`."
    assert checks["mongodb.projections"].advice == "Run `billie rebuild customers`."
    assert checks["ledger.connection"].verdict is Verdict.AWAY
    if settings.event_store_url.startswith("sqlite"):
        assert not Path(settings.event_store_url.removeprefix("sqlite:///")).exists()


@pytest.mark.parametrize(
    ("options", "verdict", "said"),
    [
        ({}, Verdict.OK, "each write has to update it"),
        ({"unique": True}, Verdict.FAILED, "of all documents without its fields, all but one are set aside"),
        ({"unique": True, "sparse": True}, Verdict.WARNING, "a document that repeats a value is set aside"),
        ({"expireAfterSeconds": 60}, Verdict.FAILED, "deletes documents"),
    ],
)
def test_an_index_of_somebody_else_is_reported_with_what_it_does(
    well: Settings, mongo_db: Database[dict[str, Any]], options: Any, verdict: Verdict, said: str
) -> None:
    mongo_db["customers"].create_index("slug", name="theirs", **options)
    check = found(well)["mongodb.collections"]
    assert check.verdict is verdict
    assert check.detail.startswith("customers has the index theirs of somebody else")
    assert check.detail.endswith(said)
    assert verdict is Verdict.OK or 'db.getCollection("customers").dropIndex("theirs")' in str(check.advice)


def test_our_index_under_another_name_is_ours(well: Settings, mongo_db: Database[dict[str, Any]]) -> None:
    mongo_db["loan-accounts"].drop_index("accountNumber_1")
    mongo_db["loan-accounts"].create_index("accountNumber", name="theirs")
    assert wrong(well) == {}


def test_a_validator_of_somebody_else_is_reported_until_a_migration_sets_ours(
    well: Settings, mongo_db: Database[dict[str, Any]]
) -> None:
    mongo_db.command("collMod", "customers", validator={"name": {"$exists": True}})
    (check,) = wrong(well).values()
    assert check.verdict is Verdict.WARNING
    assert check.detail.startswith("customers has another validator than ours")
    mongo_db["migrations"].delete_many({})
    assert list(migrate(mongo_db))
    assert wrong(well) == {}


def test_an_inbox_key_of_another_type_and_a_missing_group(well: Settings, redis_client: Redis) -> None:
    redis_client.xgroup_destroy(well.inbox_stream, well.consumer_group)
    assert set(wrong(well)) == {"redis.group"}
    redis_client.set(well.dead_letter_stream, "no stream")
    checks = {check.name: check for check in redis_checks(redis_client, well)}
    assert checks["redis.stream"].verdict is Verdict.FAILED
    assert checks["redis.stream"].detail == f"{well.dead_letter_stream} is a string"


def test_a_read_only_redis_user(well: Settings, redis_client: Redis) -> None:
    redis_client.execute_command(
        "ACL", "SETUSER", "reader", "on", ">pass", "~*", "+@read", "+info", "+time", "+ping"
    )
    try:
        url = well.redis_url.replace("redis://", "redis://reader:pass@")
        checks = wrong(well.model_copy(update={"redis_url": url}))
    finally:
        redis_client.execute_command("ACL", "DELUSER", "reader")
    assert set(checks) == {"redis.permission"}
    assert checks["redis.permission"].verdict is Verdict.FAILED


def test_a_redis_that_evicts_would_lose_messages(well: Settings, redis_client: Redis) -> None:
    redis_client.config_set("maxmemory", "1gb")
    redis_client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        checks = wrong(well)
    finally:
        redis_client.config_set("maxmemory-policy", "noeviction")
        redis_client.config_set("maxmemory", "0")
    assert set(checks) == {"redis.memory"}


@pytest.mark.sqlite_file
def test_a_locked_store(well: Settings) -> None:
    file = well.event_store_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        checks = wrong(well)
    assert set(checks) == {"event_store.permission"}
    assert "locked" in checks["event_store.permission"].detail


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.sqlite_file
@pytest.mark.parametrize(("free", "verdict"), [(2**30, Verdict.WARNING), (2**20, Verdict.FAILED)])
def test_a_disk_that_fills_up(
    free: int, verdict: Verdict, well: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(2**40, 2**40 - free, free))
    checks = wrong(well)
    assert set(checks) == {"event_store.disk"}
    assert checks["event_store.disk"].verdict is verdict


@pytest.mark.sqlite_file
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_store(well: Settings) -> None:
    Path(well.event_store_url.removeprefix("sqlite:///")).chmod(0o400)
    assert wrong(well)["event_store.permission"].verdict is Verdict.FAILED


def test_postgres_is_examined_too(well: Settings, postgres_url: str) -> None:
    ours = well.model_copy(update={"event_store_url": postgres_url})
    assert wrong(ours)["event_store.connection"].detail == "there are no events yet"
    Servicing.from_url(postgres_url).close()
    assert wrong(ours) == {}
    assert {name for name in found(ours) if name.startswith("event_store.")} == {
        f"event_store.{each}" for each in ("version", "clock", "permission", "connection")
    }
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    try:
        host = postgres_url.partition("@")[2]
        reads = ours.model_copy(update={"event_store_url": f"postgresql://reader@{host}"})
        assert wrong(reads)["event_store.permission"].detail == "may not store events"
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("DROP OWNED BY reader")
            connection.execute("DROP ROLE reader")


def test_the_command_prints_every_check_and_ends_with_its_findings(well: Settings) -> None:
    done = Billie.of(well).end("doctor")
    assert done.returncode == 0, done.stdout
    assert "ok       mongodb.migrations" in done.stdout
    assert done.stdout.endswith("All well.\n")
    wanting = Billie.of(well.model_copy(update={"settle_after_seconds": 1.0})).end("doctor", "--json")
    assert wanting.returncode == 1
    assert [each["name"] for each in json.loads(wanting.stdout) if each["verdict"] == "failed"] == [
        "settings"
    ]
    nowhere = Billie.of(well.model_copy(update={"mongo_url": "mongodb://127.0.0.1:1"})).end("doctor")
    assert nowhere.returncode == 3
    assert "AWAY     mongodb.connection" in nowhere.stdout
    assert "ok       redis.connection" in nowhere.stdout
