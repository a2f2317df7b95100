"""What MongoDB refuses stops one projection, is said without quoting it, and leaves the others going."""

import logging
from threading import Event, Timer
from typing import Any

import pytest
from pymongo.database import Database

from app.aggregates import Conversation, Customer, WriteOffRequest
from app.event_store.application import Servicing
from app.projections.engine.documents import DocumentCache, MongoDocumentStore
from app.projections.engine.faults import ProjectionFault
from app.projections.engine.positions import COLLECTION
from app.projections.engine.projector import Projector
from app.projections.worker import Worker
from app.runtime.settings.settings import Settings
from tests.support.data.given import ask_write_off, message, minute
from tests.support.roles import project
from tests.support.servers.event_stores import NewStore


def store_customer(settings: Settings) -> None:
    """A customer, a long chat and a write-off request."""
    servicing = Servicing.from_url(settings.event_store_url)
    unit = servicing.unit_of_work()
    first = message("first")
    unit.obtain(Customer, "C1", first).report_details(first, first_name="Secretive")
    for number in range(75):
        source, text = message(f"u{number}"), f"{number} " + "x" * 240_000
        said = {"username": "customer", "utterance": text, "created_at": minute(number)}
        unit.obtain(Conversation, "V1", source).add_utterance(source, **said)
    ask_write_off(unit.obtain(WriteOffRequest, "W1", first), first)
    unit.commit()
    servicing.close()


def test_a_chat_beyond_what_a_document_holds_keeps_the_newest_and_true_counts(
    settings: Settings, mongo_db: Database[dict[str, Any]]
) -> None:
    store_customer(settings)
    project(settings, drain=True)
    document = mongo_db["conversations"].find_one({"_id": "V1"})
    assert document is not None
    assert document["utteranceCount"] == 75
    assert [item["utterance"].split()[0] for item in document["utterances"]] == [
        str(number) for number in range(75 - len(document["utterances"]), 75)
    ]
    assert len(document["utterances"]) > 15


def test_a_document_that_mongo_refuses_stops_only_its_own_projection_where_that_is_strict(
    settings: Settings, mongo_db: Database[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    store_customer(settings)
    schema = {"bsonType": "object", "properties": {"firstName": {"bsonType": "int"}}}
    mongo_db.create_collection("customers", validator={"$jsonSchema": schema})
    with caplog.at_level(logging.INFO), pytest.raises(ProjectionFault, match=r"'C1' \(code 121\)"):
        project(settings, drain=True, strict=True, stop=Event())
    assert mongo_db["customers"].count_documents({}) == 0
    assert mongo_db["write-off-requests"].count_documents({}) == 1
    assert "the others go on" in caplog.text
    assert "Secretive" not in caplog.text
    mongo_db.command("collMod", "customers", validator={})
    project(settings, drain=True)
    assert mongo_db["customers"].count_documents({}) == 1


def test_an_internal_error_in_a_step_stalls_its_projection_and_no_other(
    settings: Settings,
    mongo_db: Database[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store_customer(settings)
    fold = Projector._fold

    def fails(self: Projector, *where: Any) -> int:
        if self.projection.name == "customers":
            msg = "of Secretive"
            raise TypeError(msg)
        return fold(self, *where)

    with monkeypatch.context() as patched:
        patched.setattr(Projector, "_fold", fails)
        with pytest.raises(ProjectionFault, match=r"a bug: TypeError at test_projector\.py"):
            project(settings, drain=True)
    record = mongo_db[COLLECTION].find_one({"_id": "customers"}) or {}
    assert record["standstill"]["cause"] == "unforeseen"
    assert mongo_db["write-off-requests"].count_documents({}) == 1
    assert "Secretive" not in caplog.text
    project(settings, drain=True)
    assert mongo_db["customers"].count_documents({}) == 1
    assert "standstill" not in (mongo_db[COLLECTION].find_one({"_id": "customers"}) or {})


def test_an_internal_error_ends_all_projections_and_releases_their_leases(
    settings: Settings,
    mongo_db: Database[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    step = Worker.step

    def fails_once_it_has_its_lease(self: Worker, idle_s: float) -> float:
        if self.name == "customers" and self.lease.held:
            msg = "of Secretive"
            raise TypeError(msg)
        return step(self, idle_s)

    monkeypatch.setattr(Worker, "step", fails_once_it_has_its_lease)
    stop, timed_out = Event(), Event()
    late = Timer(20, lambda: (timed_out.set(), stop.set()))
    late.start()
    with pytest.raises(TypeError):
        project(settings, stop=stop)
    late.cancel()
    assert not timed_out.is_set(), "the others end too"
    records = mongo_db[COLLECTION].find({"lease": {"$exists": True}})
    owners = {each["_id"]: each["lease"]["owner"] for each in records}
    assert "customers" in owners
    assert set(owners.values()) == {None}
    assert "customers: a bug ends this process: TypeError at test_projector.py" in caplog.text
    assert "Secretive" not in caplog.text


def test_documents_of_another_event_store_are_unchanged(
    settings: Settings, mongo_db: Database[dict[str, Any]], new_store: NewStore
) -> None:
    store_customer(settings)
    project(settings, drain=True)
    other = settings.model_copy(update={"event_store_url": new_store()})
    with pytest.raises(ProjectionFault, match="not the store that the documents came from"):
        project(other, drain=True)
    assert mongo_db["customers"].count_documents({}) == 1


@pytest.mark.parametrize(("there", "stays"), [(3, 5), (9, 9)])
def test_concurrently_written_documents_are_replaced_by_newer_ones_only(
    mongo_db: Database[dict[str, Any]], there: int, stays: int
) -> None:
    cache = DocumentCache(MongoDocumentStore(mongo_db["some"]), 10)
    cache.load(["theirs", "ours"])
    mongo_db["some"].insert_one({"_id": "theirs", "_position": there})
    for name in ("theirs", "ours"):
        cache.put(name, {}, 5)
    cache.write()
    found = {document["_id"]: document["_position"] for document in mongo_db["some"].find()}
    assert found == {"theirs": stays, "ours": 5}
