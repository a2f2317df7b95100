"""Stream to documents on real servers: dirt, poison, repeats and races."""

import json
from threading import Event, Thread
from typing import Any

from pymongo.database import Database
from redis import Redis

from app.ingestion.stream.publish import publish
from app.ingestion.stream.stream_info import unknown_types_keys
from app.runtime.settings.settings import Settings
from tests.support.observed import dead_letters, documents, newest_position, pending
from tests.support.roles import ingest, project


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
    rejected = dead_letters(redis_client, settings)
    assert [(dead_letter["reason"], dead_letter["path"]) for dead_letter in rejected] == [
        ("not_json", "dat"),
        ("invalid_value", "current_balance"),
        ("no_type", "msg_type"),
    ]
    assert json.loads(rejected[0]["entry"]) == poison[0]
    assert redis_client.hgetall(unknown_types_keys(settings.inbox_stream)[0]) == {b"weather.changed": b"1"}


def test_publishing_twice_changes_no_document(
    settings: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    publish(redis_client, settings.inbox_stream, utterances(300))
    drain(settings)
    before, events = documents(mongo_db), newest_position(settings)
    publish(redis_client, settings.inbox_stream, utterances(300))
    drain(settings)
    assert (documents(mongo_db), newest_position(settings)) == (before, events)


def test_deleted_group_replays_the_backlog_harmlessly(
    settings: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    publish(redis_client, settings.inbox_stream, utterances(300))
    drain(settings)
    before, events = documents(mongo_db), newest_position(settings)
    redis_client.xgroup_destroy(settings.inbox_stream, settings.consumer_group)
    drain(settings)
    assert (documents(mongo_db), newest_position(settings)) == (before, events)


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


def test_customer_name_follows_in_either_order(
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
