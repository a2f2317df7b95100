"""The end of a batch: acknowledgements, dead letters and counts, in one step."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from redis import Redis
from redis.client import Pipeline

from app.ingestion.dead_letters.letter import DeadLetter
from app.ingestion.messages.catalogue import Message
from app.ingestion.messages.rejection import Unusable, failed
from app.ingestion.stream import scripts as lua
from app.ingestion.stream.apply import Landing
from app.ingestion.stream.batch import Batch
from app.ingestion.stream.keys import dropped_values_key, failures_key
from app.runtime.observability.logging import where
from app.runtime.observability.metrics import (
    BATCH_ENTRIES,
    DEAD_LETTERS_SET_ASIDE,
    ENTRIES_LANDED,
    ENTRIES_READ,
    ENTRIES_TRIMMED,
    ENTRIES_UNKNOWN,
    MESSAGE_FAILURES,
)
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

_RETRY_AFTER_S = 0.5
_MOST_UNKNOWN_TYPES = 1_000


@dataclass
class Outcome:
    """Entries that became dead letters, with how often each had failed; and when to try the others again.

    ``retry_in_s`` is None where no message failed on its own, or all that did became dead letters.
    """

    dead: list[tuple[bytes, Unusable]]
    failures: dict[bytes, int] = field(default_factory=dict)
    retry_in_s: float | None = None


class Settling:
    """Tells Redis what became of a batch."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._settings = settings
        self._stream, self._group = settings.inbox_stream, settings.consumer_group

    def settle(self, batch: Batch, landing: Landing) -> Outcome:
        """Acknowledge what landed or is set aside, and count. Raises redis's errors: all stays pending then.

        An entry that was settled before, by us or by another consumer, is not settled again.
        """
        outcome = Outcome(batch.unusable + [(_id(message), why) for message, why in landing.unusable])
        for message, error in landing.failed:
            self._count_failure(message, error, outcome)
        pipeline = self._redis.pipeline(transaction=True)
        unknown: list[str] = []
        for name, ids in batch.unknown.items():
            most = _MOST_UNKNOWN_TYPES
            unknown += [name] * lua.count_unknown(pipeline, self._stream, self._group, ids, name, most)
        self._acknowledge(pipeline, batch, landing)
        self._set_aside(pipeline, batch, outcome)
        if (outcome.failures or not batch.fresh) and (settled := _settled(batch, landing, outcome)):
            pipeline.hdel(failures_key(self._stream), *settled)
        _say(batch, outcome, zip(unknown, pipeline.execute(), strict=False))  # Their answers stand first.
        _measure(batch, landing, outcome)
        return outcome

    def _count_failure(self, message: Message, error: Exception, outcome: Outcome) -> None:
        """Count a message's own failures: Redis's delivery count also grows while a store is away."""
        entry_id = _id(message)
        count = int(self._redis.hincrby(failures_key(self._stream), entry_id.decode(), 1))
        outcome.failures[entry_id] = count
        about = {"entry_id": entry_id.decode(), "message_id": message.envelope.source.message_id}
        log.error("Message %s failed, time %d: %s", entry_id.decode(), count, where(error), extra=about)
        if count >= self._settings.max_deliveries:
            outcome.dead.append((entry_id, failed(error)))
        else:
            wait = _RETRY_AFTER_S * 2**count
            outcome.retry_in_s = wait if outcome.retry_in_s is None else min(outcome.retry_in_s, wait)

    def _acknowledge(self, pipeline: Pipeline, batch: Batch, landing: Landing) -> None:
        done = list(batch.trimmed)
        dropped: dict[tuple[str, ...], list[bytes]] = defaultdict(list)
        for message in landing.landed:
            (dropped[message.dropped_fields()] if message.dropped else done).append(_id(message))
        for names, ids in dropped.items():
            lua.count(pipeline, self._stream, self._group, ids, dropped_values_key(self._stream), names)
        if done:
            pipeline.xack(self._stream, self._group, *done)

    def _set_aside(self, pipeline: Pipeline, batch: Batch, outcome: Outcome) -> None:
        if not outcome.dead:
            return
        fields_of = dict(batch.entries)
        for entry_id, why in outcome.dead:
            times = outcome.failures.get(entry_id, 1)
            letter = DeadLetter(self._stream, entry_id.decode(), fields_of[entry_id] or {}, why, times)
            lua.set_aside(
                pipeline,
                self._stream,
                self._group,
                entry_id,
                self._settings.dead_letter_stream,
                letter.as_entry(),
            )


def _settled(batch: Batch, landing: Landing, outcome: Outcome) -> list[bytes]:
    landed = [_id(message) for message in landing.landed]
    return [*batch.trimmed, *landed, *(entry_id for entry_id, _ in outcome.dead)]


def _say(batch: Batch, outcome: Outcome, unknown: Iterable[tuple[str, object]]) -> None:
    for entry_id in batch.trimmed:
        name = entry_id.decode()
        log.warning("Entry %s was trimmed before it was read", name, extra={"entry_id": name})
    for entry_id, why in outcome.dead:
        name = entry_id.decode()
        log.warning("Entry %s set aside: %s at %s", name, why.reason, why.path, extra={"entry_id": name})
    for name, is_new in unknown:
        if is_new:
            log.warning("Upstream began to send %r, which we do not consume", name)


def _measure(batch: Batch, landing: Landing, outcome: Outcome) -> None:
    BATCH_ENTRIES.observe(len(batch.entries))
    ENTRIES_READ.inc(len(batch.entries))
    ENTRIES_LANDED.inc(len(landing.landed))
    ENTRIES_UNKNOWN.inc(sum(map(len, batch.unknown.values())))
    ENTRIES_TRIMMED.inc(len(batch.trimmed))
    MESSAGE_FAILURES.inc(len(outcome.failures))
    for _, why in outcome.dead:
        DEAD_LETTERS_SET_ASIDE.labels(why.reason.value).inc()


def _id(message: Message) -> bytes:
    return message.envelope.entry_id.encode()
