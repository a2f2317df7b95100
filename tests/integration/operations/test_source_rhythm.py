"""A silent source is distinguished from one that is caught up with, by its previous days."""

from collections.abc import Iterable
from time import monotonic

import pytest
from redis import Redis

from app.operations.status.inbox import stream_state
from app.operations.status.source_rhythm import usual_gap_s
from app.runtime.settings.settings import Settings

HOUR = 3_600
DAY = 24 * HOUR
NOW = 1_772_900_000
"""Of 7 March 2026, 16:13 UTC: a Saturday, which the tests make a working day."""


def publish_at(redis: Redis, stream: str, times: Iterable[float], pad: str = "") -> float:
    """Entries at these times; the last one's."""
    last = 0.0
    with redis.pipeline(transaction=False) as pipeline:
        for last in times:
            pipeline.xadd(stream, {"typ": "x", "payload": pad}, id=f"{int(last * 1_000)}-*")
        pipeline.execute()
    return last


def each_day(first: int, last: int, *, begins: int, ends: int, every: int) -> list[float]:
    """Moments ``every`` so many seconds, from ``begins`` to ``ends`` after midnight, of days before NOW."""
    midnight = NOW - NOW % DAY
    return [
        midnight - number * DAY + second
        for number in range(first, last - 1, -1)
        for second in range(begins, ends, every)
    ]


def test_usual_silence_is_minutes_by_day_and_a_night_after_closing(redis_client: Redis) -> None:
    open_days = each_day(8, 1, begins=8 * HOUR, ends=18 * HOUR, every=40)
    today = each_day(0, 0, begins=8 * HOUR, ends=14 * HOUR, every=40)
    publish_at(redis_client, "by day", [*open_days, *today])
    assert usual_gap_s(redis_client, "by day", today[-1]) == 40
    publish_at(
        redis_client, "evening", [*open_days, *each_day(0, 0, begins=8 * HOUR, ends=18 * HOUR, every=40)]
    )
    assert usual_gap_s(redis_client, "evening", NOW - NOW % DAY + 18 * HOUR - 40) == 14 * HOUR + 40


def test_a_saturday_is_compared_with_the_previous_one(redis_client: Redis) -> None:
    """Seven and eight days ago nobody worked either."""
    working = each_day(6, 2, begins=8 * HOUR, ends=18 * HOUR, every=60)
    before = each_day(9, 9, begins=8 * HOUR, ends=18 * HOUR, every=60)
    friday = each_day(2, 2, begins=17 * HOUR, ends=18 * HOUR, every=60)
    publish_at(redis_client, "weeks", sorted({*before, *working}))
    usual = usual_gap_s(redis_client, "weeks", friday[-1])
    assert usual is not None
    assert usual > 2 * DAY


def test_a_young_stream_is_judged_by_its_last_hour_and_a_new_one_not_at_all(redis_client: Redis) -> None:
    last = publish_at(redis_client, "young", [NOW - 2 * HOUR + each for each in range(0, 2 * HOUR, 90)])
    assert usual_gap_s(redis_client, "young", last) == 90
    last = publish_at(redis_client, "new", [NOW, NOW + 1])
    assert usual_gap_s(redis_client, "new", last) is None


def test_trimmed_days_do_not_count_as_silence(redis_client: Redis) -> None:
    """A publisher that keeps two days leaves one to tell of; seven minutes were usual on it."""
    days = each_day(8, 2, begins=0, ends=DAY, every=60) + each_day(1, 0, begins=0, ends=DAY, every=420)
    last = publish_at(redis_client, "trimmed", [each for each in days if each <= NOW])
    redis_client.xtrim("trimmed", minid=f"{int((last - 2 * DAY) * 1_000)}", approximate=False)
    assert usual_gap_s(redis_client, "trimmed", last) == 420


@pytest.mark.parametrize(("silent_s", "is_quiet"), [(500, False), (800, True)])
def test_a_silence_longer_than_usual_is_reported(
    settings: Settings, redis_client: Redis, silent_s: int, is_quiet: bool
) -> None:
    seconds, _ = redis_client.time()
    last = publish_at(
        redis_client,
        settings.inbox_stream,
        [seconds - silent_s - 2 * HOUR + each for each in range(0, 2 * HOUR + 1, 40)],
    )
    stream, _ = stream_state(redis_client, settings)
    assert stream.usual_gap_seconds == 40
    assert stream.quiet_after_seconds == 640
    assert stream.is_quiet is is_quiet
    assert abs((stream.last_entry_age_seconds or 0) - (seconds - last)) < 30
    patient = settings.model_copy(update={"quiet_seconds": 5_000.0})
    assert not stream_state(redis_client, patient)[0].is_quiet


def test_large_entries_do_not_travel(settings: Settings, redis_client: Redis) -> None:
    """Only their ids do: with the entries themselves it would be 40 MB."""
    seconds, _ = redis_client.time()
    with redis_client.pipeline(transaction=False) as pipeline:
        for number in range(200):
            entry_id = f"{(seconds - 4_000 + number * 20) * 1_000}-*"
            pipeline.xadd(settings.inbox_stream, {"typ": "x" * 200_000}, id=entry_id)
        pipeline.execute()
    before = redis_client.info("stats")["total_net_output_bytes"]  # type: ignore[index]
    usual_gap_s(redis_client, settings.inbox_stream, seconds - 20)
    assert redis_client.info("stats")["total_net_output_bytes"] - before < 50_000  # type: ignore[index]


def test_silence_of_a_young_stream_of_any_length_is_soon_reported(redis_client: Redis) -> None:
    """Redis serves nobody else meanwhile: it once read the stream for each of a hundred moments."""
    publish_at(redis_client, "long", [NOW + each / 100 for each in range(50_000)], pad="x" * 500)
    begun = monotonic()
    assert redis_client.eval("return #redis.call('XRANGE', KEYS[1], '-', '+')", 1, "long") == 50_000
    once, begun = monotonic() - begun, monotonic()
    assert usual_gap_s(redis_client, "long", NOW + 500) is None
    assert monotonic() - begun < once
