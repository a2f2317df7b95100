"""The rules of contract collections.md, section "contact-notes"."""

from typing import Any

import pytest

from app.aggregates import ContactNote
from app.aggregates.contact_note import (
    AlreadyAmendedError,
    AlreadyWrittenError,
    NoteType,
    facts_of,
    note_id_of,
)
from app.projections.read_models.contact_notes import ContactNotes
from tests.support.api.notes import ANN, BOB
from tests.support.data.given import fold, message, minute, names

CONTACT_NOTES = ContactNotes()

CONTENT: dict[str, Any] = {
    "note_type": "complaint",
    "subject": "The fee",
    "content": "Says that the fee is wrong.\n\n- twice\n",
    "priority": "high",
    "sentiment": "negative",
    "contact_direction": "inbound",
    "loan_account_id": "L1",
    "conversation_id": None,
}


def note_of(name: str, **content: Any) -> ContactNote:
    source = message(f"{name}/written", at=1)
    note = ContactNote.register(name, source)
    if content:
        note.write(source, author=ANN, **facts_of("C1", content))
    return note


def amended(note: ContactNote, name: str, **content: Any) -> ContactNote:
    by = note_of(name)
    note.amend(message(f"{name}/written", at=2), by=by, author=BOB, **content)
    return by


def test_a_note_is_as_it_was_written() -> None:
    note = note_of("N1", **CONTENT)
    assert fold(CONTACT_NOTES, note) == {
        "customerId": "C1",
        "noteType": "complaint",
        "subject": "The fee",
        "content": "Says that the fee is wrong.\n\n- twice\n",
        "priority": "high",
        "sentiment": "negative",
        "contactDirection": "inbound",
        "loanAccountId": "L1",
        "createdBy": {"id": "ann", "name": "Ann Lee"},
        "createdAt": minute(1),
        "status": "active",
    }


def test_an_amendment_is_a_new_note_and_the_old_one_stays() -> None:
    note = note_of("N1", **CONTENT)
    before = fold(CONTACT_NOTES, note)
    newer = amended(note, "N2", content="The fee was right.", sentiment="neutral")
    assert before is not None
    assert fold(CONTACT_NOTES, note) == before | {"status": "amended", "amendedByNoteId": "N2"}
    assert fold(CONTACT_NOTES, newer) == before | {
        "content": "The fee was right.",
        "sentiment": "neutral",
        "createdBy": {"id": "bob"},
        "createdAt": minute(2),
        "amendsNoteId": "N1",
    }


def test_only_the_newest_of_a_chain_can_be_amended() -> None:
    note = note_of("N1", **CONTENT)
    newer = amended(note, "N2", content="two")
    with pytest.raises(AlreadyAmendedError) as refused:
        amended(note, "N3", content="three")
    assert refused.value.by_note_id == "N2"
    assert names(note) == ["Written", "Amended"]
    amended(newer, "N3", content="three")
    document = fold(CONTACT_NOTES, newer)
    assert document is not None
    assert (document["amendsNoteId"], document["amendedByNoteId"]) == ("N1", "N3")


def test_a_note_is_written_once() -> None:
    note, other = note_of("N1", **CONTENT), note_of("N2", **CONTENT)
    with pytest.raises(AlreadyWrittenError):
        note.write(message("again"), author=ANN, **facts_of("C2", CONTENT))
    with pytest.raises(AlreadyWrittenError):
        other.amend(message("again"), by=note, author=BOB, content="three")
    assert names(note) == names(other) == ["Written"]


@pytest.mark.parametrize(
    ("note_type", "direction"),
    [
        ("phone_inbound", "inbound"),
        ("phone_outbound", "outbound"),
        ("email_inbound", "inbound"),
        ("email_outbound", "outbound"),
        ("sms", None),
        ("internal_note", None),
    ],
)
def test_the_type_implies_a_missing_direction(note_type: str, direction: str | None) -> None:
    content = CONTENT | {"note_type": note_type, "contact_direction": None}
    assert facts_of("C1", content).get("contact_direction") == direction
    content["contact_direction"] = "outbound"
    assert facts_of("C1", content)["contact_direction"] == "outbound"


def test_an_amendments_new_type_implies_its_direction() -> None:
    note = note_of("N1", **CONTENT)
    changed = {"content": "two", "note_type": "phone_outbound"}
    assert note.facts_amended(changed)["contact_direction"] == "outbound"
    assert note.facts_amended(changed | {"contact_direction": "inbound"})["contact_direction"] == "inbound"
    assert note.facts_amended({"content": "two", "note_type": "sms"})["contact_direction"] == "inbound"


def test_an_amendment_may_remove_or_change_a_link() -> None:
    note = note_of("N1", **CONTENT)
    facts = note.facts_amended({"content": "two", "loan_account_id": None, "conversation_id": "V1"})
    assert "loan_account_id" not in facts
    assert facts["conversation_id"] == "V1"


def test_a_repeat_needs_the_same_person_and_the_same_text() -> None:
    note = note_of("N1", **CONTENT)
    assert note.is_that_of(ANN, facts_of("C1", CONTENT))
    assert not note.is_that_of(BOB, facts_of("C1", CONTENT))
    assert not note.is_that_of(ANN, facts_of("C2", CONTENT))
    for name in CONTENT:
        assert not note.is_that_of(ANN, facts_of("C1", CONTENT | {name: "other"})), name
    newer = amended(note, "N2", content="two")
    assert newer.is_that_of(BOB, note.facts_amended({"content": "two"}))
    assert not newer.is_that_of(BOB, facts_of("C1", CONTENT | {"content": "two"})), "it amended nothing"


def test_a_key_belongs_to_one_note_permanently() -> None:
    assert note_id_of("intent-00000001") == note_id_of("intent-00000001") != note_id_of("intent-00000002")


def test_types_are_those_of_the_contract() -> None:
    words = (
        "phone_inbound, phone_outbound, email_inbound, email_outbound, sms, general_enquiry, complaint, "
        "escalation, internal_note, account_update, collections"
    )
    assert [*NoteType] == words.split(", ")
