"""Acknowledges entries together with what becomes of them: whoever comes second changes nothing.

An entry may be settled twice: two consumers hold it, one of which took it over from the other, or the
answer to a transaction was lost and the client sent it again. Each step here asks, on the server, whether
the entry is still pending.
"""

from collections.abc import Mapping, Sequence

from redis.client import Pipeline

_AT_ONCE = 1_000
"""Ids a script takes: Lua's stack has its bounds."""

_SET_ASIDE = """
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1) == 1 then
    redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
    redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
end
"""
# XADD comes first: a Redis that is out of memory refuses it, and then the entry stays pending.

_COUNT = """
local first_id = 3 + ARGV[2]
local acknowledged = redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, first_id))
if acknowledged > 0 then
    for place = 3, first_id - 1 do
        redis.call('HINCRBY', KEYS[2], ARGV[place], acknowledged)
    end
end
"""


def set_aside(
    pipeline: Pipeline,
    stream: str,
    group: str,
    entry_id: bytes,
    dead_letter_stream: str,
    letter: Mapping[str, str],
) -> None:
    """Acknowledge a pending entry and add its dead letter."""
    fields = [part for pair in letter.items() for part in pair]
    pipeline.eval(_SET_ASIDE, 2, stream, dead_letter_stream, group, entry_id, *fields)


def count(
    pipeline: Pipeline,
    stream: str,
    group: str,
    entry_ids: Sequence[bytes],
    counts_key: str,
    names: Sequence[str],
) -> None:
    """Acknowledge entries, and add the number of those that were pending to each named count."""
    for start in range(0, len(entry_ids), _AT_ONCE):
        ids = entry_ids[start : start + _AT_ONCE]
        pipeline.eval(_COUNT, 2, stream, counts_key, group, str(len(names)), *names, *ids)
