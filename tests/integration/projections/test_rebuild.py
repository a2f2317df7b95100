"""A rebuild beside the live collection: readers and the live projector go on, and the swap is whole."""

import logging
from collections import Counter
from threading import Event, Thread
from typing import Any

import bson
import pytest
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from app.event_store.application import Servicing
from app.operations.status.stores import read_models_state
from app.projections.engine.documents import CUT_OFF
from app.projections.engine.leases import StoppedError
from app.projections.engine.positions import COLLECTION
from app.projections.read_models.catalogue import all_projections
from app.projections.read_models.customers import Customers
from app.projections.rebuild import shadow
from app.projections.rebuild.differences import in_order
from app.projections.rebuild.one_document import rebuild_document
from app.projections.rebuild.outcome import Outcome, Progress
from app.projections.rebuild.run import RebuildRunsError, discard_rebuild, run_rebuilds
from app.projections.rebuild.shadow import Phase, record_id, take_over
from app.runtime.settings.settings import Settings
from tests.support.data.stored import live, store_backlog, stored_and_projected
from tests.support.roles import project, projecting
from tests.support.waiting import until

CUSTOMERS = Customers()

Mongo = Database[dict[str, Any]]


class Rebuilding:
    """Rebuilds from a test, one or more read models."""

    def __init__(self, settings: Settings, database: Mongo) -> None:
        self.projections = all_projections(settings)
        self.database = database
        self.servicing = Servicing.from_url(settings.event_store_url)
        self.stop = Event()
        self.seen: list[Progress] = []

    def run(self, *names: str, **how: Any) -> list[Outcome]:
        chosen = [self.projections[name] for name in names or self.projections]
        return run_rebuilds(chosen, self.servicing, self.database, self.stop, self.on_progress, **how)

    def on_progress(self, progress: Progress) -> None:
        self.seen.append(progress)


@pytest.fixture
def rebuilding(settings: Settings, mongo_db: Mongo) -> Any:
    rebuilding = Rebuilding(settings, mongo_db)
    yield rebuilding
    rebuilding.servicing.close()


def shape(database: Mongo, name: str) -> tuple[Any, ...]:
    """The validator and the indexes of a collection."""
    options = next(iter(database.list_collections(filter={"name": name})))["options"]
    return options.get("validator"), sorted(str(index["key"]) for index in database[name].list_indexes())


def test_a_rebuild_gives_the_same_documents_and_reports_its_result(
    settings: Settings, mongo_db: Mongo, rebuilding: Rebuilding
) -> None:
    newest = stored_and_projected(settings, mongo_db, 600)
    before, shaped = live(mongo_db), shape(mongo_db, "customers")
    mongo_db["customers"].update_many({}, {"$set": {"firstName": "Edited"}})
    mongo_db["customers"].insert_one({"_id": "nobody"})
    mongo_db["loan-accounts"].delete_many({})
    done = {each.projection: each for each in rebuilding.run()}
    assert live(mongo_db) == before
    assert shape(mongo_db, "customers") == shaped
    assert done["customers"].documents == len(before["customers"])
    assert {each.position for each in done.values()} == {newest}
    record = mongo_db[COLLECTION].find_one({"_id": "customers"})
    assert record is not None
    assert (record["position"], record["version"]) == (newest, CUSTOMERS.version)
    assert record["rebuilt"]["documents"] == len(before["customers"])
    assert not [name for name in mongo_db.list_collection_names() if name.startswith(shadow.PREFIX)]
    assert not list(mongo_db[COLLECTION].find({"_id": {"$regex": "#"}}))
    assert {each.phase for each in rebuilding.seen} == {Phase.FOLD, Phase.CATCH_UP, Phase.SWAP}


def test_a_dropped_collection_is_created_again_with_its_validator_and_indexes(
    settings: Settings, mongo_db: Mongo, rebuilding: Rebuilding
) -> None:
    stored_and_projected(settings, mongo_db, 300)
    before, shaped = live(mongo_db), shape(mongo_db, "customers")
    mongo_db.drop_collection("customers")
    rebuilding.run("customers")
    assert (live(mongo_db), shape(mongo_db, "customers")) == (before, shaped)


def test_a_rebuild_hides_no_document_and_the_live_projector_continues(
    settings: Settings, mongo_db: Mongo, rebuilding: Rebuilding
) -> None:
    stored_and_projected(settings, mongo_db, 600)
    known = {name: len(documents) for name, documents in live(mongo_db).items()}
    one = next(iter(live(mongo_db)["customers"]))
    stop, reads, fewer = Event(), Counter[str](), []

    def read() -> None:
        with MongoClient[dict[str, Any]](settings.mongo_url, tz_aware=True) as client:
            mine = client[mongo_db.name]
            while not stop.is_set():
                for name in ("customers", "conversations", "loan-accounts"):
                    if (count := _count(mine[name])) < known[name]:
                        fewer.append((name, count))
                    reads[name] += 1
                document = mine["customers"].find_one({"_id": one})
                if document is None or "fullName" not in document:
                    fewer.append(("one", 0))

    reader = Thread(target=read)
    reader.start()
    try:
        with projecting(settings):
            for seed in (2, 3):
                store_backlog(settings, 150, seed)
                rebuilding.run("customers", "conversations", "loan-accounts")
            newest = store_backlog(settings, 150, 4)
            until(lambda: all(_position(mongo_db, name) >= newest for name in all_projections(settings)))
    finally:
        stop.set()
        reader.join()
    assert fewer == []
    assert min(reads.values()) > 5
    after = live(mongo_db)
    rebuilding.run()
    assert live(mongo_db) == after


def _count(collection: Collection[dict[str, Any]]) -> int:
    """MongoDB ends a query that runs at the moment of a swap (``QueryPlanKilled``): it is repeated."""
    while True:
        try:
            return collection.count_documents({})
        except OperationFailure as error:
            if error.code not in CUT_OFF:
                raise


def test_a_pass_over_a_collection_goes_on_after_its_swap(mongo_db: Mongo) -> None:
    numbers = [f"{number:05}" for number in range(2_500)]
    for name in ("live", "shadow"):
        mongo_db[name].insert_many([{"_id": number, "of": name} for number in numbers])
    found = in_order(mongo_db["live"])
    seen = [next(found)]
    mongo_db["shadow"].rename("live", dropTarget=True)
    seen += found
    assert [identifier for identifier, _ in seen] == numbers
    assert bson.decode(seen[-1][1])["of"] == "shadow"


def test_a_stopped_rebuild_resumes_from_its_checkpoint(
    settings: Settings, mongo_db: Mongo, rebuilding: Rebuilding, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_and_projected(settings, mongo_db, 1_200)
    before = live(mongo_db)
    monkeypatch.setattr("app.projections.rebuild.run._PAGE", 500)

    def stop_at_half(progress: Progress) -> None:
        rebuilding.seen.append(progress)
        if progress.position * 2 > progress.newest:
            rebuilding.stop.set()

    rebuilding.on_progress = stop_at_half  # type: ignore[method-assign]
    with pytest.raises(StoppedError):
        rebuilding.run("conversations", "loan-accounts")
    assert live(mongo_db) == before
    kept = _position(mongo_db, record_id("conversations"))
    assert kept > 0
    rebuilding.stop.clear()
    rebuilding.on_progress = rebuilding.seen.append  # type: ignore[method-assign]
    rebuilding.seen.clear()
    rebuilding.run("conversations", "loan-accounts", resume=True)
    assert rebuilding.seen[0].position > kept
    assert live(mongo_db) == before


def test_the_status_shows_a_rebuild_while_it_runs(
    settings: Settings, mongo_db: Mongo, rebuilding: Rebuilding, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = stored_and_projected(settings, mongo_db, 600)
    monkeypatch.setattr("app.projections.rebuild.rebuild._SAY_EVERY_S", 0.0)
    shown = []

    def look(_: Progress) -> None:
        (customers,) = [each for each in read_models_state(mongo_db).projections if each.name == "customers"]
        shown.append(customers.rebuild)

    rebuilding.on_progress = look  # type: ignore[method-assign]
    rebuilding.run("customers")
    running = [each for each in shown if each is not None]
    assert {each.phase for each in running} >= {"fold", "catch_up"}
    assert running[-1].position == newest
    assert str(running[-1].run_by).startswith("rebuild on")
    (after,) = [each for each in read_models_state(mongo_db).projections if each.name == "customers"]
    assert after.rebuild is None


def test_an_unfinished_rebuild_can_be_discarded(
    settings: Settings, mongo_db: Mongo, rebuilding: Rebuilding
) -> None:
    stored_and_projected(settings, mongo_db, 300)
    rebuilding.stop.set()
    with pytest.raises(StoppedError):
        rebuilding.run("customers")
    rebuilding.stop.clear()
    customers = rebuilding.projections["customers"]
    mongo_db[COLLECTION].update_one({"_id": record_id("customers")}, {"$set": {"phase": "fold"}}, upsert=True)
    assert discard_rebuild(customers, mongo_db, rebuilding.stop)
    assert not discard_rebuild(customers, mongo_db, rebuilding.stop)
    assert not [name for name in mongo_db.list_collection_names() if name.startswith(shadow.PREFIX)]


def test_a_second_rebuild_names_the_worker_of_the_first(
    settings: Settings, mongo_db: Mongo, rebuilding: Rebuilding
) -> None:
    stored_and_projected(settings, mongo_db, 300)
    second = Rebuilding(settings, mongo_db)
    refusals: list[str] = []

    def ask_too(progress: Progress) -> None:
        if not refusals:
            refusals.append("")
            with pytest.raises(RebuildRunsError, match=r"being rebuilt already.*by rebuild on .*process"):
                second.run("customers")
            refusals[0] = "refused"

    rebuilding.on_progress = ask_too  # type: ignore[method-assign]
    rebuilding.run("customers")
    second.servicing.close()
    assert refusals == ["refused"]


@pytest.mark.parametrize("renamed", [False, True])
def test_an_interrupted_swap_is_finished_by_the_next_runner(
    settings: Settings,
    mongo_db: Mongo,
    rebuilding: Rebuilding,
    renamed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    newest = stored_and_projected(settings, mongo_db, 600)
    before, shaped = live(mongo_db), shape(mongo_db, "loan-accounts")
    mongo_db["loan-accounts"].update_many({}, {"$set": {"customerName": "Edited"}})

    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        if renamed:
            take_over(mongo_db, rebuilding.projections["loan-accounts"], {})
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("app.projections.rebuild.shadow.take_over", killed)
        with pytest.raises(Killed):
            rebuilding.run("loan-accounts")
    assert _record(mongo_db)["phase"] == Phase.SWAP
    project(settings, drain=True)
    assert live(mongo_db) == before
    assert shape(mongo_db, "loan-accounts") == shaped
    assert _position(mongo_db, "loan-accounts") == newest
    assert _record(mongo_db) == {}


def test_one_document_is_rebuilt_in_its_place(
    settings: Settings, mongo_db: Mongo, rebuilding: Rebuilding, caplog: pytest.LogCaptureFixture
) -> None:
    stored_and_projected(settings, mongo_db, 600)
    before = live(mongo_db)
    account = next(iter(before["loan-accounts"]))
    mongo_db["loan-accounts"].update_one({"_id": account}, {"$unset": {"loanTerms": "", "customerName": ""}})
    mongo_db["loan-accounts"].insert_one({"_id": "ghost"})
    projection = rebuilding.projections["loan-accounts"]
    with caplog.at_level(logging.INFO), projecting(settings):
        until(lambda: _lease(mongo_db, "loan-accounts").startswith("project on"))
        for identifier, there in ((account, True), ("ghost", False)):
            done = rebuild_document(projection, rebuilding.servicing, mongo_db, identifier, rebuilding.stop)
            assert done is there
    assert live(mongo_db) == before
    assert "the lease goes to rebuild on" in caplog.text


def test_a_rebuild_by_another_version_of_the_projection_starts_again(
    settings: Settings, mongo_db: Mongo, rebuilding: Rebuilding
) -> None:
    stored_and_projected(settings, mongo_db, 300)
    mongo_db[COLLECTION].insert_one(
        {"_id": record_id("customers"), "position": 10**6, "phase": "fold", "version": 99, "events": 1}
    )
    assert rebuilding.run("customers", resume=True)[0].documents == mongo_db["customers"].count_documents({})


def _position(database: Mongo, identifier: str) -> int:
    record = database[COLLECTION].find_one({"_id": identifier}) or {}
    return int(record.get("position", 0))


def _lease(database: Mongo, identifier: str) -> str:
    record = database[COLLECTION].find_one({"_id": identifier}) or {}
    return record.get("lease", {}).get("owner") or ""


def _record(database: Mongo) -> dict[str, Any]:
    return database[COLLECTION].find_one({"_id": record_id("loan-accounts")}) or {}
