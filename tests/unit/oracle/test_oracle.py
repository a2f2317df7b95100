"""The oracle itself, by cases that were worked out by hand from the contract."""

import json
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from tests.oracle.documents import Documents, documents

CREATED = ("account.created.v1", {"account_id": "L1", "customer_id": "C1", "loan_total_payable": 620})
LENT = ("account.updated.v1", {"account_id": "L1", "current_balance": "620.00", "status": "ACTIVE"})


def after(*messages: tuple[str, dict[str, Any]], places: list[int] | None = None) -> Documents:
    """The documents after these messages: sent on the 1st, the 2nd, ... of March, come in on 1 June."""
    return documents(
        [
            (
                f"{1_780_272_000_000 + arrival}-0",
                {
                    "typ": messages[place][0],
                    "event_id": f"m{place}",
                    "cid": "V1",
                    "timestamp": f"2026-03-{place + 1:02}T09:00Z",
                    "dat": json.dumps(messages[place][1]),
                },
            )
            for arrival, place in enumerate(places or range(len(messages)))
        ]
    )


def loan(*messages: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """The loan account after its creation, its disbursement and these, which is the same in every order."""
    expected = after(CREATED, LENT, *messages)
    orders = permutations(range(len(messages) + 2))
    assert all(after(CREATED, LENT, *messages, places=list(order)) == expected for order in orders)
    return expected["loan-accounts"]["L1"]


def balance(amount: str, kind: str | None = None, **more: str) -> tuple[str, dict[str, Any]]:
    """A report of a balance, by a type of transaction."""
    payload = {"account_id": "L1", "current_balance": amount, "triggered_by_transaction_type": kind}
    return ("account.updated.v1", payload | more)


def closed(**facts: str) -> tuple[str, dict[str, Any]]:
    """A closure with these facts."""
    return ("account.closed.v1", {"account_id": "L1"} | facts)


def test_a_fee_moves_what_is_payable_and_never_what_was_paid() -> None:
    account = loan(balance("635.00", "LATE_FEE"), balance("535.00"))
    assert account["balances"]["totalPaid"] == Decimal(100)
    assert account["lastPayment"] == {"date": "2026-03-04", "amount": Decimal(100)}
    assert account["loanTerms"]["totalPayable"] == Decimal(620)


def test_two_falls_of_one_transaction_are_one_payment() -> None:
    falls = [balance(amount, triggered_by_transaction_id="T1") for amount in ("600.00", "570.00")]
    assert loan(*falls)["lastPayment"]["amount"] == Decimal(50)


def test_the_last_payment_has_nothing_left_of_the_one_before() -> None:
    stated = balance("600.00", last_payment_amount="19.00", last_payment_date="2026-02-28")
    assert loan(stated)["lastPayment"] == {"date": "2026-02-28", "amount": Decimal(19)}
    assert loan(stated, balance("570.00"))["lastPayment"] == {"date": "2026-03-04", "amount": Decimal(30)}


@pytest.mark.parametrize(
    ("messages", "written_off"),
    [
        ([closed(closure_reason="WRITTEN_OFF")], 495),
        ([closed(closure_reason="WRITTEN_OFF", final_balance="495.00")], 495),
        ([balance("0.00", "WRITE_OFF"), closed(closure_reason="WRITTEN_OFF", final_balance="0.00")], 495),
    ],
)
def test_a_written_off_amount_is_neither_owed_nor_paid(messages: list[Any], written_off: int) -> None:
    account = loan(balance("495.00"), *messages)
    assert account["accountStatus"] == "written_off"
    assert account["closure"]["writtenOffAmount"] == written_off
    assert account["balances"]["totalPaid"] == Decimal(125)
    assert account["balances"]["currentBalance"] == 0
    assert account["aging"] == {
        "bucket": "closed",
        "daysPastDue": 0,
        "isInArrears": False,
        "lastUpdated": account["updatedAt"],
    }


def test_a_reopening_ends_the_closure_with_all_its_facts() -> None:
    reopened = ("account.status_changed.v1", {"account_id": "L1", "new_status": "ACTIVE"})
    account = loan(closed(closure_reason="WRITTEN_OFF", total_paid="620.00"), reopened)
    assert "closure" not in account
    assert account["balances"]["totalPaid"] == 0
    assert account["balances"]["currentBalance"] == Decimal(620)
    assert account["reopenedAt"] == account["updatedAt"]
    assert loan(closed(closure_reason="WRITTEN_OFF"), reopened, closed())["accountStatus"] == "paid_off"


def test_a_newer_status_of_an_instalment_replaces_the_facts_of_the_older_one() -> None:
    def report(**facts: str) -> tuple[str, dict[str, Any]]:
        payments = [None, {"payment_number": "1"} | facts]
        return ("account.schedule.updated.v1", {"account_id": "L1", "payments": payments})

    plan = {"account_id": "L1", "schedule_id": "S1", "payments": [{"payment_number": 1, "amount": "620"}]}
    account = loan(
        ("account.schedule.created.v1", plan),
        report(status="PAID", paid_date="2026-03-03", amount_paid="620"),
        report(status="OVERDUE", amount_remaining="620"),
    )
    payment = account["repaymentSchedule"]["payments"][0]
    assert payment.pop("lastUpdated") == account["updatedAt"]
    assert payment == {
        "paymentNumber": 1,
        "amount": Decimal(620),
        "status": "missed",
        "amountRemaining": Decimal(620),
    }


def test_a_newer_plan_with_an_empty_list_keeps_the_list_that_stands() -> None:
    plan = {"account_id": "L1", "schedule_id": "S1", "payments": [{"payment_number": 1, "amount": "620"}]}
    kind = "account.schedule.created.v1"
    payments = loan((kind, plan), (kind, plan | {"payments": []}))["repaymentSchedule"]["payments"]
    assert [payment["paymentNumber"] for payment in payments] == [1]


def test_a_complete_address_replaces_the_previous_one_and_parts_change_it() -> None:
    def moved(**address: str) -> tuple[str, dict[str, Any]]:
        return ("customer.changed.v1", {"customer_id": "C1", "residentialAddress": address})

    whole = moved(unitNumber="4", streetNumber="12", streetName="High", streetType="St", city="Perth")
    first = after(whole, moved(fullAddress="4/12 High St, Perth"), moved(postcode="6000"))["customers"]["C1"]
    assert first["residentialAddress"]["street"] == "Unit 4, 12 High St"
    assert first["residentialAddress"]["suburb"] == first["residentialAddress"]["city"] == "Perth"
    assert "fullAddress" not in first["residentialAddress"]
    second = after(whole, moved(street_name="Low", postcode="5045"))["customers"]["C1"]
    assert second["residentialAddress"] == {"streetName": "Low", "street": "Low", "postcode": "5045"}


def test_details_of_a_decision_belong_to_it() -> None:
    declined = ("final_decision", {"decision": "DECLINED", "reason": "income", "blocked_until": "2026-06-01"})
    chat = after(declined, ("final_decision", {"outcome": "approved"}))["conversations"]["V1"]
    assert (chat["finalDecision"], chat["status"]) == ("APPROVED", "approved")
    assert "decisionDetail" not in chat
    alone = ("final_credit_decision", {"retry_eligible": "true"})
    assert "decisionDetail" not in after(alone)["conversations"]["V1"]
    assert after(alone, declined)["conversations"]["V1"]["decisionDetail"]["retryEligible"] is True


def test_money_that_the_ledger_moved_against_the_rule_is_irregular() -> None:
    asked = {"loanAccountId": "L1", "amount": "495", "reason": "hardship", "requestedBy": "ann"}
    approved = ("writeoff.approved.v1", {"approvedBy": " ANN"})
    posted = ("writeoff.approved.v1", {"approvedBy": "Ann", "transactionId": "T1"})
    request = ("writeoff.requested.v1", asked)
    assert after(request, approved)["write-off-requests"]["V1"]["status"] == "pending"
    found = after(CREATED, request, posted)["write-off-requests"]["V1"]
    assert (found["status"], found["irregular"], found["customerId"]) == ("approved", True, "C1")


def test_money_that_does_not_parse_costs_the_message_and_an_optional_part_does_not() -> None:
    assert (
        "status"
        not in after(("account.updated.v1", {"account_id": 7.0, "status": "ODD"}))["loan-accounts"]["7"]
    )
    assert not after(balance("odd"))["loan-accounts"]
