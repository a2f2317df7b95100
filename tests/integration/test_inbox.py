"""Which entries a consumer takes: its own pending ones, other consumers' that lie idle, and new ones."""

from typing import Any

import pytest
from redis import Redis

from app.ingestion.inbox import Inbox
from app.ingestion.publish import publish
from app.runtime.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"ingest_batch": 2, "claim_idle_ms": 50})


def said(*numbers: int) -> list[dict[str, str]]:
    return [
        {"typ": "user_input", "cid": "V1", "event_id": str(number), "utterance": "hi"} for number in numbers
    ]


def taken(inbox: Inbox) -> tuple[list[str], bool]:
    """The event ids of the next entries, and whether they are new."""
    entries, fresh = inbox.next(block=False)
    return [(fields or {}).get(b"event_id", b"trimmed").decode() for _, fields in entries], fresh


def test_own_pending_entries_come_first(settings: Settings, redis_client: Redis) -> None:
    publish(redis_client, settings.inbox_stream, said(1, 2, 3, 4))
    assert taken(Inbox(settings, redis_client, "me")) == (["1", "2"], True)
    again = Inbox(settings, redis_client, "me")
    assert [taken(again), taken(again), taken(again)] == [
        (["1", "2"], False),
        (["3", "4"], True),
        ([], True),
    ]


def test_what_others_left_lying_is_taken_over_however_far_behind(
    settings: Settings, redis_client: Redis
) -> None:
    """XAUTOCLAIM looks at a part of what is pending: many that are not idle may stand before it."""
    stream, group = settings.inbox_stream, settings.consumer_group
    busy = 100
    publish(redis_client, stream, said(*range(busy + 1)))
    redis_client.xgroup_create(stream, group, id="0")
    answer: Any = redis_client.xreadgroup(group, "busy", {stream: ">"}, count=busy)
    answer = answer[0][1]
    left: Any = redis_client.xreadgroup(group, "dead", {stream: ">"})
    # A claim sets how long an entry was idle.
    redis_client.xclaim(stream, group, "dead", 0, [left[0][1][0][0]], idle=60_000)
    patient = settings.model_copy(update={"claim_idle_ms": 30_000})
    inbox = Inbox(patient, redis_client, "me")
    found = [entry for _ in range(busy) for entry in taken(inbox)[0]]
    assert found == [str(busy)]


def test_group_that_is_deleted_is_created_again_and_replays_all(
    settings: Settings, redis_client: Redis
) -> None:
    publish(redis_client, settings.inbox_stream, said(1))
    inbox = Inbox(settings, redis_client, "me")
    assert taken(inbox) == (["1"], True)
    redis_client.xgroup_destroy(settings.inbox_stream, settings.consumer_group)
    assert taken(inbox) == (["1"], True)
    redis_client.flushall()  # As a Redis that came back empty.
    assert taken(inbox) == ([], True)
    publish(redis_client, settings.inbox_stream, said(2))
    assert taken(inbox) == (["2"], True)
