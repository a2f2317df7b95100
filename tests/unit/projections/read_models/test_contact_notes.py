"""Any notes, amendments, repeats and races: each chain stays one, and the documents tell of it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.aggregates import ContactNote
from app.api.notes.service import Notes, Stored
from app.errors import BillieError
from app.event_store.application import Servicing
from app.projections.engine.projector import Projector
from app.projections.read_models.contact_notes import ContactNotes
from tests.support.api.notes import ANN, know_customers
from tests.support.data.mock_mongo import Database

CONTACT_NOTES = ContactNotes()

CONTENT: dict[str, Any] = {
    "note_type": "sms",
    "subject": "Hello",
    "content": "One",
    "priority": "normal",
    "sentiment": "neutral",
}
WORDS = st.sampled_from(["One", "Two", "Three"])
NAMES = st.sampled_from(["N1", "N2", "N3", "N4", "N5"])
WRITES = st.tuples(NAMES, st.none(), WORDS)
AMENDS = st.tuples(NAMES, NAMES, WORDS)


def fresh() -> tuple[Servicing, Notes]:
    servicing = Servicing.in_memory(cache=0)
    know_customers(servicing, "C1")
    return servicing, Notes(lambda: servicing)


def attempt(notes: Notes, name: str, amended: str | None, content: str) -> Stored:
    """Write a note, or one that amends another."""
    if amended is None:
        return notes.write(name, ANN, "C1", CONTENT | {"content": content})
    return notes.amend(name, ANN, amended, {"content": content})


class Model:
    """What should come of it: of each note what it amends and says, and by which note it is amended."""

    def __init__(self) -> None:
        self.notes: dict[str, tuple[str | None, str]] = {}
        self.amended_by: dict[str, str] = {}

    def refuses(self, name: str, amended: str | None, content: str) -> str | None:
        if amended is not None and amended not in self.notes:
            return "not_found"
        if name in self.notes:
            return None if self.notes[name] == (amended, content) else "idempotency_key_reused"
        return "note_amended" if amended in self.amended_by else None

    def takes(self, name: str, amended: str | None, content: str) -> None:
        self.notes[name] = (amended, content)
        if amended is not None:
            self.amended_by[amended] = name

    def documents(self) -> dict[str, tuple[str | None, str, str, str | None]]:
        by = self.amended_by
        return {
            name: (amended, content, "amended" if name in by else "active", by.get(name))
            for name, (amended, content) in self.notes.items()
        }


@settings(max_examples=100)
@given(st.lists(WRITES | AMENDS, max_size=20), st.data())
def test_notes_and_documents_agree_on_the_chains(
    asked: list[tuple[str, str | None, str]], data: st.DataObject
) -> None:
    servicing, notes = fresh()
    database: Any = Database()
    engine = Projector(CONTACT_NOTES, servicing, database, data.draw(st.integers(1, 5), "batch"))
    model = Model()
    for name, amended, content in asked:
        if code := model.refuses(name, amended, content):
            with pytest.raises(BillieError) as refused:
                attempt(notes, name, amended, content)
            assert refused.value.code == code
        else:
            assert attempt(notes, name, amended, content).is_replay == (name in model.notes)
            model.takes(name, amended, content)
        if data.draw(st.booleans(), "folds now"):
            engine.step()
    while engine.step():
        pass
    assert {
        item["_id"]: (item.get("amendsNoteId"), item["content"], item["status"], item.get("amendedByNoteId"))
        for item in database["contact-notes"].find()
    } == model.documents()


def test_one_of_two_concurrent_amendments_wins() -> None:
    """The second one read the note before the first was stored, and fails when it tries to save."""
    servicing, notes = fresh()
    notes.write("N1", ANN, "C1", CONTENT)
    load, overtaken = servicing.load, []

    def load_and_be_overtaken(kind: Any, name: str) -> Any:
        found = load(kind, name)
        if name == "N1" and not overtaken:
            overtaken.append(name)
            notes.amend("N2", ANN, "N1", {"content": "first"})
        return found

    servicing.load = load_and_be_overtaken  # type: ignore[method-assign]
    with pytest.raises(BillieError) as refused:
        notes.amend("N3", ANN, "N1", {"content": "second"})
    assert (refused.value.status, refused.value.code) == (409, "note_amended")
    assert servicing.load(ContactNote, "N3") is None, "nothing of it is stored"


def test_two_concurrent_uses_of_one_key_give_one_note() -> None:
    servicing, notes = fresh()
    load, overtaken = servicing.load, []

    def load_and_be_overtaken(kind: Any, name: str) -> Any:
        found = load(kind, name)
        if kind is ContactNote and not overtaken:
            overtaken.append(name)
            assert not notes.write("N1", ANN, "C1", CONTENT).is_replay
        return found

    servicing.load = load_and_be_overtaken  # type: ignore[method-assign]
    stored = notes.write("N1", ANN, "C1", CONTENT)
    assert overtaken
    assert stored.is_replay


def test_a_note_about_an_unknown_customer_is_not_stored() -> None:
    servicing, notes = fresh()
    before = servicing.max_position()
    with pytest.raises(BillieError, match="no customer 'C2'") as refused:
        notes.write("N1", ANN, "C2", CONTENT)
    assert refused.value.status == 404
    with pytest.raises(BillieError, match="no note 'N0'") as refused:
        notes.amend("N1", ANN, "N0", {"content": "x"})
    assert refused.value.status == 404
    assert servicing.max_position() == before
