"""Read models after an erasure: cleared, and the same however much was folded while it could be read."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.aggregates import CommandKind, Conversation, Intent, LedgerCommand, WriteOffRequest
from app.event_store.application import Servicing
from app.projections.engine.projector import Projector
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings
from tests.support.data.erasing import BOB, EVE, SECRET, erase, everything_of, know, stored_bytes, write_note
from tests.support.data.given import Step, absorb
from tests.support.data.mock_mongo import Database
from tests.support.data.projecting import On

PROJECTIONS = all_projections(Settings())
CLEARED = (
    "customers",
    "loan-accounts",
    "conversations",
    "contact-notes",
    "write-off-requests",
    "ledger-commands",
)


class Folded:
    """All read models of a store, and how far each is."""

    def __init__(self, servicing: Servicing, batch: int = 1_000) -> None:
        self.database: Any = Database()
        self._engines = [
            Projector(each, servicing, self.database, batch, strict=True) for each in PROJECTIONS.values()
        ]

    def follow(self, chance: Random | None = None) -> None:
        """Fold all, or where ``chance`` is given some of it: each read model as far as it likes."""
        for engine in self._engines:
            while (chance is None or chance.random() < 0.6) and engine.step():
                pass

    def documents(self) -> dict[str, list[dict[str, Any]]]:
        """As analysts and verify see them."""
        return {
            name: [
                {field: value for field, value in each.items() if field == "_id" or field[0] != "_"}
                for each in self.database[name].find().sort("_id")
            ]
            for name in PROJECTIONS
        }

    def everything(self) -> str:
        """With the projector's own, its lookups among it."""
        names = [name for each in PROJECTIONS.values() for name in each.collections()]
        return str([list(self.database[name].find()) for name in names])


def folded(servicing: Servicing) -> Folded:
    found = Folded(servicing)
    found.follow()
    return found


@pytest.fixture
def servicing() -> Servicing:
    servicing = Servicing.in_memory()
    know(servicing, "C1", "L1")
    return servicing


def test_an_erased_customer_keeps_no_personal_data(servicing: Servicing) -> None:
    live = folded(servicing)
    assert SECRET in live.everything()
    erase(servicing)
    live.follow()
    assert SECRET not in live.everything()
    documents = {name: found[0] for name, found in live.documents().items() if name in CLEARED}
    assert all("erasedAt" in document for document in documents.values())
    customer = documents["customers"]
    assert customer.keys() == {"_id", "customerId", "ekycStatus", "createdAt", "updatedAt", "erasedAt"}
    account = documents["loan-accounts"]
    assert account["accountStatus"] == "paid_off"
    assert str(account["balances"]["currentBalance"]) == "0.00"
    assert "customerName" not in account
    chat = documents["conversations"]
    assert (chat["utteranceCount"], chat["utterances"], chat["finalDecision"]) == (1, [], "APPROVED")
    note = documents["contact-notes"]
    assert (note["subject"], note["content"], note["noteType"]) == ("[erased]", "[erased]", "sms")
    request, command = documents["write-off-requests"], documents["ledger-commands"]
    assert (str(request["amount"]), request["status"]) == ("20.00", "rejected")
    assert (str(command["amount"]), command["ledgerError"]["message"]) == ("600.00", "[erased]")
    assert command["requestedBy"]["id"] == "ann"


@pytest.mark.parametrize("late", [True, False])
def test_the_text_of_a_manual_settlement_is_erased(servicing: Servicing, late: bool) -> None:
    def settle() -> None:
        fault, why = ("NOT_POSTED", f"{SECRET} died"), {"posted": False, "transaction_id": None}
        command = On(LedgerCommand, "K2").settle_by_hand(actor=EVE, because=fault[1], **why)
        followed = WriteOffRequest.PostingFollowed(
            command_id="K2", status="rejected", code=fault[0], message=fault[1]
        )
        request = On(WriteOffRequest, "W2").follow_posting(event=followed)
        absorb(servicing, [command, request])

    asked = {"loan_account_id": "L1", "amount": Decimal(20), "reason": "hardship"}
    if late:
        erase(servicing)
    absorb(servicing, [On(WriteOffRequest, "W2").request(requested_by="ann", **asked)])
    absorb(servicing, [On(WriteOffRequest, "W2").decide(outcome="Approved", by="bob")])
    intent = Intent(CommandKind.WRITE_OFF, idempotency_key="write-off-W2", **asked)
    absorb(servicing, [On(LedgerCommand, "K2").request(actor=BOB, intent=intent)])
    unknown = WriteOffRequest.PostingFollowed(command_id="K2", status="unknown", code="X", message="y")
    posting = On(WriteOffRequest, "W2").follow_posting(event=unknown)
    absorb(servicing, [posting])
    settle()
    live = folded(servicing)
    if not late:
        assert f"{SECRET} died" in live.everything()
        erase(servicing)
        live.follow()
    found = live.documents()
    [request] = [each for each in found["write-off-requests"] if each["_id"] == "W2"]
    [command] = [each for each in found["ledger-commands"] if each["_id"] == "K2"]
    assert request["ledger"]["error"] == {"code": "NOT_POSTED", "message": "[erased]"}
    assert command["ledgerError"] == {"code": "NOT_POSTED", "message": "[erased]"}
    assert SECRET not in str(found)
    assert SECRET.encode() not in stored_bytes(servicing)
    assert found == folded(servicing).documents()


def test_an_erasure_is_in_the_timeline_and_its_entries_stay(servicing: Servicing) -> None:
    def timeline(live: Folded) -> list[str]:
        return [
            entry["what"] for month in live.documents()["customer-timeline"] for entry in month["entries"]
        ]

    before = timeline(folded(servicing))
    erase(servicing)
    assert timeline(folded(servicing)) == [*before, "personal_data_erased"]


_WITH = {9: 10, 10: 9, 11: 12, 12: 11}
"""What is decided was requested, and what is asked for is decided: it stays readable until then."""
NEWS = st.lists(st.sampled_from(range(14)), max_size=6)


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 30), NEWS)
def test_erasure_does_not_depend_on_batches_and_repeats(seed: int, batch: int, repeated: list[int]) -> None:
    servicing, chance = Servicing.in_memory(), Random(seed)
    mine: list[Step] = list(everything_of("C1", "L1"))
    other: list[Step] = list(everything_of("C2", "L2"))
    live = Folded(servicing, batch)
    together = [
        mine.pop(0),
        *(x for pair in zip(mine, other[1:], strict=True) for x in pair),
        other[0],
    ]
    while together:
        size = chance.randint(1, 6)
        absorb(servicing, together[:size])
        together = together[size:]
        live.follow(chance)
    write_note(servicing, "C1", "N1")
    erase(servicing)
    live.follow(chance)
    whole = list(everything_of("C1", "L1"))
    redelivered = [whole[each] for each in repeated]
    absorb(servicing, [each for each in redelivered if each.command != "refuse"])  # An act of the staff.
    later = list(everything_of("C1", "L3"))  # News of the erased, on new things and known ones.
    news = {*repeated, *(_WITH[each] for each in repeated if each in _WITH), 2, 8}
    absorb(servicing, [later[each] for each in sorted(news)])  # With their chat, and their account.
    live.follow(chance)
    absorb(servicing, [On(Conversation, "L1").add_utterance(at=90, username="customer", utterance=SECRET)])
    live.follow()
    assert live.documents() == folded(servicing).documents()
    of_the_erased = [
        document
        for found in live.documents().values()
        for document in found
        if "C2" not in str(document) and "L2" not in str(document)
    ]
    assert SECRET not in str(of_the_erased)
    assert SECRET in live.everything(), "the other customer's"
