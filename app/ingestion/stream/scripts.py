"""Redis scripts: what Redis must check and change in one atomic step, and the keys beside the stream.

An entry may be acknowledged twice: a second consumer took it over, or the reply to a transaction was lost
and the client sent it again. So each script first checks that the entry is still pending, and the second
acknowledgement changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from redis import Redis
from redis.client import Pipeline

_AT_ONCE = 1_000
"""Ids per script call: Lua's stack is limited."""

_SET_ASIDE = """
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1) == 1 then
    if redis.call('SISMEMBER', KEYS[3], ARGV[2]) == 0 then
        redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
        redis.call('SADD', KEYS[3], ARGV[2])
    end
    redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
end
"""
# XADD comes first: a Redis that is out of memory refuses it, and the entry stays pending.

_COUNT = """
local first_id = 3 + ARGV[2]
local acknowledged = redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, first_id))
if acknowledged > 0 then
    for place = 3, first_id - 1 do
        redis.call('HINCRBY', KEYS[2], ARGV[place], acknowledged)
    end
end
"""

_COUNT_UNKNOWN = """
local acknowledged = redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 4))
if acknowledged == 0 then return 0 end
local name = ARGV[2]
if redis.call('HEXISTS', KEYS[2], name) == 0 and redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[3]) then
    name = '(others)'
end
local time = redis.call('TIME')
local now = time[1] .. string.format('%03d', math.floor(time[2] / 1000))
redis.call('HINCRBY', KEYS[2], name, acknowledged)
redis.call('HSET', KEYS[4], name, now)
return redis.call('HSETNX', KEYS[3], name, now)
"""

_CREATE_GROUP = """
redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
redis.call('DEL', KEYS[2], KEYS[3])
"""

_FORGET_CONSUMERS = """
local forgotten = {}
for _, pairs_of in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local consumer = {}
    for place = 1, #pairs_of, 2 do consumer[pairs_of[place]] = pairs_of[place + 1] end
    if consumer.pending == 0 and consumer.idle >= tonumber(ARGV[2]) and consumer.name ~= ARGV[3] then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
        forgotten[#forgotten + 1] = consumer.name
    end
end
return forgotten
"""

_TRIM = """
local function padded(number) return string.rep('0', 20 - #number) .. number end
local function comparable(id)
    local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
    return padded(ms) .. padded(sequence)
end
local time = redis.call('TIME')
local keep_from = string.format('%.0f', time[1] * 1000 - tonumber(ARGV[1])) .. '-0'
for _, pairs_of in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local group = {}
    for place = 1, #pairs_of, 2 do group[pairs_of[place]] = pairs_of[place + 1] end
    local pending = redis.call('XPENDING', KEYS[1], group.name)[2]
    for _, needed in ipairs({group['last-delivered-id'], pending or nil}) do
        if comparable(needed) < comparable(keep_from) then keep_from = needed end
    end
end
return redis.call('XTRIM', KEYS[1], 'MINID', '~', keep_from)
"""
# Unread entries come after the last delivered id, and unacknowledged ones start at the smallest pending id.
# "~" removes whole blocks, at most ten thousand entries a call.


def unknown_types_key(stream: str) -> str:
    """The hash that counts entries of types that we do not consume, by type."""
    return f"{stream}:unknown-types"


def unknown_types_first_seen_key(stream: str) -> str:
    """The hash of when each type that we do not consume was first seen: Unix time in ms, as text."""
    return f"{stream}:unknown-types:first-seen"


def unknown_types_last_seen_key(stream: str) -> str:
    """The hash of when each type that we do not consume was last seen: Unix time in ms, as text."""
    return f"{stream}:unknown-types:last-seen"


def oddities_key(stream: str) -> str:
    """The hash that counts parts that could not be read, and times that were ahead, by type and path."""
    return f"{stream}:oddities"


def failures_key(stream: str) -> str:
    """The hash that counts how often an entry failed on its own, by entry id."""
    return f"{stream}:failures"


def set_aside_key(stream: str, dead_letter_stream: str) -> str:
    """The set of all entries of a stream that ever became dead letters, by entry id."""
    return f"{dead_letter_stream}:entries-of:{stream}"


def set_aside(
    pipeline: Pipeline,
    stream: str,
    group: str,
    entry_id: bytes,
    dead_letter_stream: str,
    record: Mapping[str, str],
) -> None:
    """Acknowledge a pending entry and add its dead letter: only ever once, even if the group is recreated."""
    fields = [part for pair in record.items() for part in pair]
    keys = (stream, dead_letter_stream, set_aside_key(stream, dead_letter_stream))
    pipeline.eval(_SET_ASIDE, len(keys), *keys, group, entry_id, *fields)


def count_oddities(
    pipeline: Pipeline, stream: str, group: str, entry_ids: Sequence[bytes], names: Sequence[str]
) -> None:
    """Acknowledge entries, and count the names of what was not taken as received."""
    for ids in _parts(entry_ids):
        pipeline.eval(_COUNT, 2, stream, oddities_key(stream), group, str(len(names)), *names, *ids)


def count_unknown(
    pipeline: Pipeline, stream: str, group: str, entry_ids: Sequence[bytes], name: str, most: int
) -> int:
    """Acknowledge entries of a type that we do not consume, count it, and note when it was seen.

    Types beyond the first ``most`` are counted together as ``(others)``. Returns how many replies this adds
    to the pipeline; a reply of 1 means that the type is new.
    """
    keys = (
        stream,
        unknown_types_key(stream),
        unknown_types_first_seen_key(stream),
        unknown_types_last_seen_key(stream),
    )
    calls = list(_parts(entry_ids))
    for ids in calls:
        pipeline.eval(_COUNT_UNKNOWN, len(keys), *keys, group, name, str(most), *ids)
    return len(calls)


def create_group(redis: Redis, stream: str, group: str) -> None:
    """Create the group at the stream's beginning, and reset the counts of what it will read again.

    Raises redis's ResponseError, with BUSYGROUP, if it exists.
    """
    redis.eval(_CREATE_GROUP, 3, stream, unknown_types_key(stream), oddities_key(stream), group)


def forget_consumers(redis: Redis, stream: str, group: str, idle_ms: int, except_for: str) -> list[str]:
    """Remove consumers with nothing pending that were idle for so long. Returns their names."""
    forgotten: Any = redis.eval(_FORGET_CONSUMERS, 1, stream, group, str(idle_ms), except_for)
    return [name.decode() for name in forgotten]


def trim(redis: Redis, stream: str, older_than_ms: int) -> int:
    """Remove old entries that every group of the stream has acknowledged. Returns how many."""
    return int(redis.eval(_TRIM, 1, stream, str(older_than_ms)))


def _parts(entry_ids: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(entry_ids), _AT_ONCE):
        yield entry_ids[start : start + _AT_ONCE]
