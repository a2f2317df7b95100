"""What one person may adjust alone: within a limit, and within some days, all their adjustments together."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.aggregates import Actor, AdjustmentLimit, AdjustmentRegister, machine_id
from app.aggregates.two_people import PersonNeededError
from tests.support.data.given import message

LIMIT = AdjustmentLimit(Decimal("500.00"), days=30)
ANN, BOB, MACHINE = (Actor(name, None, "supervisor") for name in ("ann", "bob", machine_id("billing")))


def register(*entered: tuple[Actor, str]) -> AdjustmentRegister:
    found = AdjustmentRegister.register("L1", message("first"))
    for number, (actor, amount) in enumerate(entered):
        found.enter(message(f"{number}"), command_id=f"{number}", by=actor.id, moved=Decimal(amount))
    return found


def needs_approval(
    found: AdjustmentRegister, actor: Actor, amount: str, *rejected: str, days: float = 1
) -> bool:
    now = found.modified_on + timedelta(days=days)
    return found.needs_approval(actor, Decimal(amount), LIMIT, now, lambda command_id: command_id in rejected)


@pytest.mark.parametrize(("amount", "needed"), [("500.00", False), ("500.01", True)])
def test_more_than_the_limit_needs_a_second_person(amount: str, needed: bool) -> None:
    assert needs_approval(register(), ANN, amount) is needed


@pytest.mark.parametrize(("amount", "needed"), [("100.00", False), ("100.01", True)])
def test_the_adjustments_of_one_person_add_up(amount: str, needed: bool) -> None:
    entered = register((ANN, "300.00"), (ANN, "100.00"))
    assert needs_approval(entered, ANN, amount) is needed
    assert needs_approval(entered, Actor(" ANN", None, "supervisor"), amount) is needed
    assert not needs_approval(entered, BOB, amount)


def test_those_that_are_older_than_the_period_do_not_count() -> None:
    entered = register((ANN, "400.00"))
    assert needs_approval(entered, ANN, "200.00", days=29.9)
    assert not needs_approval(entered, ANN, "200.00", days=30.1)


def test_those_that_the_ledger_rejected_do_not_count() -> None:
    entered = register((ANN, "200.00"), (ANN, "200.00"))
    assert needs_approval(entered, ANN, "200.00")
    assert not needs_approval(entered, ANN, "200.00", "1")


def test_a_machine_has_no_second_person() -> None:
    assert not needs_approval(register(), MACHINE, "500.00")
    with pytest.raises(PersonNeededError):
        needs_approval(register(), MACHINE, "500.01")
