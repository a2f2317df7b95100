"""Contract, "Accounts": the payments, arrears and write-offs that the histories tell."""

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from app.aggregates import Actor, CommandKind, Intent, LedgerCommand, LoanAccount
from app.projections.read_models.customer_timeline.read_model import CustomerTimeline
from tests.support.data.contract import Sent, documents
from tests.support.data.projecting import Given, On, given
from tests.unit.contract.accounts.loans import aged, closed, created, loan, running, status, updated

FIRST, SECOND = "2026-03-01", "2026-03-02"
"""Noon of 1 March in UTC is 23:00 in Sydney, so minute 60 is of the second."""


def day(name: str, *messages: Sent) -> dict[str, Any]:
    """The portfolio's figures of a day that do not depend on the order of arrival, which is tried."""
    found = [documents(order, names=("portfolio-daily",)) for order in permutations(messages)]
    seen = [{k: v for k, v in each["portfolio-daily"][name].items() if k != "day"} for each in found]
    assert all(each == seen[0] for each in seen)
    return seen[0]


def sentences(what: str, *messages: Sent) -> list[str]:
    """The sentences of one kind in the customer's timeline, in any order of arrival."""
    seen = []
    for order in permutations(messages):
        found = documents(order, names=("customer-timeline",))["customer-timeline"].values()
        months = sorted(found, key=lambda each: each["month"])
        seen.append([entry["text"] for each in months for entry in each["entries"] if entry["what"] == what])
        assert all(each["entryCount"] == len(each["entries"]) for each in months)
    assert all(each == seen[0] for each in seen)
    return seen[0]


def payments(*messages: Sent) -> list[str]:
    return sentences("repayment_received", *messages)


THREE = (running(), *(updated(minute, f"{620 - 20 * minute}.00", "REPAYMENT") for minute in (1, 2, 3)))


def test_three_payments_of_one_amount_on_one_day_are_three() -> None:
    found = day(FIRST, *THREE)
    assert (found["payments"], found["paidTotal"]) == (3, "60.00")
    assert payments(*THREE) == [f"A repayment of 20.00 was received on {FIRST}."] * 3


def test_a_payment_is_of_its_business_day() -> None:
    messages = running(), updated(60, "600.00", "REPAYMENT")
    assert day(FIRST, *messages)["payments"] == 0
    assert day(SECOND, *messages)["payments"] == 1
    assert payments(*messages) == [f"A repayment of 20.00 was received on {SECOND}."]


def test_a_payment_counts_on_its_reported_day() -> None:
    messages = running(), updated(60, "600.00", "REPAYMENT", last_payment_date=FIRST)
    assert day(FIRST, *messages)["payments"] == 1
    assert payments(*messages) == [f"A repayment of 20.00 was received on {FIRST}."]


def test_two_reports_of_one_transaction_are_one_payment() -> None:
    falls = [
        updated(minute, owed, "REPAYMENT", triggered_by_transaction_id="T1")
        for minute, owed in ((1, "600.00"), (2, "590.00"))
    ]
    assert day(FIRST, running(), *falls)["paidTotal"] == "30.00"
    assert payments(running(), *falls) == [f"A repayment of 30.00 was received on {FIRST}."]


def test_a_late_report_corrects_the_payment_after_it() -> None:
    messages = running(), updated(2, "580.00", "REPAYMENT"), updated(1, "600.00", "REPAYMENT")
    assert payments(*messages) == [f"A repayment of 20.00 was received on {FIRST}."] * 2


@pytest.mark.parametrize("by", ["LATE_FEE", "FEE_WAIVER", "ADJUSTMENT", "DISBURSEMENT", "NEW_WORD"])
def test_a_movement_of_another_type_is_no_payment(by: str) -> None:
    messages = running(), updated(1, "600.00", by)
    assert day(FIRST, *messages)["payments"] == 0
    assert payments(*messages) == []


@pytest.mark.parametrize("reason", ["WRITTEN_OFF", "ADMIN_CLOSED"])
def test_a_loan_written_off_or_released_is_not_paid(reason: str) -> None:
    messages = running(), closed(1, reason)
    found = day(FIRST, *messages)
    assert (found["payments"], found["paidTotal"], found["outstandingTotal"]) == (0, "0.00", "0.00")
    became = "written off" if reason == "WRITTEN_OFF" else "released"
    assert sentences("loan_closed", *messages) == [f"The loan was closed, and 620.00 was {became}."]
    assert payments(*messages) == []


def test_a_write_off_before_the_closure_says_written_off() -> None:
    messages = running(), updated(1, "0.00", "WRITE_OFF"), closed(2, "WRITTEN_OFF", final_balance="0.00")
    assert sentences("written_off", *messages) == ["620.00 was written off."]
    assert sentences("loan_closed", *messages) == ["The loan was closed, and 620.00 was written off."]
    assert sentences("balance_changed", *messages) == []


def test_a_closed_status_alone_does_not_say_paid_off() -> None:
    messages = running(), status(1, "CLOSED"), closed(2, "WRITTEN_OFF")
    assert sentences("loan_status_changed", *messages) == ["The loan is active.", "The loan is closed."]


LATE = (running(), aged(1, "late_arrears", dpd=45))


def test_an_active_account_that_is_45_days_late_is_in_arrears() -> None:
    assert loan(*LATE)["inArrears"] is True
    found = day(FIRST, *LATE)
    assert (found["accountsInArrears"], found["accountsByStatus"]["in_arrears"]) == (1, 0)


def test_a_suspended_account_is_in_arrears_once() -> None:
    assert day(FIRST, *LATE, status(2, "SUSPENDED"))["accountsInArrears"] == 1
    assert day(FIRST, running(), status(2, "SUSPENDED"))["accountsInArrears"] == 1


@pytest.mark.parametrize("reason", ["PAID_OFF", "WRITTEN_OFF", "ADMIN_CLOSED"])
def test_a_closed_account_is_not_in_arrears(reason: str) -> None:
    messages = *LATE, closed(2, reason)
    assert loan(*messages)["inArrears"] is False
    assert day(FIRST, *messages)["accountsInArrears"] == 0
    assert day(FIRST, *messages, status(3, "ACTIVE"))["accountsInArrears"] == 1


def test_the_disbursed_date_is_a_business_day() -> None:
    waits = created(status="PENDING_DISBURSEMENT")
    assert loan(waits, status(60, "ACTIVE"))["loanTerms"]["disbursedDate"] == SECOND


LOAN, COMMAND = On(LoanAccount, "L1"), On(LedgerCommand, "K1")
STAFF = Actor("tom", "Tom Ray", "operations")
OPENED = LOAN.open(at=0, customer_id="C1", status="ACTIVE", current_balance=Decimal("100.00"))
POSTED = LedgerCommand.Posted(transaction_id="T1", ledger_event_id="E1", result={})
REQUESTED = COMMAND.request(
    at=1, actor=STAFF, intent=Intent(CommandKind.REPAYMENT, "L1", "key", amount=Decimal("20.00"))
)
SETTLED = COMMAND.settle(at=2, outcome=POSTED)
REPORTED = LOAN.update(
    at=3,
    current_balance=Decimal("80.00"),
    triggered_by_transaction_type="REPAYMENT",
    triggered_by_transaction_id="T1",
)


def _paid(timeline: Given) -> list[tuple[str, str]]:
    document = timeline.document("C1:2026-03")
    assert document is not None
    assert document["entryCount"] == len(document["entries"])
    whats = ("repayment_posted", "repayment_received")
    return [(each["what"], each["text"]) for each in document["entries"] if each["what"] in whats]


@pytest.mark.parametrize(
    "steps",
    [
        (OPENED, REQUESTED, SETTLED, REPORTED),
        (OPENED, REQUESTED, REPORTED, SETTLED),
        (REQUESTED, REPORTED, SETTLED, OPENED),
        (REQUESTED, SETTLED, REPORTED, OPENED),
    ],
)
def test_a_payment_over_the_api_and_its_report_are_one_entry(steps: Any) -> None:
    timeline = given(CustomerTimeline())
    for step in steps:
        timeline.when(step)
    assert _paid(timeline) == [("repayment_posted", "A repayment of 20.00 was posted.")]
    assert _paid(given(CustomerTimeline(), OPENED, REPORTED))[0][0] == "repayment_received"
    assert _paid(given(CustomerTimeline(), *steps)) == _paid(timeline)


def test_a_report_that_names_no_transaction_is_an_entry_beside_the_payment_over_the_api() -> None:
    """Amount and day do not make two payments one (decision 0001)."""
    unnamed = LOAN.update(at=3, current_balance=Decimal("80.00"), triggered_by_transaction_type="REPAYMENT")
    timeline = given(CustomerTimeline(), OPENED, REQUESTED, SETTLED, unnamed)
    assert [what for what, _ in _paid(timeline)] == ["repayment_posted", "repayment_received"]


def test_a_payment_that_is_reported_without_a_fall_is_no_entry_and_no_payment_of_a_day() -> None:
    again = updated(2, "600.00", last_payment_amount="20.00", last_payment_date=FIRST)
    assert payments(running(), updated(1, "600.00", "REPAYMENT"), again) == [
        "A repayment of 20.00 was received on 2026-03-01."
    ]
    assert day(FIRST, running("600.00"), again)["payments"] == 0


def test_a_payment_that_moves_to_another_month_leaves_the_first() -> None:
    month = 31 * 24 * 60
    again = {"triggered_by_transaction_type": "REPAYMENT", "triggered_by_transaction_id": "T1"}
    timeline = given(CustomerTimeline(), OPENED, REPORTED)
    timeline.when(
        LOAN.update(at=month, current_balance=Decimal("80.00"), last_payment_amount=Decimal(20), **again)
    )
    assert _paid(timeline) == []
    april = timeline.document("C1:2026-04")
    assert april is not None
    assert [each["what"] for each in april["entries"]] == ["repayment_received"]
