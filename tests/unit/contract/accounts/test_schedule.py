"""Contract, "Accounts": the repayment schedule and its instalments."""

from typing import Any

import pytest

from tests.support.data.contract import documents, sent
from tests.unit.contract.accounts.loans import at, created, instalment, loan, planned

PAID = {"status": "PAID", "paid_date": "2026-03-30", "amount_paid": "51.00", "linked_transaction_ids": ["T1"]}


def payments(*messages: Any) -> list[dict[str, Any]]:
    """The instalments in any order of arrival, without the times of their reports."""
    found = loan(created(), *messages).get("repaymentSchedule", {}).get("payments", [])
    return [{name: value for name, value in each.items() if name != "lastUpdated"} for each in found]


def statuses(*messages: Any) -> list[str]:
    return [each["status"] for each in payments(*messages)]


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("PENDING", "scheduled"),
        ("SCHEDULED", "scheduled"),
        ("PARTIAL", "partial"),
        ("PAID", "paid"),
        ("OVERDUE", "missed"),
        ("MISSED", "missed"),
    ],
)
def test_upstream_status_of_a_payment_becomes_ours(word: str, ours: str) -> None:
    assert statuses(planned(1, "51.00"), instalment(2, 1, status=word)) == [ours]


@pytest.mark.parametrize("named", ["S1", None])
@pytest.mark.parametrize("minute", [1, 3])
def test_an_update_may_precede_its_schedule(named: str | None, minute: int) -> None:
    reported = instalment(minute, 2, schedule_id=named, **PAID)
    assert statuses(planned(2, "51.00", "51.00"), reported) == ["scheduled", "paid"]


def test_the_facts_of_a_status_go_with_it() -> None:
    [found] = payments(planned(1, "51.00"), instalment(2, 1, **PAID), instalment(3, 1, status="OVERDUE"))
    assert found == {"paymentNumber": 1, "dueDate": "2026-04-01", "amount": "51.00", "status": "missed"}


def test_details_that_come_alone_add_to_the_status_that_stands() -> None:
    [found] = payments(
        planned(1, "51.00"), instalment(2, 1, status="PAID"), instalment(3, 1, paid_date="2026-03-30")
    )
    assert (found["status"], found["paidDate"]) == ("paid", "2026-03-30")


def test_an_older_status_does_not_overwrite_a_newer_one() -> None:
    older = instalment(9, 1, status="PENDING", last_updated=at(2))
    assert statuses(planned(1, "51.00"), instalment(3, 1, **PAID), older) == ["paid"]


def test_two_reports_of_one_instalment_at_one_time_are_in_the_order_of_their_messages() -> None:
    one_time = {"last_updated": at(1)}
    added = instalment(3, 1, amount_remaining="1.00", **one_time)
    [found] = payments(planned(0, "51.00"), instalment(2, 1, **PAID, **one_time), added)
    assert (found["status"], found["amountPaid"], found["amountRemaining"]) == ("paid", "51.00", "1.00")


def test_the_time_of_an_instalment_is_as_reported_else_the_messages() -> None:
    reported = instalment(3, 1, status="PAID", last_updated=at(2))
    for message, minute in ((reported, 2), (instalment(3, 1, status="PAID"), 3)):
        [found] = loan(created(), planned(1, "51.00"), message)["repaymentSchedule"]["payments"]
        assert found["lastUpdated"].isoformat().replace("+00:00", "Z") == at(minute)


def test_a_newer_plan_of_the_same_id_replaces_the_list_and_keeps_the_statuses_of_its_numbers() -> None:
    messages = [
        planned(1, "51.00", "51.00", "51.00", n_payments=3, payment_frequency="weekly"),
        instalment(2, 1, **PAID),
        instalment(3, 3, **PAID),
        planned(4, "60.00", "60.00"),
    ]
    found = loan(created(), *messages)["repaymentSchedule"]
    assert [each["status"] for each in found["payments"]] == ["paid", "scheduled"]
    assert [each["amount"] for each in found["payments"]] == ["60.00", "60.00"]
    assert (found["numberOfPayments"], found["paymentFrequency"]) == (2, "weekly")


@pytest.mark.parametrize("nothing", [None, [], [None]])
def test_a_newer_plan_of_the_same_id_without_any_payment_keeps_the_list_that_stands(nothing: Any) -> None:
    assert statuses(planned(1, "51.00", "51.00"), planned(2, payments=nothing)) == ["scheduled"] * 2


def test_a_number_of_payments_that_comes_alone_adds_to_the_list_that_stands() -> None:
    found = loan(created(), planned(1, "51.00", "51.00"), planned(2, n_payments=4))["repaymentSchedule"]
    assert (found["numberOfPayments"], len(found["payments"])) == (4, 2)


def test_a_number_of_payments_that_is_not_reported_is_the_lists_length() -> None:
    assert loan(created(), planned(1, "51.00", "51.00"))["repaymentSchedule"]["numberOfPayments"] == 2


def test_a_plan_of_another_id_replaces_all_of_the_older() -> None:
    found = loan(
        created(),
        planned(1, "51.00", "51.00", payment_frequency="weekly", created_date="2026-03-01"),
        instalment(2, 1, **PAID),
        planned(3, "90.00", schedule_id="S2"),
    )["repaymentSchedule"]
    assert [each["status"] for each in found["payments"]] == ["scheduled"]
    assert found.keys() == {"scheduleId", "numberOfPayments", "payments"}


def test_an_instalment_of_another_schedule_waits_for_it() -> None:
    early = instalment(2, 1, schedule_id="S2", **PAID)
    assert statuses(planned(1, "51.00"), early) == ["scheduled"]
    assert statuses(planned(1, "51.00"), early, planned(3, "51.00", schedule_id="S2")) == ["paid"]


@pytest.mark.parametrize("nothing", [None, []])
def test_an_update_without_payments_tells_nothing(nothing: Any) -> None:
    message = sent("account.schedule.updated.v1", account_id="L1", payments=nothing)
    assert "repaymentSchedule" not in loan(created(), message)


def test_an_instalment_without_a_number_is_dropped_and_an_unknown_status_costs_no_other_fact() -> None:
    message = sent(
        "account.schedule.updated.v1",
        account_id="L1",
        payments=[
            {"status": "PAID"},
            None,
            {"payment_number": 1, "status": "ODD", "paid_date": "2026-03-30"},
        ],
        timestamp=at(2),
    )
    [found] = payments(planned(1, "51.00"), message)
    assert (found["status"], found["paidDate"]) == ("scheduled", "2026-03-30")


def test_payments_are_in_order_of_their_numbers() -> None:
    plan = {"account_id": "L1", "schedule_id": "S1", "payments": [{"payment_number": n} for n in (3, 1, 2)]}
    found = documents([created(), sent("account.schedule.created.v1", plan)])["loan-accounts"]["L1"]
    assert [each["paymentNumber"] for each in found["repaymentSchedule"]["payments"]] == [1, 2, 3]
