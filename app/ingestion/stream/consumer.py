"""One consumer of the inbox stream's group: reads in batches, lands them, acknowledges.

While a batch is stored, which is mostly waiting, the next one is read and understood. Only after it is
stored are its entries acknowledged, and the next one's messages applied.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event as Flag
from time import monotonic, perf_counter

from redis import Redis
from redis.exceptions import RedisError

from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.messages.parsers import NO_PARSERS, Parsers
from app.ingestion.stream.acknowledge import Settling
from app.ingestion.stream.apply import Landing, land
from app.ingestion.stream.batch import Batch, Entry, open_batch
from app.ingestion.stream.consumer_name import consumer_name
from app.ingestion.stream.housekeeping import Housekeeping
from app.ingestion.stream.inbox import Inbox, Taken
from app.ingestion.stream.tracing import trace_batch
from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.observability.logging import in_short
from app.runtime.observability.metrics import BATCH_SECONDS
from app.runtime.observability.tracing import NO_TRACING, Tracing
from app.runtime.servers.back_off import BackOff
from app.runtime.servers.clients import redis_client
from app.runtime.servers.opened_store import open_store
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

LOOP = "consumer"
"""What the loop is called among the heartbeats."""
_DRAINED_YET_S = 0.1
_FORGET_EVERY_S = 10.0


@dataclass(frozen=True)
class Flight:
    """A batch that is being stored."""

    batch: Batch
    landing: Landing
    stored: Future[None]


class Consumer:
    """Turns what the inbox gives into stored events, and tells Redis what became of it."""

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
        self._settling = Settling(redis, settings)
        self._housekeeping = Housekeeping(settings, redis, name)
        self._flight: Flight | None = None
        self._forget_at = 0.0

    def run(self, *, drain: bool = False, on_progress: Progress = lambda _entries, _dead: None) -> None:
        """Consume until told to stop or, with ``drain``, until nothing is new or pending.

        ``on_progress`` is told how many entries a batch had, and how many became dead letters. A server
        that is away is waited for; with ``drain``, its error is raised at the second try.
        """
        back_off = BackOff(self._stop)
        with ThreadPoolExecutor(1, thread_name_prefix="store") as storing:
            while not self._stop.is_set():
                try:
                    if not self._step(storing, on_progress, block=not drain) and drain:
                        if self._inbox.drained():
                            self._servicing.privacy.tables.forget_log()
                            return
                        self._stop.wait(_DRAINED_YET_S)
                    self._heartbeats.beat(LOOP)
                    back_off.went_well()
                except (RedisError, *EVENT_STORE_ERRORS) as error:
                    self._heartbeats.beat(LOOP, well=False)
                    # Any answer of Redis may be a passing state of it: loading, out of memory, a replica now.
                    self._abandon()
                    if drain and back_off.failures:
                        raise
                    back_off.failed(error)
            try:
                self._land_flight(on_progress)
            except (RedisError, *EVENT_STORE_ERRORS) as error:
                log.warning("Stopped before the last batch was acknowledged: %s", in_short(error))

    def process(self, entries: Sequence[Entry], *, fresh: bool = False) -> int:
        """Land a batch, then acknowledge it, with its dead letters and counts, in one step.

        Returns how many were set aside as dead letters.
        """
        batch = self._open(Taken(entries, fresh))
        return self._settle(batch, land(self._servicing, batch.messages, self._stop))

    def _step(self, storing: ThreadPoolExecutor, on_progress: Progress, *, block: bool) -> bool:
        """Take the next entries, and finish those before them. False where there were neither."""
        taken = self._inbox.next(block=block and self._flight is None)
        self._housekeeping.do_if_due()
        batch = self._open(taken)
        landed = self._land_flight(on_progress)
        self._forget_if_due()
        if not taken.entries:
            return landed
        landing = Landing(self._servicing, batch.messages)
        self._flight = Flight(batch, landing, storing.submit(landing.finish, self._stop))
        # Where there may be nothing more for long, acknowledge at once; of large entries, hold one lot only.
        # Where others wait for their turn, the time until it ends counts twice: do nothing beside it.
        if len(taken.entries) < self._settings.ingest_batch or landing.crowded:
            self._land_flight(on_progress)
        return True

    def _forget_if_due(self) -> None:
        """A message may have erased something, or an erasure may not have emptied the store's log."""
        if monotonic() >= self._forget_at:
            self._forget_at = monotonic() + _FORGET_EVERY_S
            self._servicing.privacy.tables.forget_log()

    def _open(self, taken: Taken) -> Batch:
        return open_batch(self._settings, taken.entries, self._parsers, fresh=taken.fresh)

    def _land_flight(self, on_progress: Progress) -> bool:
        if (flight := self._flight) is None:
            return False
        flight.stored.result()
        on_progress(len(flight.batch.entries), self._settle(flight.batch, flight.landing))
        self._flight = None
        return True

    def _abandon(self) -> None:
        """What was read stays pending. It is read again once the storing has ended, in whichever way."""
        if self._flight is not None:
            wait([self._flight.stored])
            self._flight = None
        self._inbox.read_own_again()

    def _settle(self, batch: Batch, landing: Landing) -> int:
        outcome = self._settling.settle(batch, landing)
        BATCH_SECONDS.observe(perf_counter() - batch.opened_at)
        if self._tracing.is_on:
            trace_batch(self._tracing, self._settings, batch, landing, outcome)
        if outcome.retry_in_s is not None:
            self._inbox.retry_own_in(outcome.retry_in_s)
        return len(outcome.dead)


def connect(settings: Settings) -> Redis:
    """A client whose every call ends: reading waits half a second, an absent server 5 s."""
    return redis_client(settings, socket_timeout=10.0, socket_connect_timeout=5.0, health_check_interval=30)


def run(
    settings: Settings,
    *,
    drain: bool,
    stop: Flag,
    on_progress: Progress = lambda _entries, _dead: None,
    parsers: Parsers = NO_PARSERS,
    heartbeats: Heartbeats | None = None,
    tracing: Tracing = NO_TRACING,
) -> None:
    """Run one consumer until ``stop``. Raises the drivers' errors where ``drain`` finds a server away."""
    heartbeats = heartbeats or Heartbeats()
    heartbeats.expect(LOOP)
    servicing = open_store(
        settings, stop, patient=not drain, heartbeats=heartbeats, cache=settings.aggregate_cache
    )
    if servicing is None:
        return
    redis = connect(settings)
    try:
        with consumer_name(settings) as name:
            consumer = Consumer(settings, redis, servicing, stop, name, parsers, heartbeats, tracing)
            consumer.run(drain=drain, on_progress=on_progress)
    finally:
        servicing.close()
        redis.close()
