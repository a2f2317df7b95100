"""Entries that two consumers hold, or whose acknowledgement was lost on the way back: settled once."""

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from redis import Redis

from app.aggregates import Servicing
from app.ingestion.consumer import Consumer
from app.ingestion.keys import dropped_values_key, unknown_types_key
from app.ingestion.publish import publish
from app.runtime.settings import Settings
from tests.observed import dead_letters, pending

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
        "dead": [letter["reason"] for letter in dead_letters(client, settings)],
        "unknown": client.hgetall(unknown_types_key(settings.inbox_stream)),
        "dropped": client.hgetall(dropped_values_key(settings.inbox_stream)),
        "pending": pending(client, settings),
    }


def test_batch_that_two_consumers_hold_is_settled_once(
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
