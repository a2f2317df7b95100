"""Where the money of a repayment goes (contract of the ledger, "Behaviour")."""

from decimal import Decimal

import pytest

from app.ledger.sandbox.allocation import Plan, Split, plan, split
from app.ledger.sandbox.loans import Instalment


def money(text: str) -> Decimal:
    return Decimal(text)


def schedule(*paid: str) -> list[Instalment]:
    """Instalments of 100.00, of which so much is paid."""
    return [
        Instalment(number, f"2026-04-{number:02}", money("100.00"), money(each))
        for number, each in enumerate(paid, 1)
    ]


def applied(found: Plan) -> list[tuple[int, str, str, str]]:
    return [
        (each.payment_number, str(each.amount_applied), each.instalment_status, str(each.amount_remaining))
        for each in found.allocations
    ]


@pytest.mark.parametrize(
    ("amount", "to_fees", "to_principal", "overpayment"),
    [
        ("30.00", "30.00", "0.00", "0.00"),
        ("100.00", "100.00", "0.00", "0.00"),
        ("100.01", "100.00", "0.01", "0.00"),
        ("600.00", "100.00", "500.00", "0.00"),
        ("600.01", "100.00", "500.00", "0.01"),
    ],
)
def test_fees_first_then_principal(amount: str, to_fees: str, to_principal: str, overpayment: str) -> None:
    parts = split(money(amount), principal=money("500.00"), fees=money("100.00"))
    assert parts == Split(money(to_fees), money(to_principal), money(overpayment))


def test_the_earliest_open_instalments_are_paid() -> None:
    paid = Split(money("0.00"), money("120.00"), money("0.00"))
    found = plan(paid, money("240.00"), "S", schedule("100.00", "60.00", "0.00", "0.00"))
    assert applied(found) == [(2, "40.00", "PAID", "0.00"), (3, "80.00", "PARTIAL", "20.00")]
    assert found.warning is None


def test_late_fees_are_on_no_instalment_and_paid_first() -> None:
    owed = money("315.00")  # Three instalments, and a late fee of 15.00.
    found = plan(
        Split(money("65.00"), money("35.00"), money("0.00")), owed, "S", schedule("0.00", "0.00", "0.00")
    )
    assert applied(found) == [(1, "85.00", "PARTIAL", "15.00")]


def test_a_target_is_paid_before_earlier_instalments() -> None:
    paid = Split(money("0.00"), money("100.00"), money("0.00"))
    found = plan(paid, money("300.00"), "S", schedule("0.00", "0.00", "0.00"), target=3, meant_schedule="S")
    assert applied(found) == [(3, "100.00", "PAID", "0.00")]
    assert found.warning is None


@pytest.mark.parametrize(
    ("target", "meant", "first", "warning"),
    [
        (9, "S", 2, "has no instalment 9"),
        (1, None, 2, "Instalment 1 was paid already"),
        (3, "S", 3, "Instalment 3 took 100.00; 20.00 went on"),
        (None, "OTHER", 2, "schedule is S, not OTHER"),
    ],
)
def test_an_unallocated_remainder_is_a_warning(
    target: int | None, meant: str | None, first: int, warning: str
) -> None:
    paid = Split(money("0.00"), money("120.00"), money("0.00"))
    planned = schedule("100.00", "0.00", "0.00")
    found = plan(paid, money("200.00"), "S", planned, target=target, meant_schedule=meant)
    assert found.allocations[0].payment_number == first
    assert warning in (found.warning or "")
    assert sum(each.amount_applied for each in found.allocations) == money("120.00")


def test_money_beyond_all_instalments_is_a_warning() -> None:
    paid = Split(money("0.00"), money("50.00"), money("0.00"))
    found = plan(paid, money("50.00"), "S", schedule("80.00"))
    assert applied(found) == [(1, "20.00", "PAID", "0.00")]
    assert found.warning == "30.00 fits no instalment: all are paid."


def test_without_a_schedule_no_instalment_is_paid() -> None:
    found = plan(Split(money("0.00"), money("50.00"), money("0.00")), money("50.00"), None, [], target=1)
    assert not found.allocations
    assert "No schedule" in (found.warning or "")
