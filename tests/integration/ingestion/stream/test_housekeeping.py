"""Consumers that are long dead are removed, and old entries trimmed, without losing a thing."""

from typing import Any

import pytest
from redis import Redis

from app.ingestion.stream import housekeeping
from app.ingestion.stream.publish import publish
from app.runtime.settings.settings import Settings

STREAM, GROUP = "in", "group"
OLD_MS = 1_000_000
"""An id of 1970: older than any retention."""


def old_entries(client: Redis, count: int, first: int = 0) -> list[bytes]:
    pipeline = client.pipeline()
    for number in range(first, first + count):
        pipeline.xadd(STREAM, {"n": str(number)}, id=f"{OLD_MS + number}-0")
    return list(pipeline.execute())


def read(client: Redis, count: int, consumer: str = "me", group: str = GROUP) -> list[bytes]:
    answer: Any = client.xreadgroup(group, consumer, {STREAM: ">"}, count=count)
    return [entry_id for entry_id, _ in answer[0][1]]


def names(client: Redis) -> set[str]:
    consumers: Any = client.xinfo_consumers(STREAM, GROUP)
    return {each["name"].decode() for each in consumers}


@pytest.fixture
def client(redis_client: Redis) -> Redis:
    redis_client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    return redis_client


def test_only_consumers_without_pending_entries_are_removed(client: Redis) -> None:
    old_entries(client, 2)
    read(client, 1, "holds an entry")
    client.xack(STREAM, GROUP, *read(client, 1, "has none"))
    client.xgroup_createconsumer(STREAM, GROUP, "me")
    assert housekeeping.forget_consumers(client, STREAM, GROUP, 0, "me") == ["has none"]
    assert names(client) == {"holds an entry", "me"}
    assert client.xpending(STREAM, GROUP)["pending"] == 1


def test_recently_active_consumers_stay(client: Redis) -> None:
    client.xgroup_createconsumer(STREAM, GROUP, "lately")
    assert housekeeping.forget_consumers(client, STREAM, GROUP, 60_000, "me") == []
    assert names(client) == {"lately"}


def test_trimming_stops_at_pending_entries(client: Redis) -> None:
    old_entries(client, 1_000)
    ids = read(client, 1_000)
    client.xack(STREAM, GROUP, *ids[:500], *ids[501:])
    housekeeping.trim(client, STREAM, 1)
    left = client.xrange(STREAM)
    assert ids[500] in dict(left)
    assert len(left) < 1_000  # Whole blocks of the older ones are gone.
    assert client.xrange(STREAM, ids[500], ids[500])[0][1] == {b"n": b"500"}


def test_trimming_stops_at_entries_unread_by_any_group(client: Redis) -> None:
    old_entries(client, 1_000)
    client.xack(STREAM, GROUP, *read(client, 1_000))
    client.xgroup_create(STREAM, "another", id="0")
    assert housekeeping.trim(client, STREAM, 1) == 0
    client.xack(STREAM, "another", *read(client, 300, group="another"))
    assert 0 < housekeeping.trim(client, STREAM, 1) <= 300
    assert len(client.xrange(STREAM, min=f"{OLD_MS + 300}-0")) == 700


def test_trimming_stops_at_a_group_that_was_set_back(client: Redis) -> None:
    ids = old_entries(client, 1_000)
    read(client, 1_000)
    client.xack(STREAM, GROUP, *ids[:900])
    client.xgroup_setid(STREAM, GROUP, ids[299])
    assert 0 < housekeeping.trim(client, STREAM, 1) <= 300
    assert len(client.xrange(STREAM, min=f"{OLD_MS + 300}-0")) == 700


def test_trimming_keeps_entries_within_the_retention(client: Redis) -> None:
    publish(client, STREAM, [{"n": str(number)} for number in range(500)])
    client.xack(STREAM, GROUP, *read(client, 500))
    assert housekeeping.trim(client, STREAM, 60_000) == 0
    assert client.xlen(STREAM) == 500


def test_an_unread_stream_is_not_trimmed(client: Redis) -> None:
    old_entries(client, 1_000)
    assert housekeeping.trim(client, STREAM, 1) == 0


@pytest.mark.parametrize(("retention", "left"), [(None, 25_000), (1.0, 100)])
def test_housekeeping_trims_only_where_a_retention_is_set(
    settings: Settings, client: Redis, retention: float | None, left: int
) -> None:
    """25,000: a call trims ten thousand at most, and housekeeping goes on to the end."""
    old_entries(client, 25_000)
    client.xack(STREAM, GROUP, *read(client, 25_000))
    tidy = settings.model_copy(
        update={"inbox_stream": STREAM, "consumer_group": GROUP, "trim_after_hours": retention}
    )
    housekeeping.keep_house(tidy, client, "me")
    assert client.xlen(STREAM) <= left if retention else client.xlen(STREAM) == left
