"""Entries that two consumers hold, or whose acknowledgement was lost on the way back: settled once."""

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from redis import Redis

from app.event_store.application import Servicing
from app.ingestion.dead_letters.store import DeadLetterStore
from app.ingestion.stream.acknowledge import Acknowledger
from app.ingestion.stream.apply import apply_messages
from app.ingestion.stream.consumer import Consumer
from app.ingestion.stream.inbox import Batch
from app.ingestion.stream.publish import publish
from app.ingestion.stream.stream_info import (
    oddities_key,
    unknown_types_keys,
)
from app.runtime.settings.settings import Settings
from tests.support.observed import dead_letters, pending
from tests.unit.ingestion.entries import raising

ENTRIES = [
    {"typ": "user_input", "cid": "V1", "event_id": "e1", "utterance": "hello"},
    {"typ": "customer.created.v1", "event_id": "e2", "dat": '{"customer_id": "C1", "ekyc_status": "odd"}'},
    {"typ": "weather.changed", "dat": "{}"},
    {"typ": "weather.changed", "dat": "{}"},
    {"typ": "account.updated.v1", "dat": "{"},
    {"agt": "nobody"},
]


@pytest.fixture
def servicing(settings: Settings) -> Iterator[Servicing]:
    servicing = Servicing.from_url(settings.event_store_url)
    yield servicing
    servicing.close()


def counts(client: Redis, settings: Settings) -> dict[str, Any]:
    """What operators see of the entries."""
    return {
        "dead": [dead_letter["reason"] for dead_letter in dead_letters(client, settings)],
        "unknown": client.hgetall(unknown_types_keys(settings.inbox_stream)[0]),
        "dropped": client.hgetall(oddities_key(settings.inbox_stream)),
        "pending": pending(client, settings),
    }


def test_batch_of_two_consumers_is_acknowledged_once(
    settings: Settings, redis_client: Redis, servicing: Servicing
) -> None:
    publish(redis_client, settings.inbox_stream, ENTRIES)
    redis_client.xgroup_create(settings.inbox_stream, settings.consumer_group, id="0")
    answer: Any = redis_client.xreadgroup(settings.consumer_group, "one", {settings.inbox_stream: ">"})
    entries = answer[0][1]
    # The store was locked for longer than BILLIE_CLAIM_IDLE_MS: the other consumer took them over.
    consumers = [
        Consumer(settings.model_copy(update={"consumer_name": name}), redis_client, servicing, Event())
        for name in ("one", "two")
    ]
    once = {
        "dead": ["not_json", "no_type"],
        "unknown": {b"weather.changed": b"2"},
        "dropped": {b"customer.created.v1.ekyc_status": b"1"},
        "pending": 0,
    }
    for consumer in consumers:
        consumer.process(entries)
        assert counts(redis_client, settings) == once


def test_new_types_are_counted_and_logged_once_up_to_a_limit(
    settings: Settings,
    redis_client: Redis,
    servicing: Servicing,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("app.ingestion.stream.acknowledge._MOST_UNKNOWN_TYPES", 2)
    sent = ("tide.changed", "wind.changed", "moon.changed", "sun.changed", "tide.changed", "tide.changed")
    publish(redis_client, settings.inbox_stream, [{"typ": name, "dat": "{}"} for name in sent])
    one_by_one = settings.model_copy(update={"ingest_batch": 1})
    Consumer(one_by_one, redis_client, servicing, Event()).run(drain=True)
    stream = settings.inbox_stream
    assert redis_client.hgetall(unknown_types_keys(stream)[0]) == {
        b"tide.changed": b"3",
        b"wind.changed": b"1",
        b"(others)": b"2",
    }
    first, last = (
        redis_client.hgetall(key) for key in (unknown_types_keys(stream)[1], unknown_types_keys(stream)[2])
    )
    assert first.keys() == last.keys() == {b"tide.changed", b"wind.changed", b"(others)"}
    assert int(first[b"tide.changed"]) <= int(first[b"(others)"])
    assert int(last[b"tide.changed"]) >= int(last[b"(others)"])
    said = [record for record in caplog.records if "New message type" in record.message]
    assert len(said) == 3


def test_every_new_type_of_a_batch_is_logged_by_its_own_name(
    settings: Settings, redis_client: Redis, servicing: Servicing, caplog: pytest.LogCaptureFixture
) -> None:
    """A script takes a thousand entries: those of the first type take two."""
    names = ["tide.changed"] * 1_500 + ["wind.changed"]
    for _ in range(2):
        publish(redis_client, settings.inbox_stream, [{"typ": name, "dat": "{}"} for name in names])
        Consumer(settings, redis_client, servicing, Event()).run(drain=True)
        names = ["moon.changed"]
    said = [record.getMessage() for record in caplog.records if "New message type" in record.message]
    assert ["tide" in said[0], "wind" in said[1], "moon" in said[2], len(said)] == [True, True, True, 3]


def test_the_first_to_be_tried_again_sets_the_time(settings: Settings, redis_client: Redis) -> None:
    """One failed often before, the other never."""
    servicing = Servicing.in_memory()
    first, second = (
        each._replace(envelope=each.envelope._replace(entry_id=f"{number}-0"))
        for number, each in enumerate([raising(ZeroDivisionError())] * 2, start=1)
    )
    for failing in ([second], [second], [first, second]):
        batch = Batch([(each.envelope.entry_id.encode(), {}) for each in failing], fresh=False)
        outcome = Acknowledger(redis_client, settings).acknowledge(
            batch, apply_messages(servicing, failing, Event())
        )
    assert sorted(outcome.failures.values()) == [1, 3]
    assert outcome.retry_in_s == 1.0


def test_a_recreated_group_changes_nothing(
    settings: Settings, redis_client: Redis, servicing: Servicing
) -> None:
    """Nor does it bring back what an operator discarded."""
    publish(redis_client, settings.inbox_stream, ENTRIES)
    consumer = Consumer(settings, redis_client, servicing, Event())
    consumer.run(drain=True)
    before, newest = counts(redis_client, settings), servicing.max_position()
    store = DeadLetterStore(redis_client, settings)
    first, _second = store.in_full()
    store.discard(first.dead_letter_id, "ann", "a test")
    redis_client.xgroup_destroy(settings.inbox_stream, settings.consumer_group)
    consumer.run(drain=True)
    assert counts(redis_client, settings) == before | {"dead": before["dead"][1:]}
    assert servicing.max_position() == newest
