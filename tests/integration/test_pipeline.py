"""Stream to documents on real servers: dirt, poison, repeats, races and crashes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from pymongo.database import Database
from redis import Redis

from app.aggregates import Servicing
from app.ingestion.consumer import run as ingest
from app.ingestion.consumer import unknown_types_key
from app.ingestion.publish import publish
from app.projections.runner import run as project
from app.runtime.settings import Settings

ROOT = Path(__file__).parents[2]
READ_MODELS = ("customers", "loan-accounts", "conversations", "write-off-requests")


def entry(kind: str, payload: dict[str, Any] | str, **fields: str) -> dict[str, str]:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return {"typ": kind, "dat": text, **fields}


def utterances(count: int, conversations: int = 20) -> list[dict[str, str]]:
    return [
        entry(
            "user_input",
            {
                "utterance": f"word {number}",
                "created_at": f"2026-03-01T10:{number // 60 % 60:02}:{number % 60:02}Z",
            },
            cid=f"V{number % conversations}",
            event_id=f"e{number}",
        )
        for number in range(count)
    ]


def documents(database: Database[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [
            {k: v for k, v in item.items() if k != "_position"} for item in database[name].find().sort("_id")
        ]
        for name in READ_MODELS
    }


def pending(client: Redis, settings: Settings) -> int:
    answer: Any = client.xpending(settings.inbox_stream, settings.consumer_group)
    return int(answer["pending"])


def positions(settings: Settings) -> int:
    servicing = Servicing.from_url(settings.event_store_url)
    try:
        return servicing.max_position()
    finally:
        servicing.close()


def drain(settings: Settings) -> None:
    ingest(settings, drain=True, stop=Event())
    project(settings, drain=True)


def test_good_ones_land_and_poison_is_set_aside(
    settings: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    good = utterances(497)
    poison = [
        entry("account.updated.v1", "not json"),
        entry("account.updated.v1", {"account_id": "L1", "current_balance": "many"}),
        {"agt": "somebody"},
    ]
    mixed = good[:100] + poison[:1] + good[100:300] + poison[1:] + good[300:]
    publish(redis_client, settings.inbox_stream, [*mixed, entry("weather.changed", {})])
    drain(settings)
    assert pending(redis_client, settings) == 0
    assert sum(item["utteranceCount"] for item in mongo_db["conversations"].find()) == 497
    letters: Any = redis_client.xrange(settings.dead_letter_stream)
    assert [(item[b"reason"], item[b"path"]) for _, item in letters] == [
        (b"not_json", b"dat"),
        (b"invalid_value", b"current_balance"),
        (b"no_type", b"msg_type"),
    ]
    assert json.loads(letters[0][1][b"entry"]) == poison[0]
    assert redis_client.hgetall(unknown_types_key(settings.inbox_stream)) == {b"weather.changed": b"1"}


def test_published_twice_changes_nothing(
    settings: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    publish(redis_client, settings.inbox_stream, utterances(300))
    drain(settings)
    before, events = documents(mongo_db), positions(settings)
    publish(redis_client, settings.inbox_stream, utterances(300))
    drain(settings)
    assert (documents(mongo_db), positions(settings)) == (before, events)


def test_deleted_group_replays_the_backlog_harmlessly(
    settings: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    publish(redis_client, settings.inbox_stream, utterances(300))
    drain(settings)
    before, events = documents(mongo_db), positions(settings)
    redis_client.xgroup_destroy(settings.inbox_stream, settings.consumer_group)
    drain(settings)
    assert (documents(mongo_db), positions(settings)) == (before, events)


def test_two_consumers_race_and_the_documents_are_those_of_one(
    settings: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    publish(redis_client, settings.inbox_stream, utterances(1_000, conversations=5))
    racing = [
        settings.model_copy(update={"consumer_name": name, "ingest_batch": 20}) for name in ("one", "two")
    ]
    threads = [
        Thread(target=ingest, args=(each,), kwargs={"drain": True, "stop": Event()}) for each in racing
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    project(settings, drain=True)
    assert pending(redis_client, settings) == 0
    assert [item["utteranceCount"] for item in mongo_db["conversations"].find()] == [200] * 5
    for item in mongo_db["conversations"].find():
        times = [said["createdAt"] for said in item["utterances"]]
        assert times == sorted(times)


def test_customer_name_follows_whichever_came_first(
    settings: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    def name_of(account: str) -> str | None:
        document = mongo_db["loan-accounts"].find_one({"_id": account})
        assert document is not None
        return document.get("customerName")

    stream = settings.inbox_stream
    publish(redis_client, stream, [entry("account.created.v1", {"account_id": "L1", "customer_id": "C1"})])
    drain(settings)
    assert name_of("L1") is None
    publish(
        redis_client,
        stream,
        [entry("customer.created.v1", {"customerId": "C1", "firstName": "Ann", "lastName": "Lee"})],
    )
    drain(settings)
    assert name_of("L1") == "Ann Lee"
    publish(redis_client, stream, [entry("account.created.v1", {"account_id": "L2", "customer_id": "C1"})])
    drain(settings)
    assert name_of("L2") == "Ann Lee"
    publish(redis_client, stream, [entry("customer.changed.v1", {"customer_id": "C1", "last_name": "Low"})])
    drain(settings)
    assert (name_of("L1"), name_of("L2")) == ("Ann Low", "Ann Low")


@pytest.mark.parametrize("verb", ["ingest", "project"])
def test_kill_9_and_restart_give_the_documents_of_an_undisturbed_run(
    verb: str,
    settings: Settings,
    environment: dict[str, str],
    redis_client: Redis,
    mongo_db: Database[dict[str, Any]],
    tmp_path: Path,
) -> None:
    publish(redis_client, settings.inbox_stream, utterances(4_000))
    small = environment | {"BILLIE_INGEST_BATCH": "50", "BILLIE_PROJECT_BATCH": "50"}
    if verb == "project":
        ingest(settings, drain=True, stop=Event())
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-m", "app.cli.main", verb],
            cwd=ROOT,
            env=os.environ | small,
            stderr=subprocess.DEVNULL,
        )
        wait_for_progress(verb, settings, mongo_db)
        child.send_signal(signal.SIGKILL)
        child.wait()
    drain(settings)
    disturbed = documents(mongo_db)
    assert pending(redis_client, settings) == 0

    redis_client.xgroup_destroy(settings.inbox_stream, settings.consumer_group)
    for name in mongo_db.list_collection_names():
        mongo_db.drop_collection(name)
    drain(settings.model_copy(update={"event_store_url": f"sqlite:///{tmp_path / 'quiet.db'}"}))
    assert documents(mongo_db) == disturbed


def wait_for_progress(verb: str, settings: Settings, database: Database[dict[str, Any]]) -> None:
    """Until the process has got somewhere, so that the kill comes in the middle."""

    def progress() -> int:
        if verb == "ingest":
            return positions(settings)
        document = database["projection-positions"].find_one({"_id": "conversations"})
        return 0 if document is None else int(document["position"])

    before = progress()
    waiting = Event()
    for _ in range(1_000):
        if progress() > before:
            return
        waiting.wait(0.01)
    if before == 0:
        pytest.fail(f"billie {verb} got nowhere in 10 s")
