"""Contract messages.md, Chat: what entries say beside their payload, and free-form data of any shape."""

from itertools import permutations
from threading import Event
from typing import Any

import pytest

from app.aggregates import Conversation
from app.event_store.application import Servicing
from app.ingestion.stream.apply import apply_messages
from app.projections.engine.projection import Projection
from app.projections.engine.projector import Projector
from app.projections.read_models.conversations.read_model import Conversations
from app.projections.read_models.customers import Customers
from tests.support.data.mock_mongo import Database
from tests.unit.ingestion.entries import message

CUSTOMERS = Customers()

Entry = dict[str, Any]


def documents(*entries: Entry) -> dict[str, dict[str, Any]]:
    """What the entries come to, in this order: the conversation V1 and the customer C1."""
    servicing, database = Servicing.in_memory(), Database()
    apply_messages(
        servicing,
        [message({"id": f"e{at}", "cid": "V1"} | entry) for at, entry in enumerate(entries)],
        Event(),
    )
    found = {}
    for projection, name in ((Conversations(), "V1"), (CUSTOMERS, "C1")):
        _fold(projection, servicing, database)
        found[name] = database[projection.name].find_one({"_id": name}) or {}
    return found


def _fold(projection: Projection, servicing: Servicing, database: Database) -> None:
    engine = Projector(projection, servicing, database)  # type: ignore[arg-type]
    while engine.step():
        pass


SAID = {"typ": "user_input", "usr": "C1", "app_number": "A1", "dat": {"utterance": "Hello"}}


@pytest.mark.parametrize(
    "entry",
    [
        SAID,
        {"typ": "assistant_response", "dat": {"utterance": "Hello"}},
        {"typ": "fraudCheck_assessment", "dat": {"score": 1}},
        {"typ": "noticeboard_post", "dat": {"post": "Seen"}},
        {"typ": "final_decision", "dat": {"decision": "APPROVED"}},
        {"typ": "conversation_summary", "dat": {"purpose": "A car"}},
    ],
)
def test_an_entry_names_the_customer_of_its_conversation(entry: Entry) -> None:
    chat = documents(entry | {"usr": "C1", "app_number": "A1"})["V1"]
    assert (chat.get("customerId"), chat.get("applicationNumber")) == ("C1", "A1")


def test_a_report_of_the_participants_overrides_passing_mentions() -> None:
    started = {"typ": "conversation_started", "usr": "C2", "timestamp": "2026-03-01T08:00:00Z"}
    said = SAID | {"timestamp": "2026-03-01T09:00:00Z"}
    for order in permutations((started, said)):
        chat = documents(*order)["V1"]
        assert (chat["customerId"], chat["applicationNumber"]) == ("C2", "A1")


def test_the_newest_passing_mention_wins_in_any_order() -> None:
    """A guest signs in, say."""
    said = [
        SAID | {"usr": customer, "timestamp": f"2026-03-01T09:0{minute}:00Z"}
        for minute, customer in enumerate(("C3", "C4", "C3", "C5"))
    ]
    for order in permutations(said):
        assert documents(*order)["V1"]["customerId"] == "C5"


def test_after_a_report_passing_mentions_are_ignored() -> None:
    servicing = Servicing.in_memory()
    started = {"typ": "conversation_started", "id": "e9", "cid": "V1", "usr": "C1", "app_number": "A1"}
    said = [SAID | {"id": f"e{at}", "cid": "V1", "timestamp": f"2026-03-01T09:0{at}:00Z"} for at in range(3)]
    apply_messages(servicing, [message(each) for each in (started, *said)], Event())
    value = [type(each).__name__ for each in servicing.events.get(Conversation.id_of("V1"))]
    assert value == ["Registered", "Started", *["UtteranceAdded"] * 3]


def changed(**data: Any) -> Entry:
    return {"typ": "applicationDetail_changed", "dat": data}


def test_applicant_is_no_application_data() -> None:
    found = documents(
        changed(customer={"customer_id": "C1", "firstName": "Ann", "pet": "cat"}, purpose="A car")
    )
    assert found["V1"]["applicationData"] == {"purpose": "A car"}
    assert found["C1"]["firstName"] == "Ann"


def test_an_applicant_without_an_id_reports_on_nobody() -> None:
    found = documents(changed(customer={"first_name": "Ann"}, purpose="A car"))
    assert found["V1"]["applicationData"] == {"purpose": "A car"}
    assert found["C1"] == {}


@pytest.mark.parametrize("name", ["customer_id", "customerId"])
def test_the_applicants_id_may_be_beside_their_details(name: str) -> None:
    found = documents(changed(customer={"first_name": "Ann"}, **{name: "C1"}))
    assert (found["C1"].get("firstName"), found["V1"].get("customerId")) == ("Ann", "C1")


@pytest.mark.parametrize("value", [{"id": "C1"}, ["C1"], True, "C" * 201])
def test_an_invalid_id_beside_the_applicant_is_dropped(value: Any) -> None:
    entry = changed(customer_id=value, purpose="A car") | {"id": "e1", "cid": "V1"}
    assert message(entry).unreadable == ["customer_id"]
    assert "customerId" not in documents(entry)["V1"]


@pytest.mark.parametrize("name", ["created_at", "timestamp", "changed_at"])
def test_application_data_with_a_times_name_may_be_text(name: str) -> None:
    chat = documents(changed(**{name: "last week", "purpose": "A car"}))["V1"]
    assert chat["applicationData"] == {name: "last week", "purpose": "A car"}


def test_the_class_name_is_removed_from_an_answer_type() -> None:
    said = {
        "typ": "assistant_response",
        "dat": {"utterance": "Yes?", "answer_input_type": "AnswerInputType.TEXT"},
    }
    assert documents(said)["V1"]["utterances"][0]["answerInputType"] == "TEXT"


def test_empty_texts_are_absent_in_lists_too() -> None:
    summary = {"typ": "conversation_summary", "dat": {"facts": ["", "has a job", None]}}
    assert documents(summary)["V1"]["facts"] == ["has a job"]
