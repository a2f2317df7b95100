"""One active runner a projection: another takes over when it is gone, and gives way when it is asked."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest
from pymongo.collection import Collection
from pymongo.database import Database

from app.event_store.application import Servicing
from app.projections import worker
from app.projections.engine import leases
from app.projections.engine.faults import Cause
from app.projections.engine.leases import Lease
from app.projections.engine.positions import COLLECTION, MongoTrackingRecorder
from app.projections.engine.projector import Projector
from app.projections.read_models.catalogue import all_projections
from app.projections.worker import Worker
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie, Process
from tests.support.data.stored import live, store_backlog, stored_and_projected
from tests.support.waiting import until

Mongo = Database[dict[str, Any]]


def record(database: Mongo, name: str = "customers") -> dict[str, Any]:
    return database[COLLECTION].find_one({"_id": name}) or {}


@pytest.fixture
def begun(mongo_db: Mongo) -> Mongo:
    MongoTrackingRecorder(mongo_db, "customers").begin(1)
    return mongo_db


def test_a_second_worker_waits_until_the_lease_is_released(begun: Mongo) -> None:
    first, second = (Lease(begun, "customers", name) for name in ("first", "second"))
    assert first.take(record(begun))
    assert not second.take(record(begun))
    assert first.holds(record(begun))
    first.release()
    assert second.take(record(begun))
    assert not first.holds(record(begun))


def test_two_concurrent_acquisitions_leave_one_holder(begun: Mongo) -> None:
    seen = record(begun)
    first, second = (Lease(begun, "customers", name) for name in ("first", "second"))
    assert [first.take(seen), second.take(seen)] == [True, False]


def test_a_lease_is_free_only_after_its_heartbeat_stops(
    begun: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(leases, "monotonic", lambda: clock[0])
    first, second = (Lease(begun, "customers", name) for name in ("first", "second"))
    first.take(record(begun))
    assert not second.take(record(begun))
    clock[0] += 5.9
    first.renew()
    assert not second.take(record(begun))
    clock[0] += 5.9
    assert not second.take(record(begun))
    clock[0] += 0.2
    assert second.take(record(begun))
    first.renew()
    assert record(begun)["lease"]["owner"] == "second"


def test_a_paused_worker_does_not_trust_its_earlier_reads(
    begun: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(leases, "monotonic", lambda: clock[0])
    lease = Lease(begun, "customers", "first")
    lease.take(record(begun))
    assert lease.is_sure()
    seen = record(begun)
    clock[0] += 60
    assert lease.holds(seen)
    assert not lease.is_sure()
    lease.confirm()
    assert lease.is_sure()
    for _ in range(3):
        clock[0] += 2
        lease.renew()
    assert lease.is_sure(), "as long as it beats"


@pytest.mark.parametrize("how", ["take", "confirm", "renew"])
def test_a_late_answer_confirms_no_lease(begun: Mongo, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    clock = [100.0]
    monkeypatch.setattr(leases, "monotonic", lambda: clock[0])
    lease = Lease(begun, "customers", "first")
    if how != "take":
        lease.take(record(begun))
        clock[0] += 60
    update_one = Collection.update_one

    def late(self: Collection[Any], *arguments: Any, **options: Any) -> Any:
        answer = update_one(self, *arguments, **options)
        clock[0] += 5
        return answer

    monkeypatch.setattr(Collection, "update_one", late)
    lease.take(record(begun)) if how == "take" else getattr(lease, how)()
    assert lease.held
    assert not lease.is_sure()


def test_a_requester_is_next_unless_it_died(begun: Mongo, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(leases, "monotonic", lambda: clock[0])
    runner, other, rebuild = (Lease(begun, "customers", name) for name in ("runner", "other", "rebuild"))
    runner.take(record(begun))
    rebuild.ask()
    assert runner.is_wanted(record(begun))
    runner.release()
    assert not other.take(record(begun))
    clock[0] += 6.1
    assert other.take(record(begun))
    assert not other.is_wanted(record(begun))


def test_a_projection_reports_its_lost_lease_until_it_moves(settings: Settings, mongo_db: Mongo) -> None:
    store_backlog(settings, 60)
    servicing = Servicing.from_url(settings.event_store_url)
    customers = all_projections(settings)["customers"]

    def following(owner: str) -> Worker:
        engine = Projector(customers, servicing, mongo_db, batch=5)
        return Worker(engine, Lease(mongo_db, "customers", owner), lambda _: None)

    one, other = following("one"), following("other")
    assert one.step(1) == 0
    mongo_db[COLLECTION].update_one({"_id": "customers"}, {"$set": {"lease.owner": "other"}})
    assert one.step(1) > 0
    assert record(mongo_db)["standstill"]["cause"] == Cause.LEASE_LOST
    one.lease.release()  # Changes nothing: it is not one's any more.
    mongo_db[COLLECTION].update_one({"_id": "customers"}, {"$set": {"lease.owner": None}})
    assert other.step(1) == 0
    assert "standstill" not in record(mongo_db)
    servicing.close()


def test_a_lease_is_taken_from_a_runner_by_asking(settings: Settings, mongo_db: Mongo) -> None:
    store_backlog(settings, 60)
    servicing = Servicing.from_url(settings.event_store_url)
    engine = Projector(all_projections(settings)["customers"], servicing, mongo_db)
    runner = Worker(engine, Lease(mongo_db, "customers", "runner"), lambda _: None)
    runner.step(1)
    wants, stop = Lease(mongo_db, "customers", "wants"), Event()
    wants.ask()
    assert not wants.take(record(mongo_db))
    runner.step(1)
    assert wants.take_from_worker(stop)
    wants.release()
    runner.step(1)
    assert runner.lease.held
    stop.set()
    assert not Lease(mongo_db, "customers", "late").take_from_worker(stop)
    servicing.close()


def test_an_idle_worker_asks_the_event_store_only_and_looks_at_its_lease_twice_a_second(
    settings: Settings, mongo_db: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(worker, "monotonic", lambda: clock[0])
    store_backlog(settings, 60)
    servicing = Servicing.from_url(settings.event_store_url)
    engine = Projector(all_projections(settings)["customers"], servicing, mongo_db)
    runner = Worker(engine, Lease(mongo_db, "customers", "runner"))
    assert (runner.step(1), runner.rests()) == (0, False)
    assert (runner.step(1), runner.rests()) == (1, True)
    clock[0] += leases.LOOK_EVERY_S
    assert not runner.rests()
    assert (runner.step(1), runner.rests()) == (1, True)
    store_backlog(settings, 60, seed=2)
    assert not runner.rests()
    assert (runner.step(1), runner.rests()) == (0, False)
    servicing.close()


@pytest.fixture
def runners(billie: Billie, tmp_path: Path) -> Iterator[list[Process]]:
    with (tmp_path / "project.log").open("w") as log:
        processes = [billie.start("project", log=log) for _ in range(2)]
    yield processes
    for each in processes:
        each.kill()
        each.wait()


def test_another_process_takes_over_within_ten_seconds_of_a_kill(
    settings: Settings, mongo_db: Mongo, runners: list[Process]
) -> None:
    """Six until the lease is free, four for the rest: more only on a machine where that work takes longer."""
    stored_and_projected(settings, mongo_db, 60)
    names = list(all_projections(settings))

    def projected(seed: int) -> float:
        """Store events; the seconds after which all of them are projected."""
        began, newest = monotonic(), store_backlog(settings, 60, seed=seed)
        until(lambda: all(record(mongo_db, name)["position"] >= newest for name in names))
        return monotonic() - began

    def owners() -> set[str]:
        return {(record(mongo_db, name).get("lease", {}).get("owner") or "") for name in names}

    until(lambda: any(f"process {each.pid}" in " ".join(owners()) for each in runners))
    until(lambda: "" not in owners())
    usual = projected(seed=3)
    victim = next(each for each in runners if f"process {each.pid}" in " ".join(owners()))
    os.kill(victim.pid, signal.SIGKILL)
    took = projected(seed=2)
    assert took < leases.GONE_AFTER_S + max(4, 10 * usual)
    assert len(live(mongo_db)["customers"]) > 2
