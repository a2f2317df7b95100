"""A process that dies, pauses or meets the wrong store at the worst moment damages no document."""

from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import PyMongoError

from app.aggregates import Customer, WriteOffRequest
from app.event_store.application import Servicing
from app.projections.engine import leases
from app.projections.engine.faults import Cause, ProjectionFault
from app.projections.engine.folding import Folding
from app.projections.engine.leases import Lease, LeaseLostError, StoppedError
from app.projections.engine.positions import COLLECTION, MongoTrackingRecorder
from app.projections.engine.projector import Projector
from app.projections.read_models.catalogue import all_projections
from app.projections.read_models.customers import Customers
from app.projections.rebuild import rebuild, verify
from app.projections.rebuild import run as rebuilds
from app.projections.rebuild.differences import Kind
from app.projections.rebuild.one_document import rebuild_document
from app.projections.rebuild.outcome import Progress
from app.projections.rebuild.run import discard_rebuild, run_rebuilds
from app.projections.rebuild.verify import Verify
from app.projections.worker import Worker
from app.runtime.settings.settings import Settings
from tests.integration.projections.engine.test_set_aside import customer, failing_at, rename
from tests.support.data.given import Step, absorb, ask_write_off, message
from tests.support.data.handlers import handled_by
from tests.support.data.stored import live, stored_and_projected
from tests.support.roles import project
from tests.support.servers.event_stores import NewStore
from tests.support.waiting import LONG_S

CUSTOMERS = Customers()

Mongo = Database[dict[str, Any]]


class Killed(BaseException):
    """Nothing catches it, as nothing catches ``kill -9``."""


def quiet(_: Any) -> None:
    """Nobody looks at the progress."""


def record(database: Mongo, name: str = "customers") -> dict[str, Any]:
    return database[COLLECTION].find_one({"_id": name}) or {}


def verified(store: Servicing, database: Mongo, **how: Any) -> list[Any]:
    return list(Verify(CUSTOMERS, store, database, Flag()).run(quiet, **how))


@pytest.fixture
def named(settings: Settings, store: Servicing) -> Servicing:
    """Two customers, stored and projected."""
    absorb(store, [rename("C1", "Ann", 1), rename("C2", "Bob", 1)])
    project(settings, drain=True)
    return store


def only_names(database: Mongo, *names: str) -> None:
    schema = {"bsonType": "object", "properties": {"firstName": {"enum": list(names)}}}
    database.command("collMod", "customers", validator={"$jsonSchema": schema})


@pytest.mark.usefixtures("named")
def test_every_writer_refuses_another_event_store(mongo_db: Mongo, new_store: NewStore) -> None:
    other = Servicing.from_url(new_store())
    for attempt in (
        lambda: run_rebuilds([CUSTOMERS], other, mongo_db, Flag(), quiet),
        lambda: verified(other, mongo_db, fix=True),
        lambda: rebuild_document(CUSTOMERS, other, mongo_db, "C1", Flag()),
    ):
        with pytest.raises(ProjectionFault, match="not the store that the documents came from") as refused:
            attempt()
        assert refused.value.cause == Cause.OTHER_STORE
    other.close()
    assert mongo_db["customers"].count_documents({}) == 2


@pytest.mark.parametrize("rebuilt", [False, True], ids=["followed", "rebuilt"])
def test_a_restored_store_that_has_grown_again_is_refused(
    settings: Settings, named: Servicing, mongo_db: Mongo, new_store: NewStore, rebuilt: bool
) -> None:
    if rebuilt:
        run_rebuilds([CUSTOMERS], named, mongo_db, Flag(), quiet)
    before, position = live(mongo_db, "customers"), named.max_position()
    restored = settings.model_copy(update={"event_store_url": new_store()})
    other = Servicing.from_url(restored.event_store_url)
    absorb(other, [rename("C1", "Ann", 1), rename("C3", "Eve", 1), rename("C4", "Kim", 1)])
    assert other.max_position() > position
    other.close()
    with pytest.raises(ProjectionFault, match="has another event there") as refused:
        project(restored, ["customers"], drain=True)
    assert refused.value.cause == Cause.OTHER_STORE
    assert live(mongo_db, "customers") == before
    assert record(mongo_db)["standstill"]["cause"] == "other_store"
    project(settings, drain=True)
    assert "standstill" not in record(mongo_db), "the first store goes on"


@pytest.mark.parametrize("begins", [True, False], ids=["a rebuild begins", "it is discarded"])
def test_a_kill_while_shadows_are_dropped_leaves_nothing_to_resume(
    settings: Settings, mongo_db: Mongo, begins: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_and_projected(settings, mongo_db, 300)
    before = live(mongo_db, "customers")
    servicing = Servicing.from_url(settings.event_store_url)
    monkeypatch.setattr("app.projections.rebuild.run._PAGE", 100)
    stop = Flag()

    def half(progress: Progress) -> None:
        if progress.position * 2 > progress.newest:
            stop.set()

    def begin() -> None:
        run_rebuilds([CUSTOMERS], servicing, mongo_db, Flag(), quiet)

    def discard() -> None:
        discard_rebuild(CUSTOMERS, mongo_db, Flag())

    with pytest.raises(StoppedError):
        run_rebuilds([CUSTOMERS], servicing, mongo_db, stop, half)
    module, name = (rebuild, "create_shadows") if begins else (rebuilds, "drop_shadows")
    carried_out = getattr(module, name)

    def killed_after(*arguments: Any) -> None:
        carried_out(*arguments)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(module, name, killed_after)
        with pytest.raises(Killed):
            (begin if begins else discard)()
    run_rebuilds([CUSTOMERS], servicing, mongo_db, Flag(), quiet, resume=True)
    servicing.close()
    assert live(mongo_db, "customers") == before


def test_a_paused_rebuild_never_swaps_over_newer_documents(
    settings: Settings, mongo_db: Mongo, named: Servicing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lease, "renew", lambda _self: None)
    begin = rebuild.begin_swap

    def late(*arguments: Any) -> None:
        absorb(named, [rename("C1", "Newer", 2)])
        project(settings, ["customers"], drain=True)  # It takes the lease after six seconds.
        begin(*arguments)

    monkeypatch.setattr(rebuild, "begin_swap", late)
    with pytest.raises(LeaseLostError):
        run_rebuilds([CUSTOMERS], named, mongo_db, Flag(), quiet)
    project(settings, drain=True)
    assert customer(mongo_db, "C1")["firstName"] == "Newer"


def test_a_rebuild_stops_once_another_takes_its_shadow(
    settings: Settings, mongo_db: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_and_projected(settings, mongo_db, 300)
    before = live(mongo_db, "customers")
    servicing = Servicing.from_url(settings.event_store_url)
    monkeypatch.setattr("app.projections.rebuild.run._PAGE", 60)
    monkeypatch.setattr("app.projections.rebuild.rebuild._KEEP_EVERY_S", 0.0)
    monkeypatch.setattr(Lease, "renew", lambda _self: None)
    tried: list[str] = []

    def dies(_: Progress) -> None:
        raise Killed

    def first(progress: Progress) -> None:
        if not tried and progress.position * 2 > progress.newest:
            tried.append("second")
            with pytest.raises(Killed):
                run_rebuilds([CUSTOMERS], servicing, mongo_db, Flag(), dies)

    with pytest.raises(LeaseLostError):
        run_rebuilds([CUSTOMERS], servicing, mongo_db, Flag(), first)
    assert live(mongo_db, "customers") == before
    run_rebuilds([CUSTOMERS], servicing, mongo_db, Flag(), quiet, resume=True)
    servicing.close()
    assert live(mongo_db, "customers") == before


def test_the_first_of_several_leases_beats_while_the_others_are_acquired(
    mongo_db: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (leases, rebuilds):
        monkeypatch.setattr(module, "GONE_AFTER_S", 2.0)
    monkeypatch.setattr(leases, "BEAT_EVERY_S", 0.1)
    identifiers = [f"{name}#rebuild" for name in "abc"]
    for each in identifiers:
        mongo_db[COLLECTION].insert_one({"_id": each, "position": 0, "lease": {"owner": "killed", "beat": 3}})
    has_all, done, got = Flag(), Flag(), []

    def take(owner: str, wanted: list[str]) -> None:
        try:
            with rebuilds._taken([Lease(mongo_db, each, owner) for each in wanted], mongo_db, Flag()):
                got.append(owner)
                has_all.set()
                done.wait(LONG_S)
        except rebuilds.RebuildRunsError:
            has_all.wait(LONG_S)
            done.set()

    one = Thread(target=take, args=("one", identifiers))
    one.start()
    while record(mongo_db, identifiers[0])["lease"]["owner"] != "one":
        pass
    take("other", identifiers[:1])
    one.join()
    assert got == ["one"]


def test_a_marked_document_is_rebuilt_despite_the_validator(
    settings: Settings, mongo_db: Mongo, store: Servicing
) -> None:
    requests = all_projections(settings)["write-off-requests"]
    unit, asked = store.unit_of_work(), message("asked", at=1)
    ask_write_off(unit.obtain(WriteOffRequest, "W1", asked), asked)
    unit.commit()

    def fails(*_: Any) -> None:
        raise KeyError("no")

    with handled_by(requests, WriteOffRequest.Requested, fails):
        project(settings, drain=True)
        mongo_db["write-off-requests"].delete_one({"_id": "W1"})
        run_rebuilds([requests], store, mongo_db, Flag(), quiet, strict=False)
    found = mongo_db["write-off-requests"].find_one({"_id": "W1"})
    assert found is not None
    assert found["_faulted"]["empty"] is True


def test_a_refusal_after_a_crash_marks_the_event_that_is_not_in_the_document_yet(
    settings: Settings, mongo_db: Mongo, named: Servicing
) -> None:
    position = record(mongo_db)["position"]
    absorb(named, [rename("C1", "Bea", 2)])
    project(settings, drain=True)
    mongo_db[COLLECTION].update_one({"_id": "customers"}, {"$set": {"position": position}})
    only_names(mongo_db, "Ann", "Bob", "Bea")
    absorb(named, [rename("C1", "Unheard", 3)])
    project(settings, drain=True)
    assert customer(mongo_db, "C1")["firstName"] == "Bea"
    assert customer(mongo_db, "C1")["_faulted"]["cause"] == Cause.MONGO_REFUSED


def test_a_failed_step_clears_cached_documents_and_faults(
    mongo_db: Mongo, named: Servicing, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Projector(CUSTOMERS, named, mongo_db)
    absorb(named, [rename("C1", "Bad", 2)])

    def away(*_: Any) -> None:
        raise PyMongoError("away")

    with failing_at(CUSTOMERS, Customer.NameChanged, "Bad"), monkeypatch.context() as patched:
        patched.setattr(MongoTrackingRecorder, "set_aside", away)
        with pytest.raises(PyMongoError):
            engine.step()
    Projector(CUSTOMERS, named, mongo_db).step()  # Of a release that can.
    absorb(named, [rename("C1", "Later", 3)])
    engine.clear()
    engine.step()
    assert customer(mongo_db, "C1")["firstName"] == "Later"


def test_a_paused_runner_never_overwrites_a_fixed_document(
    mongo_db: Mongo, named: Servicing, monkeypatch: pytest.MonkeyPatch
) -> None:
    mongo_db["customers"].update_one({"_id": "C1"}, {"$set": {"dateOfBirth": "1900-01-01"}})
    absorb(named, [rename("C1", "Later", 3)])
    runner = Worker(Projector(CUSTOMERS, named, mongo_db), Lease(mongo_db, "customers", "slow"), quiet)
    fold = Folding.fold

    def stands_still(self: Folding, events: Any) -> None:
        fold(self, events)
        monkeypatch.setattr(Folding, "fold", fold)
        rebuild_document(CUSTOMERS, named, mongo_db, "C1", Flag())  # It takes the lease after six seconds.

    monkeypatch.setattr(Folding, "fold", stands_still)
    runner.step(1)
    assert "dateOfBirth" not in customer(mongo_db, "C1")
    while not runner.lease.held or runner.step(1) == 0:
        runner.step(1)
    assert customer(mongo_db, "C1")["firstName"] == "Later"
    assert "dateOfBirth" not in customer(mongo_db, "C1")


def test_a_paused_runner_with_a_loaded_record_never_overwrites_a_fixed_document(
    mongo_db: Mongo, named: Servicing, monkeypatch: pytest.MonkeyPatch
) -> None:
    mongo_db["customers"].update_one({"_id": "C1"}, {"$set": {"dateOfBirth": "1900-01-01"}})
    absorb(named, [rename("C1", "Newer", 3)])
    runner = Worker(Projector(CUSTOMERS, named, mongo_db), Lease(mongo_db, "customers", "slow"), quiet)
    runner.step(1)  # It has the document at hand now, as somebody edited it.
    absorb(named, [rename("C1", "Later", 4)])
    read = runner.projector.recorder.record

    def stands_still() -> dict[str, Any]:
        seen = read()
        monkeypatch.setattr(runner.projector.recorder, "record", read)
        rebuild_document(CUSTOMERS, named, mongo_db, "C1", Flag())  # It takes the lease after six seconds.
        return seen

    monkeypatch.setattr(runner.projector.recorder, "record", stands_still)
    runner.step(1)
    assert "dateOfBirth" not in customer(mongo_db, "C1")
    while not runner.lease.held or runner.step(1) == 0:
        runner.step(1)
    assert customer(mongo_db, "C1")["firstName"] == "Later"
    assert "dateOfBirth" not in customer(mongo_db, "C1")


@pytest.mark.parametrize("beyond", [True, False], ids=["beyond the position", "no record of the position"])
def test_verify_reports_documents_that_it_could_not_compare(
    mongo_db: Mongo, named: Servicing, beyond: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "_WAIT_S", 0.3)
    mongo_db["customers"].update_one({"_id": "C1"}, {"$set": {"firstName": "Wrong"}})
    if beyond:
        mongo_db["customers"].update_one({"_id": "C1"}, {"$set": {"_position": 10**6}})
    else:
        mongo_db[COLLECTION].delete_one({"_id": "customers"})
    (found,) = verified(named, mongo_db)
    assert (found.identifier, found.kind) == ("C1", Kind.UNDECIDED if beyond else Kind.DIFFERENT)


def test_documents_beyond_the_position_are_no_difference(
    settings: Settings, mongo_db: Mongo, named: Servicing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "_WAIT_S", 0.3)
    position = record(mongo_db)["position"]
    absorb(named, [rename("C1", "Bea", 2)])
    project(settings, drain=True)
    mongo_db[COLLECTION].update_one({"_id": "customers"}, {"$set": {"position": position}})
    assert verified(named, mongo_db) == []


def test_a_document_that_is_refused_again_stays_listed_and_the_others_are_fixed(
    settings: Settings, mongo_db: Mongo, named: Servicing
) -> None:
    only_names(mongo_db, "Ann", "Bob")
    absorb(named, [rename("C1", "Unheard", 2)])
    project(settings, drain=True)
    mongo_db["customers"].update_one({"_id": "C2"}, {"$set": {"lastName": "Edited"}})
    with pytest.raises(ProjectionFault, match="MongoDB refuses document C1"):
        rebuild_document(CUSTOMERS, named, mongo_db, "C1", Flag())
    checking = Verify(CUSTOMERS, named, mongo_db, Flag())
    assert len(list(checking.run(quiet, fix=True))) == 2
    assert checking.unfixed == 1
    assert customer(mongo_db, "C2")["lastName"] == "Case"
    assert "_faulted" in customer(mongo_db, "C1")
    assert [each["id"] for each in record(mongo_db)["setAside"]] == ["C1"]


def test_a_rebuild_that_is_not_strict_marks_what_mongo_refuses(
    settings: Settings, mongo_db: Mongo, named: Servicing
) -> None:
    only_names(mongo_db, "Ann", "Bob")
    absorb(named, [rename("C1", "Unheard", 2)])
    with pytest.raises(ProjectionFault, match="code 121"):
        run_rebuilds([CUSTOMERS], named, mongo_db, Flag(), quiet)
    run_rebuilds([CUSTOMERS], named, mongo_db, Flag(), quiet, strict=False)
    assert customer(mongo_db, "C1")["_faulted"]["cause"] == Cause.MONGO_REFUSED
    assert customer(mongo_db, "C2")["firstName"] == "Bob"
    assert [each["id"] for each in record(mongo_db)["setAside"]] == ["C1"]


def test_a_strict_rebuild_does_not_resume_one_that_set_documents_aside(
    settings: Settings, mongo_db: Mongo, store: Servicing, monkeypatch: pytest.MonkeyPatch
) -> None:
    absorb(store, [rename("C1", "Ann", 1), rename("C1", "Bad", 2)])
    absorb(store, [rename(f"D{number}", "Bob", 1) for number in range(30)])
    project(settings, drain=True)
    monkeypatch.setattr(rebuild, "_KEEP", 4)
    monkeypatch.setattr(rebuild, "_PAGE", 10)

    def dies_once_marked(_: Progress) -> None:
        if mongo_db["_rebuild.customers"].find_one({"_id": "C1", "_faulted": {"$exists": True}}):
            raise Killed

    with failing_at(CUSTOMERS, Customer.NameChanged, "Bad"), pytest.raises(Killed):
        run_rebuilds([CUSTOMERS], store, mongo_db, Flag(), dies_once_marked, strict=False)
    assert [each["id"] for each in record(mongo_db, "customers#rebuild")["setAside"]] == ["C1"]
    run_rebuilds([CUSTOMERS], store, mongo_db, Flag(), quiet, resume=True)
    assert customer(mongo_db, "C1")["firstName"] == "Bad"
    assert "_faulted" not in customer(mongo_db, "C1")


def test_a_deleted_record_is_created_again(mongo_db: Mongo, named: Servicing) -> None:
    runner = Worker(Projector(CUSTOMERS, named, mongo_db), Lease(mongo_db, "customers", "runner"), quiet)
    runner.step(1)
    mongo_db[COLLECTION].delete_one({"_id": "customers"})
    absorb(named, [rename("C1", "Bea", 2)])
    for _ in range(3):
        runner.step(1)
    assert customer(mongo_db, "C1")["firstName"] == "Bea"


@pytest.mark.parametrize("bad", [2**70, "\ud800", {1, 2}], ids=["int", "surrogate", "set"])
def test_a_value_that_bson_cannot_hold_sets_its_document_aside(
    settings: Settings, mongo_db: Mongo, store: Servicing, bad: Any
) -> None:
    well = CUSTOMERS._handlers[Customer.NameChanged]

    def ill(projection: Customers, document: dict[str, Any], event: Any) -> None:
        well(projection, document, event)
        if event.first_name == "Bad":
            document["lastName"] = bad

    messages: list[Step] = [rename("C1", "Ann", 1), rename("C1", "Bad", 2), rename("C2", "Bob", 1)]
    absorb(store, messages)
    with handled_by(CUSTOMERS, Customer.NameChanged, ill):
        project(settings, ["customers"], drain=True)
    assert customer(mongo_db, "C2")["firstName"] == "Bob"
    assert customer(mongo_db, "C1")["_faulted"]["cause"] == Cause.MONGO_REFUSED
