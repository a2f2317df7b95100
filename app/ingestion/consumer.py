"""One consumer of the inbox stream's group: reads in batches, lands them, acknowledges."""

import logging
import random
import socket
from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import chain
from threading import Event as Flag
from time import monotonic
from typing import Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from app.aggregates import EVENT_STORE_ERRORS, Servicing
from app.ingestion.catalogue import Message, read_entry
from app.ingestion.dead_letters import DeadLetter
from app.ingestion.envelope import entry_type
from app.ingestion.landing import land
from app.ingestion.settling import count, set_aside
from app.ingestion.unusable import Unusable, failed
from app.runtime.logging import in_short, where
from app.runtime.settings import Settings

log = logging.getLogger(__name__)

Entry = tuple[bytes, dict[bytes, bytes] | None]

_BLOCK_MS = 500
_CLAIM_EVERY_S = 5.0
_RETRY_AFTER_S = 0.5
_LONGEST_WAIT_S = 10.0
_SAY_EVERY_S = 60.0


def unknown_types_key(stream: str) -> str:
    """The hash that counts entries of types that we do not consume, by type."""
    return f"{stream}:unknown-types"


def dropped_values_key(stream: str) -> str:
    """The hash that counts words that were unknown, by type and field."""
    return f"{stream}:dropped-values"


def failures_key(stream: str) -> str:
    """The hash that counts how often an entry failed on its own, by entry id."""
    return f"{stream}:failures"


class Consumer:
    """Reads its own pending entries first, then new ones, and others' that lie idle."""

    def __init__(self, settings: Settings, redis: Redis, servicing: Servicing, stop: Flag) -> None:
        self._settings = settings
        self._redis = redis
        self._servicing = servicing
        self._stop = stop
        self._stream = settings.inbox_stream
        self._group = settings.consumer_group
        self._name = settings.consumer_name or socket.gethostname()
        self._cursor: bytes | None = b"0"
        """Where to go on among our own pending entries; None when there are none left to read."""
        self._retry_at: float | None = None
        self._claim_at = 0.0
        self._failures_key = failures_key(settings.inbox_stream)
        self._read_new = False
        """Whether the batch in hand was read for the first time: none of its entries failed before."""

    def run(self, *, drain: bool = False, on_progress: Callable[[int, int], None] | None = None) -> None:
        """Consume until told to stop or, with ``drain``, until nothing is new or pending.

        ``on_progress`` is told how many entries a batch had, and how many became dead letters. A server
        that is away is waited for; with ``drain``, its error is raised at the second try.
        """
        failures, said_at = 0, -_SAY_EVERY_S
        while not self._stop.is_set():
            try:
                entries = self._next_or_new_group(block=not drain)
                if entries:
                    set_aside = self.process(entries)
                    if on_progress is not None:
                        on_progress(len(entries), set_aside)
                elif drain and self._drained():
                    return
                failures = 0
            except (RedisError, *EVENT_STORE_ERRORS) as error:
                # Any answer of Redis may be a passing state of it: loading, out of memory, a replica now.
                failures += 1
                if drain and failures > 1:
                    raise
                # What was read and not acknowledged is pending: read it again, nothing is lost.
                self._cursor = b"0"
                if monotonic() - said_at >= _SAY_EVERY_S:
                    log.warning("Waiting for a server: %s", in_short(error))
                    said_at = monotonic()
                wait = min(_LONGEST_WAIT_S, 0.1 * 2 ** min(failures, 8))
                self._stop.wait(wait * random.uniform(0.5, 1.0))

    def process(self, entries: list[Entry]) -> int:
        """Land a batch, then acknowledge it, with its dead letters and counts, in one step.

        Returns how many were set aside as dead letters.
        """
        messages: list[Message] = []
        done: list[bytes] = []
        dead: list[tuple[bytes, Unusable]] = []
        unknown: dict[str, list[bytes]] = defaultdict(list)
        dropped: dict[tuple[str, ...], list[bytes]] = defaultdict(list)
        for entry_id, fields in entries:
            if not fields:
                log.warning("Entry %s was trimmed before it was read", entry_id.decode())
                done.append(entry_id)
                continue
            try:
                message = read_entry(self._stream, entry_id, fields, self._settings.max_message_bytes)
            except Unusable as why:
                dead.append((entry_id, why))
                continue
            if message is None:
                unknown[(entry_type(fields) or "")[:200]].append(entry_id)
                continue
            messages.append(message)
        landing = land(self._servicing, messages, self._stop)
        for message in landing.landed:
            names = tuple(f"{message.envelope.type}.{name}" for name in message.dropped)
            (dropped[names] if names else done).append(message.envelope.entry_id.encode())
        dead += [(message.envelope.entry_id.encode(), why) for message, why in landing.unusable]
        failures: dict[bytes, int] = {}
        for message, error in landing.failed:
            self._set_aside_if_spent(message, error, dead, failures)
        self._acknowledge(entries, done, dead, unknown, dropped, failures)
        return len(dead)

    def _set_aside_if_spent(
        self,
        message: Message,
        error: Exception,
        dead: list[tuple[bytes, Unusable]],
        failures: dict[bytes, int],
    ) -> None:
        """Count a message's own failures: Redis's delivery count also grows while a store is away."""
        entry_id = message.envelope.entry_id.encode()
        count = self._redis.hincrby(self._failures_key, message.envelope.entry_id, 1)
        failures[entry_id] = count
        log.error("Message %s failed, time %d: %s", message.envelope.entry_id, count, where(error))
        if count >= self._settings.max_deliveries:
            dead.append((entry_id, failed(error)))
        else:
            self._retry_at = monotonic() + _RETRY_AFTER_S * 2**count

    def _acknowledge(
        self,
        entries: list[Entry],
        done: list[bytes],
        dead: list[tuple[bytes, Unusable]],
        unknown: Mapping[str, list[bytes]],
        dropped: Mapping[tuple[str, ...], list[bytes]],
        failures: dict[bytes, int],
    ) -> None:
        fields_of = dict(entries)
        pipeline = self._redis.pipeline(transaction=True)
        for entry_id, why in dead:
            letter = DeadLetter(
                self._stream, entry_id.decode(), fields_of[entry_id] or {}, why, failures.get(entry_id, 1)
            ).as_entry()
            set_aside(
                pipeline, self._stream, self._group, entry_id, self._settings.dead_letter_stream, letter
            )
            log.warning("Entry %s set aside: %s at %s", entry_id.decode(), why.reason, why.path)
        for name, ids in unknown.items():
            count(pipeline, self._stream, self._group, ids, unknown_types_key(self._stream), [name])
        for names, ids in dropped.items():
            count(pipeline, self._stream, self._group, ids, dropped_values_key(self._stream), names)
        if done:
            pipeline.xack(self._stream, self._group, *done)
        if failures or not self._read_new:
            settled = [*done, *(entry_id for entry_id, _ in dead), *chain(*dropped.values())]
            if settled:
                pipeline.hdel(self._failures_key, *settled)
        pipeline.execute()

    def _next_or_new_group(self, *, block: bool) -> list[Entry]:
        try:
            return self._next(block=block)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            self._create_group()
            return self._next(block=block)

    def _next(self, *, block: bool) -> list[Entry]:
        if self._cursor is not None:
            if entries := self._read(self._cursor):
                self._cursor = entries[-1][0]
                return entries
            self._cursor = None
        if self._retry_at is not None and monotonic() >= self._retry_at:
            self._retry_at, self._cursor = None, b"0"
            return self._next(block=block)
        if monotonic() >= self._claim_at and (claimed := self._claim()):
            return claimed
        return self._read(b">", block_ms=_BLOCK_MS if block else None)

    def _read(self, after: bytes, block_ms: int | None = None) -> list[Entry]:
        self._read_new = after == b">"
        answer: Any = self._redis.xreadgroup(
            self._group,
            self._name,
            {self._stream: after},
            count=self._settings.ingest_batch,
            block=block_ms,
        )
        return list(answer[0][1]) if answer else []

    def _claim(self) -> list[Entry]:
        """Entries that another consumer took, and left lying."""
        self._read_new = False
        answer: Any = self._redis.xautoclaim(
            self._stream,
            self._group,
            self._name,
            self._settings.claim_idle_ms,
            count=self._settings.ingest_batch,
        )
        entries = list(answer[1])
        if not entries:
            self._claim_at = monotonic() + min(_CLAIM_EVERY_S, self._settings.claim_idle_ms / 1_000)
        return entries

    def _drained(self) -> bool:
        """Whether nothing is pending in the group; waits a moment where something is."""
        pending: Any = self._redis.xpending(self._stream, self._group)
        if not pending["pending"]:
            return True
        self._stop.wait(0.1)
        return False

    def _create_group(self) -> None:
        """At id 0: what the stream still holds is read again, which changes nothing."""
        try:
            self._redis.xgroup_create(self._stream, self._group, id="0", mkstream=True)
            log.info("Created the consumer group %s on %s", self._group, self._stream)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        self._cursor = b"0"


def connect(settings: Settings) -> Redis:
    """A client whose every call ends: reading waits half a second, an absent server 5 s."""
    return Redis.from_url(
        settings.redis_url,
        protocol=2,
        socket_timeout=10.0,
        socket_connect_timeout=5.0,
        health_check_interval=30,
    )


def run(
    settings: Settings, *, drain: bool, stop: Flag, on_progress: Callable[[int, int], None] | None = None
) -> None:
    """Run one consumer until ``stop``. Raises the drivers' errors where ``drain`` finds a server away."""
    redis = connect(settings)
    servicing = Servicing.from_url(settings.event_store_url, cache=settings.aggregate_cache)
    try:
        Consumer(settings, redis, servicing, stop).run(drain=drain, on_progress=on_progress)
    finally:
        servicing.close()
        redis.close()
