"""The pipeline's state on real servers, and what is said where one is away."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest
from pymongo.database import Database
from redis import Redis

from app.ingestion.stream.publish import publish
from app.ingestion.stream.stream_info import unknown_types_keys
from app.ledger.sandbox.books import Books
from app.ledger.sandbox.service import serve
from app.operations.servers import Servers
from app.operations.status.report import GroupState, Status
from app.operations.status.status import status
from app.projections.migrations import migrate
from app.runtime.servers.embedded import free_port
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.roles import ingest, project
from tests.support.servers.event_stores import events_table, execute
from tests.support.waiting import LONG_S

SAID = {"typ": "user_input", "cid": "V1", "utterance": "hello"}
POISON = {"typ": "account.updated.v1", "payload": "{}"}
UNKNOWN = {"typ": "weather.changed", "payload": "{}"}
NOWHERE = "127.0.0.1:1"
PROJECTIONS = (
    *("customers", "loan-accounts", "conversations"),
    *("contact-notes", "write-off-requests", "ledger-commands"),
    *("portfolio-daily", "customer-timeline"),
)


@pytest.fixture
def ledger(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The settings, with a ledger that serves."""
    books = Books(tmp_path / "ledger.db")
    target = f"127.0.0.1:{free_port()}"
    server = serve(books, target)
    yield settings.model_copy(update={"ledger_target": target})
    server.stop(grace=None).wait()
    books.close()


def look(settings: Settings) -> Status:
    servers = Servers(settings)
    try:
        return status(servers)
    finally:
        servers.close()


def group_of(settings: Settings) -> GroupState:
    inbox = look(settings).inbox
    assert inbox is not None
    assert inbox.group is not None
    return inbox.group


def codes(seen: Status) -> list[str]:
    return [problem.code for problem in seen.problems]


def test_a_full_status(ledger: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]) -> None:
    stream = ledger.inbox_stream
    assert list(migrate(mongo_db))
    publish(redis_client, stream, [SAID, POISON, UNKNOWN, UNKNOWN])
    ingest(ledger, drain=True, stop=Event())
    redis_client.hset(unknown_types_keys(stream)[1], "weather.changed", "1772366400000")
    redis_client.hset(unknown_types_keys(stream)[2], "weather.changed", "1772366460000")
    project(ledger, drain=True)
    seen = look(ledger)
    assert seen.inbox is not None
    assert seen.inbox.stream.length == 4
    assert seen.inbox.stream.last_entry_age_seconds is not None
    assert 0 <= seen.inbox.stream.last_entry_age_seconds < 5 * LONG_S
    assert seen.inbox.group is not None
    assert (seen.inbox.group.unread, seen.inbox.group.pending) == (0, 0)
    assert seen.inbox.group.entries_read in (4, None), "Redis tells since 7.0"
    assert [consumer.pending for consumer in seen.inbox.group.consumers] == [0]
    assert seen.inbox.dead_letters.by_reason == {"missing_key": 1}
    [weather] = seen.inbox.unknown_types
    assert (weather.type, weather.count) == ("weather.changed", 2)
    assert weather.first_seen is not None
    assert weather.first_seen.isoformat() == "2026-03-01T12:00:00+00:00"
    assert seen.event_store is not None
    assert seen.event_store.newest_position == 2
    assert seen.event_store.newest_event_age_seconds is not None
    assert seen.read_models is not None
    assert {
        each.name: (each.position, each.behind) for each in seen.read_models.projections
    } == dict.fromkeys(PROJECTIONS, (2, 0))
    assert seen.read_models.waiting_migrations == []
    assert seen.ledger is not None
    assert seen.ledger.status == "SERVING"
    assert (seen.away, codes(seen)) == ([], ["dead_letters"])


def test_a_server_without_an_event_store_is_not_away(ledger: Settings, postgres_url: str) -> None:
    seen = look(ledger.model_copy(update={"event_store_url": postgres_url}))
    assert (seen.away, codes(seen)) == ([], ["no_event_store", "no_group", "migrations_wait"])
    assert seen.event_store is not None
    assert not seen.event_store.is_created


@pytest.mark.sqlite_file
def test_before_anything_ran(ledger: Settings) -> None:
    seen = look(ledger)
    assert (seen.away, codes(seen)) == ([], ["no_event_store", "no_group", "migrations_wait"])
    assert not Path(ledger.event_store_url.removeprefix("sqlite:///")).exists(), "asking makes no store"


@pytest.mark.parametrize(
    ("setting", "value", "server", "hidden"),
    [
        ("redis_url", f"redis://{NOWHERE}", "Redis", "inbox"),
        ("mongo_url", f"mongodb://{NOWHERE}", "MongoDB", "read_models"),
        ("event_store_url", f"postgresql://u:secret@{NOWHERE}/x", "The event store", "event_store"),
        ("ledger_target", NOWHERE, "The ledger", "ledger"),
    ],
)
def test_an_unavailable_server_hides_no_other(
    ledger: Settings, redis_client: Redis, setting: str, value: str, server: str, hidden: str
) -> None:
    publish(redis_client, ledger.inbox_stream, [SAID])
    ingest(ledger, drain=True, stop=Event())
    seen = look(ledger.model_copy(update={setting: value}))
    [away] = seen.away
    assert (away.server, away.settings) == (server, [f"BILLIE_{setting.upper()}"])
    assert "secret" not in seen.model_dump_json()
    parts = ("inbox", "event_store", "read_models", "ledger")
    assert [part for part in parts if getattr(seen, part) is None] == [hidden]
    assert seen.problems[0].code == "server_away"


def test_hung_servers_are_abandoned_soon(ledger: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        hung = {"ledger_target": place, "redis_url": f"redis://{place}", "mongo_url": f"mongodb://{place}"}
        began = monotonic()
        seen = look(ledger.model_copy(update=hung))
        assert monotonic() - began < LONG_S / 2, "which is how long MongoDB's driver would wait"
    assert {away.server for away in seen.away} == {"Redis", "MongoDB", "The ledger"}


def test_projections_that_do_not_move_are_distinguished(ledger: Settings, redis_client: Redis) -> None:
    publish(redis_client, ledger.inbox_stream, [SAID])
    ingest(ledger, drain=True, stop=Event())
    project(ledger, ["conversations"], drain=True)
    models = look(ledger).read_models
    assert models is not None
    behind = {each.name: each.behind for each in models.projections}
    assert (behind["customers"], behind["conversations"]) == (2, 0)
    waiting = {each.name: each.waiting_seconds is not None for each in models.projections}
    assert (waiting["customers"], waiting["conversations"]) == (True, False)


def test_an_unreadable_event_hides_no_other_finding(ledger: Settings, redis_client: Redis) -> None:
    publish(redis_client, ledger.inbox_stream, [SAID])
    ingest(ledger, drain=True, stop=Event())
    project(ledger, drain=True)
    publish(redis_client, ledger.inbox_stream, [SAID])
    ingest(ledger, drain=True, stop=Event())
    table = events_table(ledger.event_store_url)
    execute(ledger.event_store_url, f"UPDATE {table} SET state = ? WHERE originator_version = 3", b"x")
    seen = look(ledger)
    assert seen.event_store is not None
    assert (seen.event_store.newest_position, seen.event_store.newest_event_at) == (3, None)
    assert seen.read_models is not None
    for each in seen.read_models.projections:
        assert (each.behind, each.waiting_seconds) == (1, each.unmoved_seconds)


def test_unread_entries_are_counted(settings: Settings, redis_client: Redis) -> None:
    stream, group = settings.inbox_stream, settings.consumer_group
    publish(redis_client, stream, [SAID] * 5)
    redis_client.xgroup_create(stream, group, id="0")
    assert group_of(settings).unread == 5
    redis_client.xreadgroup(group, "me", {stream: ">"}, count=2)
    state = group_of(settings)
    assert (state.unread, state.unread_is_exact, state.pending) == (3, True, 2)
    assert state.oldest_unread_age_seconds is not None
    assert state.oldest_pending is not None
    assert (state.oldest_pending.consumer, state.oldest_pending.deliveries) == ("me", 1)


def test_the_pending_entry_shown_is_an_unclaimed_one(settings: Settings, redis_client: Redis) -> None:
    """Not the oldest, which may be in good hands."""
    stream, group = settings.inbox_stream, settings.consumer_group
    publish(redis_client, stream, [SAID] * 2)
    redis_client.xgroup_create(stream, group, id="0")
    read: Any = redis_client.xreadgroup(group, "me", {stream: ">"})
    first, second = (entry_id for entry_id, _ in read[0][1])
    pending = group_of(settings).oldest_pending
    assert pending is not None
    assert pending.entry_id == first.decode()
    redis_client.xclaim(stream, group, "dead", 0, [second], idle=10 * settings.claim_idle_ms)
    pending = group_of(settings).oldest_pending
    assert pending is not None
    assert (pending.entry_id, pending.consumer) == (second.decode(), "dead")


def test_unread_entries_are_counted_where_redis_does_not_know(
    settings: Settings, redis_client: Redis
) -> None:
    stream, group = settings.inbox_stream, settings.consumer_group
    publish(redis_client, stream, [SAID] * 3_000)
    redis_client.xgroup_create(stream, group, id="0")
    redis_client.xreadgroup(group, "me", {stream: ">"}, count=10)
    deleted: Any = redis_client.xrange(stream, count=20)
    redis_client.xdel(stream, deleted[15][0])
    [info] = redis_client.xinfo_groups(stream)  # type: ignore[misc]
    assert info.get("lag") is None, "what this test is about"
    assert (group_of(settings).unread, group_of(settings).unread_is_exact) == (2_989, True)
    publish(redis_client, stream, [SAID] * 9_000)
    assert (group_of(settings).unread, group_of(settings).unread_is_exact) == (10_000, False)


def test_unread_entries_that_were_trimmed_are_not_counted(settings: Settings, redis_client: Redis) -> None:
    stream, group = settings.inbox_stream, settings.consumer_group
    publish(redis_client, stream, [SAID] * 10)
    redis_client.xgroup_create(stream, group, id="0")
    redis_client.xreadgroup(group, "me", {stream: ">"}, count=2)
    redis_client.xtrim(stream, maxlen=3, approximate=False)
    assert group_of(settings).unread == 3


def test_the_exit_code_reports_problems(ledger: Settings, billie: Billie, redis_client: Redis) -> None:
    publish(redis_client, ledger.inbox_stream, [SAID])
    billie.run("migrate")
    billie.run("ingest", "--drain")
    billie.run("project", "--drain")
    target = {"BILLIE_LEDGER_TARGET": ledger.ledger_target}
    well = billie.end("status", **target)
    assert (well.returncode, "All well." in well.stdout) == (0, True), well.stdout + well.stderr
    publish(redis_client, ledger.inbox_stream, [POISON])
    billie.run("ingest", "--drain")
    ill = billie.end("status", "--json", **target)
    status = json.loads(ill.stdout)
    assert (ill.returncode, status["problems"]) == (
        1,
        [{"code": "dead_letters", "detail": "1 dead letter: see `billie dead-letters list`."}],
    )
    assert status["readModels"]["projections"][0]["updatedAt"].endswith("Z")
    away = billie.end("status", **target | {"BILLIE_REDIS_URL": f"redis://{NOWHERE}"})
    assert (away.returncode, "BILLIE_REDIS_URL" in away.stdout, "Projections" in away.stdout) == (
        3,
        True,
        True,
    )
