"""The erasure of a customer: what it refuses, whom it concerns, and what comes after it."""

from collections.abc import Collection
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import RecordConflictError

from app.aggregates import (
    CommandKind,
    ContactNote,
    Conversation,
    Customer,
    Intent,
    LedgerCommand,
    LoanAccount,
    WriteOffRequest,
)
from app.aggregates.base import Key
from app.aggregates.personal import ERASED
from app.errors import IdempotencyKeyReusedError, NotFoundError
from app.event_store.application import Servicing
from app.event_store.erasure import MoneyOpenError
from tests.support.data.erasing import ANN, EVE, REASON, SECRET, erase, know, stored_bytes, write_note
from tests.support.data.given import absorb, ask_write_off, message
from tests.support.data.projecting import On


@pytest.fixture
def servicing() -> Servicing:
    servicing = Servicing.in_memory()
    know(servicing, "C1", "L1")
    return servicing


def erased_with(servicing: Servicing, kind: type, name: str) -> str | None:
    aggregate = servicing.load(kind, name)
    assert aggregate is not None
    return aggregate.erased.erased_with if aggregate.erased else None


def test_everything_of_the_customer_is_erased_in_one_save(servicing: Servicing) -> None:
    know(servicing, "C2", "L2")
    before = servicing.max_position()
    erased = erase(servicing, key="erasure-1")
    event = erased.event
    assert not erased.is_replay
    assert (event.by, event.by_name, event.role, event.reason) == (EVE.id, EVE.name, EVE.role, REASON)
    kinds = ("ContactNote", "Conversation", "LedgerCommand", "LoanAccount", "WriteOffRequest")
    assert event.cleared == dict.fromkeys(kinds, 1)
    assert erased.position == before + 6
    for kind, name in (
        (Customer, "C1"),
        (LoanAccount, "L1"),
        (Conversation, "L1"),
        (ContactNote, "L1-note"),
        (WriteOffRequest, "L1"),
        (LedgerCommand, "L1"),
    ):
        assert erased_with(servicing, kind, name) == "C1"
        other = name.replace("1", "2")
        assert erased_with(servicing, kind, other) is None


def test_an_erasure_is_recorded_once(servicing: Servicing) -> None:
    first, position = erase(servicing), servicing.max_position()
    again = erase(servicing, reason="another reason, later")
    assert again.is_replay
    assert (again.event.at, again.event.reason) == (first.event.at, REASON)
    assert again.event.cleared == first.event.cleared
    assert servicing.max_position() == position


def test_an_idempotency_key_belongs_to_one_reason(servicing: Servicing) -> None:
    erase(servicing, key="erasure-1")
    assert erase(servicing, key="erasure-1").is_replay
    assert erase(servicing, key="erasure-2", reason="another reason").is_replay
    with pytest.raises(IdempotencyKeyReusedError):
        erase(servicing, key="erasure-1", reason="another reason")


def test_an_unknown_customer_is_not_erased(servicing: Servicing) -> None:
    with pytest.raises(NotFoundError):
        erase(servicing, "C9")


@pytest.mark.parametrize("kind", [Conversation, LoanAccount])
def test_a_customer_known_by_one_aggregate_can_be_erased(servicing: Servicing, kind: type) -> None:
    if kind is Conversation:
        absorb(servicing, [On(kind, "V7").start(at=1, customer_id="C7")])
        absorb(servicing, [On(kind, "V7").add_utterance(at=2, username="customer", utterance=SECRET)])
    else:
        absorb(servicing, [On(kind, "V7").open(at=1, customer_id="C7", signed_loan_agreement_url=SECRET)])
        absorb(servicing, [On(kind, "V7").close(at=2, reason="PAID_OFF")])
    erased = erase(servicing, "C7")
    assert erased.event.cleared == {kind.__name__: 1}
    assert erased.keys == [(Customer, "C7"), (kind, "V7")]
    assert erased_with(servicing, Customer, "C7") == erased_with(servicing, kind, "V7") == "C7"
    assert erase(servicing, "C7").event.at == erased.event.at
    absorb(servicing, [On(Customer, "C7").report_details(at=3, first_name=SECRET)])
    assert list(servicing.events.get(Customer.id_of("C7")))[-1].first_name is ERASED


@pytest.mark.parametrize("status", [None, "PENDING", "PENDING_DISBURSEMENT", "ACTIVE", "SUSPENDED"])
def test_an_open_account_forbids_it(servicing: Servicing, status: str | None) -> None:
    absorb(servicing, [On(LoanAccount, "L2").open(customer_id="C1", status=status)])
    with pytest.raises(MoneyOpenError) as refused:
        erase(servicing)
    assert (refused.value.accounts, refused.value.requests, refused.value.commands) == (["L2"], [], [])
    assert erased_with(servicing, Customer, "C1") is None
    absorb(servicing, [On(LoanAccount, "L2").close(at=5, reason="WRITTEN_OFF")])
    assert erase(servicing).event.cleared["LoanAccount"] == 2


def test_money_that_is_not_settled_forbids_it(servicing: Servicing) -> None:
    unit = servicing.unit_of_work()
    ask_write_off(unit.obtain(WriteOffRequest, "W2", message("w")), message("w"))
    unit.commit()
    intent = Intent(CommandKind.REPAYMENT, "L1", "k", amount=Decimal(1))
    absorb(servicing, [On(LedgerCommand, "K2").request(actor=ANN, intent=intent)])
    with pytest.raises(MoneyOpenError) as refused:
        erase(servicing)
    assert (refused.value.accounts, refused.value.requests, refused.value.commands) == ([], ["W2"], ["K2"])


def test_data_that_moved_to_another_customer_is_kept(servicing: Servicing) -> None:
    chat = On(Conversation, "V2")
    absorb(servicing, [chat.start(at=1, customer_id="C1")])
    absorb(servicing, [chat.change_status(at=2, customer_id="C2")])
    absorb(servicing, [chat.add_utterance(at=3, username="customer", utterance="I am Zoe")])
    erase(servicing)
    assert erased_with(servicing, Conversation, "V2") is None
    assert list(servicing.events.get(Conversation.id_of("V2")))[-1].utterance == "I am Zoe"


def test_late_reports_are_absorbed_without_personal_data(servicing: Servicing) -> None:
    erase(servicing)
    late = On(Customer, "C1").report_details(at=50, first_name=SECRET, ekyc_status="failed")
    said = On(Conversation, "L1").add_utterance(at=51, username="customer", utterance=SECRET)
    absorb(servicing, [late, said])
    absorb(servicing, [late, said])
    [*_, name, check] = servicing.events.get(Customer.id_of("C1"))
    assert name.first_name is ERASED
    assert check.ekyc_status == "failed"
    [*_, utterance] = servicing.events.get(Conversation.id_of("L1"))
    assert (utterance.utterance, utterance.message_id) == (ERASED, said.source.message_id)
    assert SECRET.encode() not in stored_bytes(servicing)


def test_a_chat_linked_to_an_erased_customer_later_is_erased(servicing: Servicing) -> None:
    chat = On(Conversation, "V2")
    absorb(servicing, [chat.add_utterance(at=1, username="customer", utterance=SECRET)])
    erase(servicing)
    assert erased_with(servicing, Conversation, "V2") is None
    absorb(servicing, [chat.start(at=2, customer_id="C1")])
    assert erased_with(servicing, Conversation, "V2") == "C1"
    assert list(servicing.events.get(Conversation.id_of("V2")))[1].utterance is ERASED
    absorb(servicing, [chat.add_utterance(at=3, username="customer", utterance=SECRET)])
    assert list(servicing.events.get(Conversation.id_of("V2")))[-1].utterance is ERASED


def test_commands_of_an_account_linked_later_are_erased(servicing: Servicing) -> None:
    erase(servicing)
    intent = Intent(CommandKind.REPAYMENT, "L2", "k", reason=SECRET)
    absorb(servicing, [On(LedgerCommand, "K2").request(actor=ANN, intent=intent)])
    absorb(
        servicing,
        [
            On(LedgerCommand, "K2").settle(
                outcome=LedgerCommand.Rejected(code="FAILED_PRECONDITION", message="no")
            )
        ],
    )
    assert erased_with(servicing, LedgerCommand, "K2") is None
    absorb(servicing, [On(LoanAccount, "L2").open(customer_id="C1")])
    assert erased_with(servicing, LedgerCommand, "K2") == "C1"
    assert list(servicing.events.get(LedgerCommand.id_of("K2")))[1].reason is ERASED


INTENT = Intent(CommandKind.REPAYMENT, "L2", "k", reason=SECRET)
"""A command about an account that is, or turns out to be, of who was erased."""


@pytest.mark.parametrize("late", [True, False])
def test_a_command_is_erased_in_the_save_that_settles_it(servicing: Servicing, late: bool) -> None:
    erase(servicing)
    owned, command = On(LoanAccount, "L2").open(customer_id="C1"), On(LedgerCommand, "K2")
    requested = command.request(actor=ANN, intent=INTENT)
    for each in (requested, owned) if late else (owned, requested):
        absorb(servicing, [each])
    absorb(
        servicing,
        [
            command.attempt_failed(
                outcome=LedgerCommand.OutcomeUnknown(code="UNAVAILABLE", message="no answer")
            )
        ],
    )
    assert erased_with(servicing, LedgerCommand, "K2") is None
    found = servicing.load(LedgerCommand, "K2")
    assert found is not None
    assert found.intent is not None
    assert found.intent.reason == SECRET, "what is sent again is made of it"
    settled = command.settle_by_hand(actor=EVE, posted=False, because=SECRET, transaction_id=None)
    absorb(servicing, [settled])
    assert erased_with(servicing, LedgerCommand, "K2") == "C1"
    events = list(servicing.events.get(LedgerCommand.id_of("K2")))
    assert events[1].reason is ERASED
    assert [each.because for each in events if isinstance(each, LedgerCommand.SettledByHand)] == [ERASED]
    assert servicing.privacy.tables.keys_of([LedgerCommand.id_of("K2")]) == []


@pytest.mark.parametrize("late", [True, False])
def test_a_pending_request_is_erased_when_it_is_decided(servicing: Servicing, late: bool) -> None:
    erase(servicing)
    owned, request = On(LoanAccount, "L2").open(customer_id="C1"), On(WriteOffRequest, "W2")
    asked = request.request(
        loan_account_id="L2", amount=Decimal(20), reason="hardship", requested_by="ann", notes=SECRET
    )
    for each in (asked, owned) if late else (owned, asked):
        absorb(servicing, [each])
    assert erased_with(servicing, WriteOffRequest, "W2") is None
    absorb(servicing, [request.decide(outcome="Rejected", by="bob", comment=SECRET)])
    assert erased_with(servicing, WriteOffRequest, "W2") == "C1"
    assert list(servicing.events.get(WriteOffRequest.id_of("W2")))[1].notes is ERASED


def test_a_command_settled_during_its_link_is_erased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    met: list[bool] = []
    with closing(Servicing.from_url(f"sqlite:///{tmp_path / 'store.db'}")) as servicing:
        know(servicing, "C1", "L1")
        erase(servicing)
        command, load_many = On(LedgerCommand, "K2"), servicing.load_many
        absorb(servicing, [command.request(actor=ANN, intent=INTENT)])

        def settled_just_then(keys: Collection[Key]) -> dict[Key, Any]:
            loaded = load_many(keys)
            if (LedgerCommand, "K2") in keys and not met:
                met.append(True)
                absorb(
                    servicing,
                    [command.settle(outcome=LedgerCommand.Rejected(code="NOT_FOUND", message="no account"))],
                )
            return loaded

        monkeypatch.setattr(servicing, "load_many", settled_just_then)
        source = message("opened", at=60)
        servicing.change(lambda unit: unit.obtain(LoanAccount, "L2", source).open(source, customer_id="C1"))
        assert met
        assert erased_with(servicing, LedgerCommand, "K2") == "C1"


@pytest.mark.parametrize("owner", [None, "C2"])
@pytest.mark.parametrize("is_late", [False, True])
def test_a_request_is_of_its_accounts_customer_and_of_the_one_that_it_names_only_until_then(
    servicing: Servicing, owner: str | None, is_late: bool
) -> None:
    """Contract, "Write-offs": a caller's word of the customer does not count once the account is known."""
    request = On(WriteOffRequest, "W2")
    asked = {"loan_account_id": "L2", "customer_id": "C1", "amount": Decimal(20), "reason": "hardship"}
    steps = [
        request.request(at=2, requested_by="ann", **asked),
        request.decide(at=3, outcome="Rejected", by="bob", comment=SECRET),
    ]
    if owner is not None:
        absorb(servicing, [On(LoanAccount, "L2").open(at=1, customer_id=owner, status="ACTIVE")])
    if is_late:
        erase(servicing)
    for step in steps:
        absorb(servicing, [step])
    if not is_late:
        erase(servicing)
    assert erased_with(servicing, WriteOffRequest, "W2") == ("C1" if owner is None else None)


def test_new_things_of_an_erased_customer_are_born_erased(servicing: Servicing) -> None:
    erase(servicing)
    know(servicing, "C1", "L2")
    for kind, name in ((LoanAccount, "L2"), (Conversation, "L2"), (LedgerCommand, "L2")):
        assert erased_with(servicing, kind, name) == "C1"
    keys = servicing.privacy.tables.keys_of([LoanAccount.id_of("L2"), Conversation.id_of("L2")])
    assert keys == []


def test_an_aggregate_linked_during_the_erasure_is_erased(
    servicing: Servicing, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, met = servicing.privacy.prepare, []

    def prepare_late(*arguments: Any) -> object:
        prepared = prepare(*arguments)
        if not met:
            met.append(True)
            write_note(servicing, "C1", "N9")
        return prepared

    monkeypatch.setattr(servicing.privacy, "prepare", prepare_late)
    erased = erase(servicing)
    assert erased.event.cleared["ContactNote"] == 2
    assert erased_with(servicing, ContactNote, "N9") == "C1"


def test_a_writer_unaware_of_an_erasure_cannot_store(servicing: Servicing) -> None:
    unit = servicing.unit_of_work()
    source = message("late", at=60)
    unit.obtain(Conversation, "L1", source).add_utterance(source, username="customer", utterance=SECRET)
    newest = servicing.max_position()
    prepared = servicing.privacy.prepare([unit.obtain(Conversation, "L1", source)], servicing.load_many)
    erase(servicing)
    erased = servicing.max_position()
    with pytest.raises(RecordConflictError):
        servicing.recorder.insert_events(
            [], beside=lambda execute: servicing.privacy.tables.write(execute, prepared.changes)
        )
    assert erased == servicing.max_position() > newest
