"""The rules of a ledger command: its outcome is recorded once, and by hand only where it is unknown."""

from decimal import Decimal

import pytest

from app.aggregates import Actor, CommandKind, CommandStatus, Intent, LedgerCommand, RefusedError
from app.aggregates.ledger_command import SettlesByItselfError
from app.aggregates.two_people import OwnRequestError, PersonNeededError
from tests.support.data.given import message, names

ANN, EVE = Actor("ann", "Ann Lee", "teller"), Actor("eve", None, "admin")
INTENT = Intent(CommandKind.REPAYMENT, "L1", "K1", amount=Decimal("20.00"))


def requested(*, needs_approval: bool = False) -> LedgerCommand:
    command = LedgerCommand.register(INTENT.command_id, message("first"))
    command.request(message("first"), actor=ANN, intent=INTENT, needs_approval=needs_approval)
    return command


def settle_by_hand(command: LedgerCommand, actor: Actor = EVE, *, is_sent: bool = False) -> None:
    found = {"posted": True, "because": "It is in the statement.", "transaction_id": "T1"}
    command.settle_by_hand(message("by hand"), actor=actor, is_sent=is_sent, **found)  # type: ignore[arg-type]


def test_an_unknown_outcome_is_settled_by_hand_once() -> None:
    command = requested()
    unknown = LedgerCommand.OutcomeUnknown(code="UNAVAILABLE", message="no answer")
    command.attempt_failed(message("attempt"), outcome=unknown)
    settle_by_hand(command)
    assert command.status is CommandStatus.POSTED
    with pytest.raises(SettlesByItselfError):
        settle_by_hand(command)


def test_a_command_awaiting_approval_or_being_sent_is_not_settled_by_hand() -> None:
    for command, is_sent in ((requested(needs_approval=True), False), (requested(), True)):
        with pytest.raises(SettlesByItselfError):
            settle_by_hand(command, is_sent=is_sent)
        assert names(command) == ["Requested"]


@pytest.mark.parametrize(
    ("actor", "refusal"),
    [(ANN, OwnRequestError), (Actor("machine:crm", None, "admin"), PersonNeededError)],
)
def test_another_person_settles_by_hand(actor: Actor, refusal: type[RefusedError]) -> None:
    command = requested()
    with pytest.raises(refusal):
        settle_by_hand(command, actor)
    assert names(command) == ["Requested"]


def test_the_first_outcome_counts() -> None:
    command = requested()
    command.settle(message("posted"), outcome=LedgerCommand.Posted(transaction_id="T1"))
    command.settle(message("late"), outcome=LedgerCommand.Rejected(code="NOT_FOUND", message="no account"))
    unknown = LedgerCommand.OutcomeUnknown(code="UNAVAILABLE", message="no answer")
    command.attempt_failed(message("later"), outcome=unknown)
    assert names(command) == ["Requested", "Posted", "NothingNewReported", "NothingNewReported"]
