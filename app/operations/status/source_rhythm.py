"""How long the source is usually silent, learnt from what the stream still holds of earlier days.

A lender's stream has nights and weekends. One fixed limit would miss a silence by day, or raise an alarm
each night: so a silence is compared with those at the same time of earlier days.
"""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from redis import Redis

from app.runtime.settings.settings import Settings

_DAY_S, _DAYS = 86_400, 7
_AROUND_S, _STEP_S = 1_800, 300
"""Samples of each day: half an hour around the time of day, five minutes apart."""
_LEAST_S, _MORE = 600.0, 0.5
"""A silence is unusual if it exceeds the usual one by ten minutes, and by half of it."""
_UNKNOWN_S = 86_400.0
"""For a stream that holds too little to tell."""

_NEIGHBOURS = """
local found = {}
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local begins = first and tonumber(string.match(first[1], '^%d+'))
for place, moment in ipairs(ARGV) do
    local before = {}
    if begins and begins < tonumber(moment) then
        before = redis.call('XREVRANGE', KEYS[1], '(' .. moment, '-', 'COUNT', 1)
    end
    local after = redis.call('XRANGE', KEYS[1], moment, '+', 'COUNT', 1)
    found[2 * place - 1] = before[1] and before[1][1] or ''
    found[2 * place] = after[1] and after[1][1] or ''
end
return found
"""
# In Redis, so that only ids are transferred. A moment before the first entry is not looked up: Redis would
# scan the whole stream to find nothing, and a young stream has a hundred such moments.


def usual_gap_s(redis: Redis, stream: str, last_s: float) -> float | None:
    """The usual silence at the time of day of the last entry; None if the stream holds too little.

    The median, over seven days, of the longest gap between entries around that time; at least the gap of a
    week ago, since a Saturday is no Friday. On the first day, the longest gap of the hour before. Raises
    redis's errors.
    """
    days = [range(-_AROUND_S, _AROUND_S + 1, _STEP_S)] * _DAYS
    moments = [
        [last_s - number * _DAY_S + offset for offset in offsets] for number, offsets in enumerate(days, 1)
    ]
    hour_before = [last_s - each for each in range(_STEP_S, 3_601, _STEP_S)]
    gaps = iter(_gaps(redis, stream, [each for day in (*moments, hour_before) for each in day]))
    longest = [_longest([next(gaps) for _ in day]) for day in moments]
    if known := [each for each in longest if each is not None]:
        return max(median(known), longest[-1] or 0.0)
    return _longest([next(gaps) for _ in hour_before])


def quiet_after_s(settings: Settings, usual_s: float | None) -> float:
    """The silence after which an operator should check the source."""
    if settings.quiet_seconds is not None:
        return settings.quiet_seconds
    return _UNKNOWN_S if usual_s is None else usual_s + max(_LEAST_S, _MORE * usual_s)


def _longest(gaps: Sequence[float | None]) -> float | None:
    """None if any gap is unknown: the stream may have lost entries of that time."""
    known = [each for each in gaps if each is not None]
    return max(known) if len(known) == len(gaps) else None


def _gaps(redis: Redis, stream: str, moments: Sequence[float]) -> Iterator[float | None]:
    """The gap between entries around each moment; None if there is no entry on one side."""
    found: Any = redis.eval(_NEIGHBOURS, 1, stream, *(str(max(0, int(each * 1e3))) for each in moments))
    for before, after in zip(found[::2], found[1::2], strict=True):
        yield (_seconds(after) - _seconds(before)) if before and after else None


def _seconds(entry_id: bytes) -> float:
    return int(entry_id.partition(b"-")[0]) / 1e3
