"""PostgreSQL fails over: to a standby that has all events, or to one that lacks the last ones."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import pairwise
from statistics import median
from threading import Event, Thread
from time import monotonic
from typing import Any, cast

import pytest
from pymongo.database import Database
from redis import Redis

from app.aggregates import Actor, Conversation
from app.aggregates.contact_note import NoteContent
from app.api.notes.service import Notes
from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS, OtherStoreError
from app.ingestion.stream.apply import apply_messages
from app.ingestion.stream.publish import publish
from app.operations.servers import Servers
from app.projections.migrations import migrate
from app.runtime.settings.settings import Settings
from tests.support.observed import all_read, least_position, pending
from tests.support.roles import ingesting, projecting
from tests.support.servers.postgres_replicas import Replicas, postgres_replicas
from tests.support.stream_accounts import accounts
from tests.support.waiting import LONG_S, until
from tests.unit.ingestion.entries import heard, said

log = logging.getLogger(__name__)

Mongo = Database[dict[str, Any]]
FAILOVERS = 3
LOCKERS = "SELECT pid FROM pg_stat_activity WHERE query ~ 'advisory_(un)?lock' AND pid <> pg_backend_pid()"
NONE = Event()
ANN = Actor("ann", "Ann", "operations")
NOTE: NoteContent = {
    "note_type": "general",
    "priority": "normal",
    "sentiment": "neutral",
    "subject": "a call",
    "content": "hello",
}
CUSTOMER = {"typ": "customer.created.v1", "event_id": "c1", "dat": '{"customer_id": "C1"}'}


def entry(number: int) -> dict[str, str]:
    """Of one of seven conversations."""
    conversation = f"V{number % 7}"
    return {"typ": "user_input", "cid": conversation, "event_id": f"e{number}", "utterance": "hello"}


@pytest.fixture(scope="module")
def replicas() -> Iterator[Replicas]:
    with postgres_replicas() as made:
        yield made


@pytest.fixture
def on_them(settings: Settings, replicas: Replicas, mongo_db: Mongo) -> Settings:
    list(migrate(mongo_db))
    return settings.model_copy(update={"event_store_url": replicas.empty(), "ingest_batch": 20})


class Load(Thread):
    """Does one thing again and again, also while it fails, and notes when it has succeeded."""

    def __init__(self, once: Callable[[], bool]) -> None:
        super().__init__()
        self.done: list[float] = []
        self.stopped = Event()
        self._once = once

    def run(self) -> None:
        while not self.stopped.wait(0.05):
            try:
                if self._once():
                    self.done.append(monotonic())
            except EVENT_STORE_ERRORS:
                continue

    def goes_on(self) -> None:
        """Return when it has succeeded once more."""
        before = len(self.done)
        until(lambda: len(self.done) > before or not self.is_alive(), what="to succeed again")
        assert self.is_alive()

    def away(self) -> str:
        """How long it did not succeed, at each failover."""
        gaps = sorted(after - before for before, after in pairwise(self.done))[-FAILOVERS:]
        return f"p50 {median(gaps):.2f} s, max {max(gaps):.2f} s"


class Work:
    """What goes on while servers fail over: messages and notes come in, and are read, stored and folded."""

    def __init__(self, settings: Settings, servers: Servers, redis: Redis, database: Mongo) -> None:
        self.sent, self.written = 0, 0
        self.positions = [0]
        """Of the projection that is furthest behind."""
        self._acknowledged = 0
        self._settings, self._redis, self._database = settings, redis, database
        self._notes = Notes(servers.event_store)

    def publish(self) -> bool:
        entries = [entry(number) for number in range(self.sent, self.sent + 5)]
        self.sent += publish(self._redis, self._settings.inbox_stream, entries)
        return True

    def store(self) -> bool:
        """Whether more is acknowledged."""
        [group] = cast("Any", self._redis.xinfo_groups(self._settings.inbox_stream))
        before, self._acknowledged = self._acknowledged, group["entries-read"] - group["pending"]
        return self._acknowledged > before

    def fold(self) -> bool:
        """Whether more is folded."""
        self.positions.append(least_position(self._database))
        return self.positions[-1] > self.positions[-2]

    def write(self) -> bool:
        """As the API does."""
        self._notes.write(f"N{self.written}", ANN, "C1", NOTE)
        self.written += 1
        return True

    def read(self) -> bool:
        """As the API does."""
        return self._notes.is_written("N0")


def test_no_acknowledged_event_is_lost_when_the_synchronous_standby_is_promoted(
    on_them: Settings, replicas: Replicas, redis_client: Redis, mongo_db: Mongo
) -> None:
    """Under load, thrice. Two consumers, the projections and the API's store go on by themselves."""
    publish(redis_client, on_them.inbox_stream, [CUSTOMER])
    with closing(Servers(on_them)) as servers, ExitStack() as running:
        for role in (ingesting, ingesting, projecting):
            running.enter_context(role(on_them))
        until(lambda: least_position(mongo_db) > 0, what="all to work")
        work = Work(on_them, servers, redis_client, mongo_db)
        loads = {
            each.__name__: Load(each) for each in (work.publish, work.store, work.fold, work.write, work.read)
        }
        for load in loads.values():
            load.start()
            running.callback(load.join)
            running.callback(load.stopped.set)
        promotions = []
        for _ in range(FAILOVERS):
            for load in loads.values():
                load.goes_on()
            until(lambda: pending(redis_client, on_them) > 0, what="a batch in hand")
            replicas.kill(replicas.primary)
            killed_at = monotonic()
            replicas.promote(replicas.standbys[0])
            promotions.append(monotonic() - killed_at)
            for load in loads.values():
                load.goes_on()
            until(lambda: len(replicas.ask(LOCKERS)) == 2, what="both consumers to take the lock")
            replicas.mend()
        for load in loads.values():
            load.stopped.set()
        for load in loads.values():
            load.join()
        until(
            lambda: all_read(redis_client, on_them) and not pending(redis_client, on_them), what="all stored"
        )
        newest = servers.event_store().max_position()
        until(lambda: least_position(mongo_db) == newest, what="all folded")
        found = accounts(redis_client, on_them)
    assert (found.landed - found.repeats, found.dead) == (work.sent + 1, 0)
    assert mongo_db["contact-notes"].count_documents({}) == work.written
    assert work.positions == sorted(work.positions)
    log.info("promotions: p50 %.2f s, max %.2f s", median(promotions), max(promotions))
    for name, load in loads.items():
        log.info("%s was away: %s", name, load.away())


def test_a_standby_that_lacks_the_last_events_is_not_followed(
    on_them: Settings,
    replicas: Replicas,
    redis_client: Redis,
    mongo_db: Mongo,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not even once other events are stored at the lost positions: by somebody who knows nothing of them."""
    with ingesting(on_them), projecting(on_them), closing(Servers(on_them)) as servers:
        publish(redis_client, on_them.inbox_stream, map(entry, range(20)))
        until(lambda: least_position(mongo_db) == 27, what="the first half to be folded")
        servers.event_store().change(said(1, "of staff").apply)
        replicas.hold_back(replicas.standbys[1])
        publish(redis_client, on_them.inbox_stream, map(entry, range(20, 40)))
        until(lambda: least_position(mongo_db) == 49, what="the second half to be folded")
        until(lambda: not pending(redis_client, on_them), what="it to be acknowledged")
        servers.event_store().change(said(2, "of staff").apply)
        replicas.kill(replicas.primary)
        replicas.promote(replicas.standbys[1])
        with closing(Servicing.from_url(on_them.event_store_url)) as other:
            assert other.max_position() == 29
            apply_messages(other, [said(number, "of others") for number in range(60)], NONE)
            newest = other.max_position()
            publish(redis_client, on_them.inbox_stream, [entry(40)])
            until(lambda: "has lost the event" in caplog.text, what="the consumer to say so")
            with pytest.raises(OtherStoreError, match="has lost the event at position 50:"):
                servers.event_store().change(said(3, "of staff").apply)
            until(lambda: all(each.get("standstill") for each in mongo_db["projection-positions"].find()))
            assert {each["standstill"]["cause"] for each in mongo_db["projection-positions"].find()} == {
                "other_store"
            }
            assert least_position(mongo_db) == 49
            assert other.max_position() == newest
    replicas.mend()


def test_writes_wait_for_a_synchronous_standby_that_is_down(on_them: Settings, replicas: Replicas) -> None:
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    Servicing.from_url(on_them.event_store_url).close()
    with closing(Servers(on_them)) as servers, ThreadPoolExecutor(1) as thread:
        replicas.kill(replicas.standbys[0])
        written = thread.submit(servers.event_store().change, said(1).apply)
        until(lambda: len(replicas.ask(waiting)) == 1, what="the write to wait")
        assert servers.event_store().max_position() == 0, "it is not there before it is safe"
        replicas.wait_for_nobody()
        assert written.result(LONG_S)[1] == 2
    replicas.mend()


def test_a_primary_that_comes_back_has_all_and_a_standby_that_is_down_costs_nothing(
    on_them: Settings, replicas: Replicas
) -> None:
    with closing(Servicing.from_url(on_them.event_store_url)) as store:
        replicas.kill(replicas.standbys[1])
        assert store.change(said(1).apply)[1] == 2
        replicas.kill(replicas.primary)
        with pytest.raises(EVENT_STORE_ERRORS):
            store.load(Conversation, "V1")
        replicas.revive()
        until(lambda: wrote(store, 2), what="it to take writes again")
        assert heard(store) == ["1", "2"]
    replicas.mend()


def wrote(store: Servicing, number: int) -> bool:
    try:
        store.change(said(number).apply)
    except EVENT_STORE_ERRORS:
        return False
    return True
