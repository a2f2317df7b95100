"""Which entries a consumer takes: its own pending ones, other consumers' that lie idle, and new ones."""

from typing import Any

import pytest
from redis import Redis

from app.ingestion.stream.inbox import Inbox
from app.ingestion.stream.publish import publish
from app.runtime.settings.settings import Settings


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


def test_entries_of_dead_consumers_are_claimed_at_any_distance(
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


def test_large_entries_are_taken_a_few_at_a_time_and_in_order(
    settings: Settings, redis_client: Redis
) -> None:
    """However many are read at once: what they say is held in memory several times over."""
    large = [{"event_id": str(number), "dat": "x" * (200_000 if number % 9 else 1)} for number in range(500)]
    publish(redis_client, settings.inbox_stream, large)
    big = settings.model_copy(update={"ingest_batch": 2_000, "claim_idle_ms": 60_000})
    inbox = Inbox(big, redis_client, "me")
    lots = []
    while (lot := inbox.next(block=False)).entries:
        assert lot.fresh
        lots.append(lot.entries)
    sizes = [sum(len(each[b"dat"]) for _, each in lot if each) for lot in lots]
    assert max(sizes) < 17_000_000
    assert len(lots) <= 8, "and not one by one"
    ids = [int(each[b"event_id"]) for lot in lots for _, each in lot if each]
    assert ids == list(range(500))
    inbox = Inbox(big, redis_client, "me")
    first = inbox.next(block=False)
    assert (len(first.entries), first.fresh) == (len(lots[0]), False)
    inbox.read_own_again()  # As after a fault: what was kept for later is pending too.
    assert inbox.next(block=False) == first


def test_the_earliest_retry_counts(settings: Settings, redis_client: Redis) -> None:
    publish(redis_client, settings.inbox_stream, said(1))
    inbox = Inbox(settings, redis_client, "me")
    assert taken(inbox) == (["1"], True)
    inbox.retry_own_in(0)
    inbox.retry_own_in(60)
    assert taken(inbox) == (["1"], False)


def test_entries_that_an_old_redis_claims_without_an_id_are_found_among_our_own(
    settings: Settings, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """6.2 answers so for an entry that was trimmed while it was pending, and leaves it pending with us."""
    stream, group = settings.inbox_stream, settings.consumer_group
    publish(redis_client, stream, said(1))
    inbox = Inbox(settings, redis_client, "me")
    redis_client.xgroup_create(stream, group, id="0")
    redis_client.xreadgroup(group, "me", {stream: ">"})
    redis_client.xtrim(stream, maxlen=0, approximate=False)
    assert taken(inbox) == (["trimmed"], False)
    inbox = Inbox(settings, redis_client, "me")
    inbox._own_after = None
    monkeypatch.setattr(redis_client, "xautoclaim", lambda *_, **__: [b"0-0", [(None, None)]])
    assert taken(inbox) == ([], True)
    assert taken(inbox) == (["trimmed"], False)
