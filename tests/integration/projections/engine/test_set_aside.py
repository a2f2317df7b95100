"""A document that cannot follow an event is set aside: the rest go on, and it can be healed."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Flag
from typing import Any

import httpx
import pytest
from pymongo.database import Database

from app.aggregates import Actor, ContactNote, Conversation, Customer, LoanAccount
from app.aggregates.contact_note import facts_of
from app.api.auth.development_tokens import issue_token
from app.event_store.application import Servicing
from app.projections.engine.faults import Cause, ProjectionFault
from app.projections.engine.positions import COLLECTION
from app.projections.engine.projection import Event, Projection
from app.projections.engine.projector import Projector
from app.projections.read_models.catalogue import all_projections
from app.projections.read_models.contact_notes import ContactNotes
from app.projections.read_models.customers import Customers
from app.projections.rebuild.run import run_rebuilds
from app.runtime.settings.settings import Settings
from tests.support.api.serving import serving
from tests.support.commands import Billie
from tests.support.data.given import Step, absorb, message
from tests.support.data.handlers import handled_by
from tests.support.data.projecting import On
from tests.support.roles import project, projecting
from tests.support.waiting import until

CONTACT_NOTES = ContactNotes()

CUSTOMERS = Customers()

Mongo = Database[dict[str, Any]]


def rename(customer: str, name: str, minute: int) -> Step:
    source = message(f"{customer}-{name}", at=minute)
    return Step(Customer, customer, "report_details", source, {"first_name": name, "last_name": "Case"})


@contextmanager
def failing_at(projection: Projection, event_class: type[Event], name: str) -> Iterator[None]:
    """A release whose handler fails at one name, after it has changed half of the document."""
    well = projection._handlers[event_class]

    def ill(projection: Projection, document: dict[str, Any], event: Any) -> None:
        if event.first_name == name:
            document["firstName"] = "half"
            raise ValueError(f"cannot do with {name}")
        well(projection, document, event)

    with handled_by(projection, event_class, ill):
        yield


def customer(database: Mongo, identifier: str) -> dict[str, Any]:
    return database["customers"].find_one({"_id": identifier}) or {}


def test_other_documents_continue_and_its_later_events_wait(
    settings: Settings, mongo_db: Mongo, store: Servicing, caplog: pytest.LogCaptureFixture
) -> None:
    absorb(store, [rename("C1", "Ann", 1), rename("C2", "Bob", 1)])
    project(settings, drain=True)
    with failing_at(CUSTOMERS, Customer.NameChanged, "Bad"):
        absorb(store, [rename("C1", "Bad", 2), rename("C2", "Bea", 2), rename("C1", "Later", 3)])
        project(settings, drain=True)
        absorb(store, [rename("C1", "Last", 4), rename("C2", "Bess", 4)])
        project(settings, drain=True)
    assert customer(mongo_db, "C1")["firstName"] == "Ann"
    assert customer(mongo_db, "C2")["firstName"] == "Bess"
    fault = customer(mongo_db, "C1")["_faulted"]
    assert fault["cause"] == Cause.EVOLVE_FAILED
    assert fault["event"] == "Customer.NameChanged"
    assert fault["error"].startswith("ValueError at test_set_aside.py:")
    assert "cannot do with" not in caplog.text  # It may quote what nobody should read.
    assert "document C1 is set aside" in caplog.text
    (listed,) = mongo_db[COLLECTION].find_one({"_id": "customers"})["setAside"]  # type: ignore[index]
    assert (listed["id"], listed["position"]) == ("C1", fault["position"])


def test_a_fix_heals_a_document_beside_a_running_projector(
    settings: Settings, mongo_db: Mongo, store: Servicing, billie: Billie
) -> None:
    with failing_at(CUSTOMERS, Customer.NameChanged, "Bad"):
        absorb(store, [rename("C1", "Bad", 2), rename("C1", "Later", 3)])
        project(settings, drain=True)
    assert customer(mongo_db, "C1")["_faulted"]["empty"] is False  # It was registered before.
    ended = billie.end("status")
    assert "1 document of customers set aside" in ended.stdout
    with projecting(settings):
        assert "C1 rebuilt" in billie.run("rebuild", "customers", "--id", "C1")
        absorb(store, [rename("C1", "Last", 4)])
        until(lambda: customer(mongo_db, "C1").get("firstName") == "Last")
    assert "_faulted" not in customer(mongo_db, "C1")
    assert "set aside" not in billie.end("status").stdout
    project(settings, drain=True)
    output = billie.run("verify")
    assert "no differences" in output
    assert "behind" not in output
    absorb(store, [rename("C1", "Nobody projects this", 5)])
    assert "customers is 1 position behind what was stored" in billie.run("verify", "customers")


def test_a_document_that_mongodb_refuses_ends_each_command_with_a_sentence(
    settings: Settings, mongo_db: Mongo, store: Servicing, billie: Billie
) -> None:
    """The reports that an account's document keeps outgrow 16 MiB; another account goes on."""
    absorb(store, [On(LoanAccount, "L2").open(customer_id="C1")])
    for number in range(72):
        news = {"payment_number": number, "linked_transaction_ids": ["x" * 240_000]}
        absorb(store, [On(LoanAccount, "L1").update_schedule(at=number, payments=[news])])
    project(settings, ["loan-accounts"], drain=True)
    assert mongo_db["loan-accounts"].find_one({"_id": "L1"}, {"_faulted": 1})["_faulted"]  # type: ignore[index]
    assert mongo_db["loan-accounts"].find_one({"_id": "L2"}, {"_faulted": 1}) == {"_id": "L2"}
    for command in (("rebuild", "loan-accounts", "--id", "L1"), ("verify", "loan-accounts", "--fix")):
        ended = billie.end(*command)
        assert ended.returncode == 1
        assert "MongoDB refuses document L1 of loan-accounts (" in ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_chat_with_application_data_beyond_its_bound_follows_and_is_healed(
    settings: Settings, mongo_db: Mongo, store: Servicing, billie: Billie
) -> None:
    chat = On(Conversation, "V1")
    for number in range(80):
        data = {f"payslip{number}": "x" * 240_000}
        absorb(store, [chat.change_application(at=number, application_data=data)])
    absorb(store, [chat.decide(at=90, decision="APPROVED", details={})])
    project(settings, ["conversations"], drain=True)
    found = mongo_db["conversations"].find_one({"_id": "V1"}) or {}
    assert (found["cutParts"], found["finalDecision"]) == (["applicationData"], "APPROVED")
    mongo_db["conversations"].update_one({"_id": "V1"}, {"$unset": {"applicationData.payslip79": ""}})
    assert "1 document corrected" in billie.run("verify", "conversations", "--fix")
    assert mongo_db["conversations"].find_one({"_id": "V1"}) == found
    assert "V1 rebuilt" in billie.run("rebuild", "conversations", "--id", "V1")
    assert mongo_db["conversations"].find_one({"_id": "V1"}) == found


def test_verify_reports_and_fixes_documents_set_aside(
    settings: Settings, mongo_db: Mongo, store: Servicing, billie: Billie
) -> None:
    absorb(store, [rename("C1", "Ann", 1)])
    with failing_at(CUSTOMERS, Customer.NameChanged, "Bad"):
        absorb(store, [rename("C1", "Bad", 2)])
        project(settings, drain=True)
    ended = billie.end("verify", "customers")
    assert ended.returncode == 1
    assert "customers C1: set aside" in ended.stdout
    assert "1 document corrected" in billie.run("verify", "customers", "--fix")
    assert customer(mongo_db, "C1")["firstName"] == "Bad"


def test_a_strict_projection_stalls_and_writes_none_of_the_batch(
    settings: Settings, mongo_db: Mongo, store: Servicing
) -> None:
    absorb(store, [rename("C1", "Bad", 2), rename("C2", "Bob", 2)])
    with failing_at(CUSTOMERS, Customer.NameChanged, "Bad"), pytest.raises(ProjectionFault) as stood:
        project(settings, ["customers"], drain=True, strict=True)
    assert stood.value.cause == Cause.EVOLVE_FAILED
    assert mongo_db["customers"].count_documents({}) == 0
    still = mongo_db[COLLECTION].find_one({"_id": "customers"})["standstill"]  # type: ignore[index]
    assert (still["cause"], still["event"]) == ("evolve_failed", "Customer.NameChanged")
    assert still["position"] == stood.value.position
    project(settings, ["customers"], drain=True)
    assert "standstill" not in (mongo_db[COLLECTION].find_one({"_id": "customers"}) or {})


def test_a_rebuild_stops_at_a_failing_document_or_sets_it_aside(
    settings: Settings, mongo_db: Mongo, store: Servicing
) -> None:
    absorb(store, [rename("C1", "Ann", 1), rename("C1", "Bad", 2), rename("C2", "Bob", 2)])
    project(settings, drain=True)
    chosen = [all_projections(settings)["customers"]]
    with failing_at(chosen[0], Customer.NameChanged, "Bad"):
        with pytest.raises(ProjectionFault, match=r"cannot fold Customer\.NameChanged at position 3"):
            run_rebuilds(chosen, store, mongo_db, Flag(), lambda _: None)
        assert customer(mongo_db, "C1")["firstName"] == "Bad"
        run_rebuilds(chosen, store, mongo_db, Flag(), lambda _: None, strict=False)
    assert customer(mongo_db, "C1")["firstName"] == "Ann"
    assert customer(mongo_db, "C1")["_faulted"]["position"] == 3
    assert customer(mongo_db, "C2")["firstName"] == "Bob"
    (listed,) = mongo_db[COLLECTION].find_one({"_id": "customers"})["setAside"]  # type: ignore[index]
    assert listed["id"] == "C1"


def test_a_bare_mark_is_not_served_and_a_stale_document_is_marked(
    settings: Settings, mongo_db: Mongo, store: Servicing
) -> None:
    absorb(store, [rename("C1", "Ann", 1)])
    unit, written = store.unit_of_work(), message("written", at=1)
    facts = {"note_type": "complaint", "subject": "A fee", "content": "It is wrong."}
    facts |= {"priority": "normal", "sentiment": "neutral"}
    author = Actor("ann", None, "operations")
    unit.obtain(ContactNote, "N1", written).write(written, author=author, **facts_of("C1", facts))
    unit.commit()
    with (
        failing_at(CUSTOMERS, Customer.NameChanged, "Bad"),
        handled_by(CONTACT_NOTES, ContactNote.Written, _raise),
    ):
        absorb(store, [rename("C1", "Bad", 2)])
        project(settings, drain=True)
    headers = {"Authorization": f"Bearer {issue_token(settings, 'ann', 'readonly')}"}
    with serving(settings) as url, httpx.Client(base_url=url, headers=headers) as client:
        stale = client.get("/v1/customers/C1")
        bare = client.get("/v1/notes/N1")
        listed = client.get("/v1/notes")
    assert stale.json()["firstName"] == "Ann"
    assert int(stale.headers["Billie-Stale-Since-Position"]) > 0
    assert (bare.status_code, bare.json()["code"]) == (503, "document_set_aside")
    assert listed.json()["items"] == []


def test_a_document_that_mongo_refuses_is_set_aside_too(
    settings: Settings, mongo_db: Mongo, store: Servicing
) -> None:
    absorb(store, [rename("C1", "Ann", 1), rename("C2", "Bob", 1)])
    project(settings, drain=True)
    schema = {"bsonType": "object", "properties": {"firstName": {"enum": ["Ann", "Bob", "Bea"]}}}
    mongo_db.command("collMod", "customers", validator={"$jsonSchema": schema})
    absorb(store, [rename("C1", "Unheard", 2), rename("C2", "Bea", 2)])
    project(settings, drain=True)
    assert customer(mongo_db, "C1")["firstName"] == "Ann"
    assert customer(mongo_db, "C1")["_faulted"]["cause"] == Cause.MONGO_REFUSED
    assert customer(mongo_db, "C2")["firstName"] == "Bea"


def test_a_document_that_violates_a_foreign_unique_index_is_set_aside_and_named(
    settings: Settings, mongo_db: Mongo, store: Servicing, caplog: pytest.LogCaptureFixture
) -> None:
    mongo_db["customers"].create_index("fullName", name="theirs", unique=True)
    absorb(store, [rename("C1", "Ann", 1), rename("C2", "Bob", 1)])
    project(settings, drain=True)
    absorb(store, [rename("C3", "Ann", 2), rename("C2", "Ann", 2), rename("C4", "Eve", 2)])
    project(settings, drain=True)
    assert customer(mongo_db, "C1")["firstName"] == "Ann"
    assert customer(mongo_db, "C4")["firstName"] == "Eve"
    assert customer(mongo_db, "C2")["firstName"] == "Bob"
    for identifier in ("C2", "C3"):
        fault = customer(mongo_db, identifier)["_faulted"]
        assert fault["cause"] == Cause.MONGO_REFUSED
        assert fault["error"] == "MongoDB refused it: code 11000: another document has its fullName"
        assert f"document {identifier} is set aside" in caplog.text
    listed = mongo_db[COLLECTION].find_one({"_id": "customers"})["setAside"]  # type: ignore[index]
    assert {each["id"] for each in listed} == {"C2", "C3"}
    chosen = [all_projections(settings)["customers"]]
    with pytest.raises(ProjectionFault, match="code 11000"):
        run_rebuilds(chosen, store, mongo_db, Flag(), lambda _: None)
    mongo_db["customers"].drop_index("theirs")
    run_rebuilds(chosen, store, mongo_db, Flag(), lambda _: None)
    assert customer(mongo_db, "C2")["firstName"] == customer(mongo_db, "C3")["firstName"] == "Ann"


def test_an_unknown_event_type_is_not_passed_over(
    settings: Settings, mongo_db: Mongo, store: Servicing, monkeypatch: pytest.MonkeyPatch
) -> None:
    absorb(store, [rename("C1", "Ann", 1)])
    monkeypatch.setattr("app.projections.engine.reading.known_topics", frozenset)
    accounts = all_projections(settings)["loan-accounts"]
    with pytest.raises(ProjectionFault, match="does not know the event type") as stood:
        Projector(accounts, store, mongo_db).step()
    assert stood.value.cause == Cause.EVENT_TYPE_UNKNOWN


def test_an_unreadable_event_stalls_its_projection_and_is_named(
    settings: Settings, mongo_db: Mongo, store: Servicing, monkeypatch: pytest.MonkeyPatch
) -> None:
    absorb(store, [rename("C1", "Ann", 1)])
    monkeypatch.setattr(type(store.mapper), "to_domain_event", _raise)
    with pytest.raises(ProjectionFault, match=r"cannot read Customer\.Registered at position 1") as stood:
        Projector(CUSTOMERS, store, mongo_db).step()
    assert (stood.value.cause, stood.value.position) == (Cause.EVENT_UNREADABLE, 1)


def _raise(*_: Any) -> None:
    raise KeyError("no")
