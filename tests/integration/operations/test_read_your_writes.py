"""Read your own writes: the reported status of a published entry holds at once."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pymongo.database import Database
from redis import Redis

from app.ingestion.dead_letters.store import DeadLetterStore
from app.ingestion.stream.publish import published
from app.operations.read_your_writes import Fate, Outcome, Published, Visibility, is_consumed
from app.operations.servers import Servers
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.roles import ingest, ingesting, project, projecting
from tests.support.waiting import LONG_S

POISON = {"typ": "account.updated.v1", "payload": "{}"}
UNKNOWN = {"typ": "weather.changed", "payload": "{"}


def said(conversation: str) -> dict[str, str]:
    return {"typ": "user_input", "cid": conversation, "utterance": "hello"}


@pytest.fixture
def servers(settings: Settings) -> Iterator[Servers]:
    servers = Servers(settings)
    yield servers
    servers.close()


def send(servers: Servers, *entries: dict[str, str]) -> tuple[Visibility, list[Published]]:
    visibility = Visibility(servers)
    stream = servers.settings.inbox_stream
    return visibility, [
        Published(entry_id, is_consumed(entry, servers.settings))
        for entry, entry_id in published(servers.redis, stream, entries)
    ]


def fates(outcomes: list[Outcome]) -> list[Fate]:
    return [outcome.fate for outcome in outcomes]


def test_a_visible_entry_can_be_read_at_once(
    servers: Servers, settings: Settings, mongo_db: Database[dict[str, Any]]
) -> None:
    with ingesting(settings), projecting(settings):
        for number in range(20):
            visibility, sent = send(servers, said(f"V{number}"))
            assert fates(visibility.wait(sent, LONG_S)) == [Fate.VISIBLE]
            assert mongo_db["conversations"].find_one({"_id": f"V{number}"}) is not None


def test_each_entry_has_its_own_status(servers: Servers, settings: Settings) -> None:
    with ingesting(settings), projecting(settings):
        earlier, sent = send(servers, POISON)
        assert fates(earlier.wait(sent, LONG_S)) == [Fate.DEAD_LETTER]
        visibility, sent = send(servers, said("V1"), POISON, UNKNOWN)
        outcomes = visibility.wait(sent, LONG_S)
    assert fates(outcomes) == [Fate.VISIBLE, Fate.DEAD_LETTER, Fate.UNKNOWN_TYPE]
    dead_letter = outcomes[1].letter
    assert dead_letter is not None
    assert (dead_letter.entry_id, dead_letter.reason, dead_letter.path) == (
        sent[1].entry_id,
        "missing_key",
        "account_id",
    )


def test_a_removed_dead_letter_is_reported_as_one(servers: Servers, settings: Settings) -> None:
    visibility, sent = send(servers, POISON)
    ingest(settings, drain=True, stop=Event())
    store = DeadLetterStore(servers.redis, settings)
    [dead_letter] = store.search()
    assert store.discard(dead_letter.dead_letter_id, "ann", "a test")
    assert visibility.wait(sent, 0) == [Outcome(sent[0].entry_id, Fate.DEAD_LETTER)]


def test_an_entry_is_visible_only_after_projection(servers: Servers, settings: Settings) -> None:
    visibility, sent = send(servers, said("V1"))
    assert fates(visibility.wait(sent, 0.1)) == [Fate.PENDING], "no consumer"
    ingest(settings, drain=True, stop=Event())
    assert fates(visibility.wait(sent, 0.1)) == [Fate.PENDING], "no projection"
    project(settings, ["conversations"], drain=True)
    assert fates(visibility.wait(sent, 0.1)) == [Fate.PENDING], "not every projection"
    project(settings, drain=True)
    assert fates(visibility.wait(sent, 0)) == [Fate.VISIBLE]


def test_a_delivered_entry_is_pending_and_blocks_no_other(
    servers: Servers, settings: Settings, redis_client: Redis
) -> None:
    stream, group = settings.inbox_stream, settings.consumer_group
    visibility, sent = send(servers, said("V1"), said("V2"), said("V3"))
    redis_client.xgroup_create(stream, group, id="0")
    redis_client.xreadgroup(group, "me", {stream: ">"}, count=2)
    redis_client.xack(stream, group, sent[0].entry_id)
    with ingesting(settings), projecting(settings):
        assert fates(visibility.wait([sent[2]], LONG_S)) == [Fate.VISIBLE]
        assert fates(visibility.wait(sent, 0.1)) == [Fate.VISIBLE, Fate.PENDING, Fate.VISIBLE]


def test_a_dead_letter_is_found_despite_wrong_clocks(
    servers: Servers, settings: Settings, redis_client: Redis
) -> None:
    redis_client.xadd(settings.inbox_stream, UNKNOWN, id="99999999999999-0")  # type: ignore[arg-type]
    visibility, sent = send(servers, POISON)
    ingest(settings, drain=True, stop=Event())
    assert fates(visibility.wait(sent, 0)) == [Fate.DEAD_LETTER]


def test_publish_waits(
    billie: Billie, settings: Settings, mongo_db: Database[dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "entries.jsonl"
    file.write_text("\n".join(json.dumps(said(f"V{number}")) for number in range(2_500)))
    with ingesting(settings), projecting(settings):
        done = billie.run("publish", str(file), "--wait", "--timeout", "100")
        assert mongo_db["conversations"].count_documents({}) == 2_500
        assert done.splitlines()[-1] == "2,500 visible, 0 dead letters, 0 of unknown types."
        ill = billie.end("publish", "-", "--wait", stdin=f"{json.dumps(POISON)}\n{json.dumps(UNKNOWN)}\n")
    assert ill.returncode == 1
    *_, counts, dead_letter = ill.stdout.splitlines()
    assert counts == "0 visible, 1 dead letter, 1 of unknown types."
    assert dead_letter.endswith(": missing_key at account_id")
    late = billie.end("publish", "-", "--wait", "--timeout", "0.2", stdin=json.dumps(said("V1")))
    assert late.stdout.splitlines() == [
        "1 entry published on inbox:billie-srv.",
        "0 visible, 0 dead letters, 0 of unknown types, 1 not through after 0.2 s.",
    ]
    assert late.returncode == 1


def test_publish_names_the_unavailable_server(billie: Billie) -> None:
    done = billie.end(
        "publish", "-", "--wait", stdin=json.dumps(said("V1")), BILLIE_REDIS_URL="redis://127.0.0.1:1"
    )
    assert (done.returncode, "BILLIE_REDIS_URL" in done.stderr) == (3, True)
