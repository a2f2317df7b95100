"""Removes long-dead consumers from the group, and old entries from the stream."""

import logging
from typing import Any

from redis import Redis

from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

_HOUR_MS = 3_600_000
_MANY = 1_000
"""A call that trims fewer entries was the last."""

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


def keep_house(settings: Settings, redis: Redis, consumer: str) -> None:
    """Remove long-dead consumers and, if a retention is set, old entries. Raises redis's errors."""
    idle_ms = round(settings.forget_consumer_hours * _HOUR_MS)
    stream, group = settings.inbox_stream, settings.consumer_group
    for name in forget_consumers(redis, stream, group, idle_ms, consumer):
        log.info("Removed the consumer %s: long idle, with nothing pending", name)
    if settings.trim_after_hours is None:
        return
    trimmed, removed = 0, _MANY
    while removed >= _MANY:
        removed = trim(redis, stream, round(settings.trim_after_hours * _HOUR_MS))
        trimmed += removed
    if trimmed:
        log.info("Trimmed %d entries that every group has acknowledged", trimmed)


def forget_consumers(redis: Redis, stream: str, group: str, idle_ms: int, except_for: str) -> list[str]:
    """Remove consumers with nothing pending that were idle for so long. Returns their names."""
    forgotten: Any = redis.eval(_FORGET_CONSUMERS, 1, stream, group, str(idle_ms), except_for)
    return [name.decode() for name in forgotten]


def trim(redis: Redis, stream: str, older_than_ms: int) -> int:
    """Remove old entries that every group of the stream has acknowledged. Returns how many."""
    return int(redis.eval(_TRIM, 1, stream, str(older_than_ms)))
