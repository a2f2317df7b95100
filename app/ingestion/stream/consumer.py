"""One consumer of the inbox stream's group: reads a batch, applies it, stores its events, acknowledges it.

While a batch is being stored, which is mostly waiting, the next one is read and parsed. It is applied only
after the stored batch is acknowledged.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event as Flag
from time import monotonic, perf_counter
from typing import NamedTuple

from redis import Redis
from redis.exceptions import RedisError

from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.messages.parsers import NO_PARSERS, Parsers
from app.ingestion.stream.acknowledge import Acknowledger
from app.ingestion.stream.apply import AppliedBatch, apply_messages
from app.ingestion.stream.housekeeping import keep_house
from app.ingestion.stream.inbox import Batch, Entry, Inbox, read_batch
from app.ingestion.stream.tracing import trace_batch
from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.observability.logging import in_short
from app.runtime.observability.metrics import BATCH_SECONDS
from app.runtime.observability.tracing import NO_TRACING, Tracing
from app.runtime.servers.back_off import BackOff
from app.runtime.servers.clients import redis_client
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

LOOP = "consumer"
"""The loop's name among the heartbeats."""
_POLL_S = 0.1
_TIDY_EVERY_S = 10.0


class InFlight(NamedTuple):
    """A batch whose events are being stored."""

    batch: Batch
    applied: AppliedBatch
    storing: Future[None]


class Consumer:
    """Reads batches from the inbox, applies them, and acknowledges them."""

    def __init__(
        self,
        settings: Settings,
        redis: Redis,
        servicing: Servicing,
        stop: Flag,
        name: str = "consumer",
        parsers: Parsers = NO_PARSERS,
        heartbeats: Heartbeats | None = None,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self._settings = settings
        self._tracing = tracing
        self._heartbeats = heartbeats or Heartbeats()
        self._heartbeats.expect(LOOP)
        self._servicing = servicing
        self._stop = stop
        self._parsers = parsers
        self._inbox = Inbox(settings, redis, name)
        self._acknowledger = Acknowledger(redis, settings)
        self._redis, self._name = redis, name
        self._in_flight: InFlight | None = None
        self._tidy_at = 0.0

    def run(self, *, drain: bool = False, on_progress: Progress = lambda _entries, _dead: None) -> None:
        """Consume until ``stop`` or, with ``drain``, until nothing is new or pending.

        ``on_progress`` gets the number of entries of each batch, and how many became dead letters. Waits for
        a server that is away; with ``drain``, raises its error at the second attempt.
        """
        back_off = BackOff(self._stop)
        with ThreadPoolExecutor(1, thread_name_prefix="store") as storing:
            while not self._stop.is_set():
                try:
                    was_busy = self._step(storing, on_progress, block=not drain)
                    if drain and not was_busy:
                        if self._inbox.drained():
                            self._servicing.privacy.tables.purge()
                            return
                        self._stop.wait(_POLL_S)
                    self._heartbeats.beat(LOOP)
                    back_off.went_well()
                except (RedisError, *EVENT_STORE_ERRORS) as error:
                    self._heartbeats.beat(LOOP, well=False)
                    # Any error of Redis may be temporary: it is loading, out of memory, or a replica now.
                    self._abandon()
                    if drain and back_off.failures:
                        raise
                    back_off.failed(error)
            try:
                self._finish_in_flight(on_progress)
            except (RedisError, *EVENT_STORE_ERRORS) as error:
                log.warning("Stopped before the last batch was acknowledged: %s", in_short(error))

    def process(self, entries: Sequence[Entry]) -> int:
        """Apply a batch that was read before, and acknowledge it. Returns the number of dead letters."""
        batch = read_batch(self._settings, entries, self._parsers)
        return self._acknowledge(batch, apply_messages(self._servicing, batch.messages, self._stop))

    def _step(self, storing: ThreadPoolExecutor, on_progress: Progress, *, block: bool) -> bool:
        """Read the next batch, finish the one before, and apply the next. False if there was neither."""
        taken = self._inbox.next(block=block and self._in_flight is None)
        batch = read_batch(self._settings, taken.entries, self._parsers, fresh=taken.fresh)
        finished = self._finish_in_flight(on_progress)
        self._tidy_if_due()
        if not taken.entries:
            return finished
        applied = AppliedBatch(self._servicing, batch.messages)
        self._in_flight = InFlight(batch, applied, storing.submit(applied.store, self._stop))
        # A short batch may be the last for a while, or its entries large: acknowledge it at once. When other
        # consumers wait for the writer lock, reading the next batch would only hold it longer.
        if len(taken.entries) < self._settings.ingest_batch or applied.crowded:
            self._finish_in_flight(on_progress)
        return True

    def _finish_in_flight(self, on_progress: Progress) -> bool:
        if (flight := self._in_flight) is None:
            return False
        flight.storing.result()
        on_progress(len(flight.batch.entries), self._acknowledge(flight.batch, flight.applied))
        self._in_flight = None
        return True

    def _acknowledge(self, batch: Batch, applied: AppliedBatch) -> int:
        outcome = self._acknowledger.acknowledge(batch, applied)
        BATCH_SECONDS.observe(perf_counter() - batch.read_at)
        if self._tracing.bound:
            trace_batch(self._tracing, self._settings.inbox_stream, batch, applied, outcome)
        if outcome.retry_in_s is not None:
            self._inbox.retry_own_in(outcome.retry_in_s)
        return len(outcome.dead)

    def _abandon(self) -> None:
        """Leave what was read pending, to be read again once the store has finished or failed."""
        if self._in_flight is not None:
            wait([self._in_flight.storing])
            self._in_flight = None
        self._inbox.read_own_again()

    def _tidy_if_due(self) -> None:
        """Purge what a message, or an erasure over the API, has removed but left in the database's files."""
        if monotonic() >= self._tidy_at:
            self._tidy_at = monotonic() + _TIDY_EVERY_S
            self._servicing.privacy.tables.purge()
            keep_house(self._settings, self._redis, self._name)


def connect(settings: Settings) -> Redis:
    """A client that never hangs: reads wait half a second for entries, and 5 s for a server."""
    return redis_client(settings, socket_timeout=10.0, socket_connect_timeout=5.0, health_check_interval=30)
