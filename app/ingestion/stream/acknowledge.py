"""Acknowledges a batch: acknowledgements, dead letters and counts, in one transaction."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from redis import Redis
from redis.client import Pipeline

from app.ingestion.dead_letters.dead_letter import record_of
from app.ingestion.messages.catalogue import Message
from app.ingestion.messages.rejection import RejectedError, failed
from app.ingestion.stream import scripts
from app.ingestion.stream.apply import AppliedBatch
from app.ingestion.stream.inbox import Batch
from app.runtime.observability.logging import where
from app.runtime.observability.metrics import (
    BATCH_ENTRIES,
    DEAD_LETTERS_SET_ASIDE,
    ENTRIES_LANDED,
    ENTRIES_READ,
    ENTRIES_TRIMMED,
    ENTRIES_UNKNOWN,
    MESSAGE_FAILURES,
    PARTS_UNREADABLE,
    TIMES_AHEAD,
)
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

_RETRY_AFTER_S = 0.5
_MOST_UNKNOWN_TYPES = 1_000


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
        unknown: list[str] = []
        for name, ids in batch.unknown.items():
            most = _MOST_UNKNOWN_TYPES
            unknown += [name] * scripts.count_unknown(pipeline, self._stream, self._group, ids, name, most)
        self._acknowledge_stored(pipeline, batch, applied)
        self._set_aside(pipeline, batch, outcome)
        if outcome.failures or not batch.fresh:
            self._forget_failures(pipeline, batch, applied, outcome)
        _log(batch, outcome, zip(unknown, pipeline.execute(), strict=False))  # Their answers come first.
        _measure(batch, applied, outcome)
        return outcome

    def _count_failure(self, message: Message, error: Exception, outcome: Outcome) -> None:
        """Count a message's own failures: Redis's delivery count also grows while a store is away."""
        entry_id = _id(message)
        count = int(self._redis.hincrby(scripts.failures_key(self._stream), entry_id.decode(), 1))
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
            scripts.count_oddities(pipeline, self._stream, self._group, ids, names)
        if done:
            pipeline.xack(self._stream, self._group, *done)

    def _set_aside(self, pipeline: Pipeline, batch: Batch, outcome: Outcome) -> None:
        if not outcome.dead:
            return
        dead_letters = self._settings.dead_letter_stream
        fields_of = dict(batch.entries)
        for entry_id, why in outcome.dead:
            fields, failures = fields_of[entry_id] or {}, outcome.failures.get(entry_id, 1)
            record = record_of(self._stream, entry_id.decode(), fields, why, failures)
            scripts.set_aside(pipeline, self._stream, self._group, entry_id, dead_letters, record)

    def _forget_failures(
        self, pipeline: Pipeline, batch: Batch, applied: AppliedBatch, outcome: Outcome
    ) -> None:
        dead = [entry_id for entry_id, _ in outcome.dead]
        if done := [*batch.trimmed, *map(_id, applied.stored), *dead]:
            pipeline.hdel(scripts.failures_key(self._stream), *done)


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
    BATCH_ENTRIES.observe(len(batch.entries))
    ENTRIES_READ.inc(len(batch.entries))
    ENTRIES_LANDED.inc(len(applied.stored))
    ENTRIES_UNKNOWN.inc(sum(map(len, batch.unknown.values())))
    ENTRIES_TRIMMED.inc(len(batch.trimmed))
    MESSAGE_FAILURES.inc(len(outcome.failures))
    for message in applied.stored:
        for path in message.unreadable:
            PARTS_UNREADABLE.labels(message.envelope.type, path).inc()
        if ahead := len(message.envelope.reading.ahead):
            TIMES_AHEAD.labels(message.envelope.type).inc(ahead)
    for _, why in outcome.dead:
        DEAD_LETTERS_SET_ASIDE.labels(why.reason.value).inc()


def _id(message: Message) -> bytes:
    return message.envelope.entry_id.encode()
