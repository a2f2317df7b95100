"""Acknowledges a batch: acknowledgements, dead letters and counts, in one transaction.

An entry may be acknowledged twice: a second consumer took it over, or the reply to a transaction was lost
and the client sent it again. So each script first checks that the entry is still pending, and the second
acknowledgement changes nothing.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from redis import Redis
from redis.client import Pipeline

from app.ingestion.dead_letters.dead_letter import record_of
from app.ingestion.messages.catalogue import Message
from app.ingestion.messages.rejection import RejectedError, failed
from app.ingestion.stream import stream_info
from app.ingestion.stream.apply import AppliedBatch
from app.ingestion.stream.inbox import Batch
from app.runtime.observability import metrics
from app.runtime.observability.logging import where
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

_RETRY_AFTER_S = 0.5
_MOST_UNKNOWN_TYPES = 1_000
"""Further types are counted together, as ``(others)``."""

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

_ACKNOWLEDGE = """
local acknowledged = 0
for place = first_id, #ARGV do
    acknowledged = acknowledged + redis.call('XACK', KEYS[1], ARGV[1], ARGV[place])
end
"""
_COUNT_ODDITIES = f"""
local first_id = 3 + ARGV[2]
{_ACKNOWLEDGE}
if acknowledged > 0 then
    for place = 3, first_id - 1 do redis.call('HINCRBY', KEYS[2], ARGV[place], acknowledged) end
end
"""
_COUNT_UNKNOWN = f"""
local first_id, name = 4, ARGV[2]
{_ACKNOWLEDGE}
if acknowledged == 0 then return 0 end
if redis.call('HEXISTS', KEYS[2], name) == 0 and redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[3]) then
    name = '(others)'
end
local time = redis.call('TIME')
local now = time[1] .. string.format('%03d', math.floor(time[2] / 1000))
redis.call('HINCRBY', KEYS[2], name, acknowledged)
redis.call('HSET', KEYS[4], name, now)
return redis.call('HSETNX', KEYS[3], name, now)
"""


@dataclass
class Outcome:
    """Entries that became dead letters, how often each message has failed, and when to retry the others.

    ``retry_in_s`` is None if no message failed on its own, or if all that did became dead letters.
    """

    dead: list[tuple[bytes, RejectedError]]
    failures: dict[bytes, int] = field(default_factory=dict)
    retry_in_s: float | None = None


class Acknowledger:
    """Reports a batch's outcome to Redis."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._settings = settings
        self._stream, self._group = settings.inbox_stream, settings.consumer_group

    def acknowledge(self, batch: Batch, applied: AppliedBatch) -> Outcome:
        """Acknowledge what is stored or set aside, and count. Raises redis's errors: all stays pending then.

        An entry that was acknowledged before, by us or by another consumer, is not counted again.
        """
        outcome = Outcome(batch.rejected + [(_id(message), why) for message, why in applied.rejected])
        for message, error in applied.failed:
            self._count_failure(message, error, outcome)
        pipeline = self._redis.pipeline(transaction=True)
        for name, ids in batch.unknown.items():
            unknown = stream_info.unknown_types_keys(self._stream)
            arguments: list[str | bytes] = [self._group, name, str(_MOST_UNKNOWN_TYPES), *ids]
            pipeline.eval(_COUNT_UNKNOWN, 4, self._stream, *unknown, *arguments)
        self._acknowledge_stored(pipeline, batch, applied)
        self._set_aside(pipeline, batch, outcome)
        if outcome.failures or not batch.fresh:
            done = [*batch.trimmed, *map(_id, applied.stored), *(entry_id for entry_id, _ in outcome.dead)]
            if done:
                pipeline.hdel(stream_info.failures_key(self._stream), *done)
        # The answers about unknown types come first.
        _log(batch, outcome, zip(batch.unknown, pipeline.execute(), strict=False))
        _measure(batch, applied, outcome)
        return outcome

    def _count_failure(self, message: Message, error: Exception, outcome: Outcome) -> None:
        """Count a message's own failures: Redis's delivery count also grows while a store is away."""
        entry_id = _id(message)
        count = int(self._redis.hincrby(stream_info.failures_key(self._stream), entry_id.decode(), 1))
        outcome.failures[entry_id] = count
        about = {"entry_id": entry_id.decode(), "message_id": message.envelope.source.message_id}
        log.error("Message %s failed (attempt %d): %s", entry_id.decode(), count, where(error), extra=about)
        if count >= self._settings.max_deliveries:
            outcome.dead.append((entry_id, failed(error)))
        else:
            wait = _RETRY_AFTER_S * 2**count
            outcome.retry_in_s = wait if outcome.retry_in_s is None else min(outcome.retry_in_s, wait)

    def _acknowledge_stored(self, pipeline: Pipeline, batch: Batch, applied: AppliedBatch) -> None:
        done = list(batch.trimmed)
        odd: dict[tuple[str, ...], list[bytes]] = defaultdict(list)
        for message in applied.stored:
            (odd[names] if (names := message.oddities()) else done).append(_id(message))
        for names, ids in odd.items():
            oddities = stream_info.oddities_key(self._stream)
            arguments: list[str | bytes] = [self._group, str(len(names)), *names, *ids]
            pipeline.eval(_COUNT_ODDITIES, 2, self._stream, oddities, *arguments)
        if done:
            pipeline.xack(self._stream, self._group, *done)

    def _set_aside(self, pipeline: Pipeline, batch: Batch, outcome: Outcome) -> None:
        if not outcome.dead:
            return
        dead_letters = self._settings.dead_letter_stream
        known = stream_info.set_aside_key(self._stream, dead_letters)
        fields_of = dict(batch.entries)
        for entry_id, why in outcome.dead:
            original, failures = fields_of[entry_id] or {}, outcome.failures.get(entry_id, 1)
            record = record_of(self._stream, entry_id.decode(), original, why, failures)
            fields = [part for pair in record.items() for part in pair]
            pipeline.eval(_SET_ASIDE, 3, self._stream, dead_letters, known, self._group, entry_id, *fields)


def _log(batch: Batch, outcome: Outcome, unknown: Iterable[tuple[str, object]]) -> None:
    for entry_id in batch.trimmed:
        name = entry_id.decode()
        log.warning("Entry %s was trimmed before it was read", name, extra={"entry_id": name})
    for entry_id, why in outcome.dead:
        name = entry_id.decode()
        log.warning("Entry %s set aside: %s at %s", name, why.reason, why.path, extra={"entry_id": name})
    for name, is_new in unknown:
        if is_new:
            log.warning("New message type %r, which is not consumed", name)


def _measure(batch: Batch, applied: AppliedBatch, outcome: Outcome) -> None:
    metrics.BATCH_ENTRIES.observe(len(batch.entries))
    metrics.ENTRIES_READ.inc(len(batch.entries))
    metrics.ENTRIES_LANDED.inc(len(applied.stored))
    metrics.ENTRIES_UNKNOWN.inc(sum(map(len, batch.unknown.values())))
    metrics.ENTRIES_TRIMMED.inc(len(batch.trimmed))
    metrics.MESSAGE_FAILURES.inc(len(outcome.failures))
    for message in applied.stored:
        for path in message.unreadable:
            metrics.PARTS_UNREADABLE.labels(message.envelope.type, path).inc()
        if ahead := len(message.envelope.reading.ahead):
            metrics.TIMES_AHEAD.labels(message.envelope.type).inc(ahead)
    for _, why in outcome.dead:
        metrics.DEAD_LETTERS_SET_ASIDE.labels(why.reason.value).inc()


def _id(message: Message) -> bytes:
    return message.envelope.entry_id.encode()
