"""Each query of the data dictionary, as the page shows it, on documents with known answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from tests.integration.projections.dictionary.lender import (
    account,
    at,
    aud,
    insert,
    late,
    open_for_business,
    paid,
    payment,
)
from tests.integration.projections.dictionary.page import queries

QUERIES = queries()
DUE = "Repayments due in the next seven days"
ANSWERS: dict[str, list[dict[str, Any]]] = {
    "Arrears by bucket": [
        {"_id": "early_arrears", "accounts": 2, "outstanding": aud("290.20"), "mostDaysPastDue": 30},
        {"_id": "late_arrears", "accounts": 1, "outstanding": aud("400.10"), "mostDaysPastDue": 40},
    ],
    "Outcome of due instalments": [
        {"_id": "2024-03", "due": 3, "paidInTime": 1, "paidLate": 1, "open": 1},
        {"_id": "2024-04", "due": 2, "paidInTime": 0, "paidLate": 0, "open": 2},
    ],
    "Time from application to decision": [
        {"_id": "APPROVED", "chats": 2, "averageMinutes": 20.0, "longestMinutes": 30.0},
        {"_id": "DECLINED", "chats": 1, "averageMinutes": 4.0, "longestMinutes": 4.0},
        {"_id": "HARD_END", "chats": 1, "averageMinutes": 6.0, "longestMinutes": 6.0},
    ],
    "Write-offs by reason and month": [
        {"_id": {"month": "2024-03", "reason": "bankruptcy"}, "requests": 1, "amount": aud("1.00")},
        {"_id": {"month": "2024-03", "reason": "hardship"}, "requests": 2, "amount": aud("150.50")},
        {"_id": {"month": "2024-04", "reason": "deceased"}, "requests": 1, "amount": aud("9.00")},
    ],
    "Outstanding by status": [
        {"_id": None, "accounts": 1, "lent": 0, "outstanding": 0, "paid": 0},
        *(
            {"_id": status, "accounts": count, "lent": aud(lent), "outstanding": aud(owed), "paid": aud(got)}
            for status, count, lent, owed, got in (
                ("active", 1, "300.00", "100.00", "10.10"),
                ("in_arrears", 3, "900.00", "690.30", "30.30"),
                ("written_off", 1, "300.00", "0.00", "10.10"),
            )
        ),
    ],
    "Loans that missed their first instalment": [
        {"_id": "2024-03", "loans": 3, "missed": 1, "paidLate": 1, "share": 0.667},
        {"_id": "2024-04", "loans": 1, "missed": 0, "paidLate": 0, "share": 0.0},
    ],
    "Vulnerable customers in arrears": [
        {
            "customerId": "C1",
            "fullName": "Ann Lee",
            "loanAccountId": name,
            "bucket": "early_arrears",
            "daysPastDue": days,
            "outstanding": aud(owed),
        }
        for name, days, owed in (("L5", 30, "0.20"), ("L1", 10, "290.00"))
    ],
    "Unknown and rejected money commands": [
        {
            "_id": {"status": status, "kind": kind, "code": code},
            "commands": count,
            "amount": amount,
            "oldest": oldest,
        }
        for status, kind, code, count, amount, oldest in (
            ("unknown", "repayment", "DEADLINE_EXCEEDED", 2, aud("50.50"), at(2)),
            ("rejected", "adjustment", "REFUSED_BY_APPROVER", 1, 0, at(4)),
            ("rejected", "late_fee", "FAILED_PRECONDITION", 1, aud("5.00"), at(1)),
        )
    ],
    "Chats and decisions per day": [
        {
            "_id": "2024-03-02",
            "chats": 4,
            "approved": 0,
            "declined": 1,
            "referred": 1,
            "hardEnd": 1,
            "undecided": 1,
        },
        {
            "_id": "2024-03-01",
            "chats": 2,
            "approved": 2,
            "declined": 0,
            "referred": 0,
            "hardEnd": 0,
            "undecided": 0,
        },
    ],
    "The portfolio at the end of each month": [
        {"_id": month, "open": count, "inArrears": late, "outstanding": aud(owed), "paid": aud(paid)}
        for month, count, late, owed, paid in (
            ("2024-03", 4, 0, "800.50", "120.00"),
            ("2024-04", 3, 3, "700.00", "0.50"),
        )
    ],
    "Latest events of a customer": [
        {"at": when, "what": what, "text": "It happened."}
        for when, what in (
            (at(33), "arrears_changed"),
            (at(9), "repayment_received"),
            (at(2), "loan_disbursed"),
            (at(2), "loan_opened"),
        )
    ],
    "Collections by month": [
        {"_id": "2024-03", "instalments": 1, "collected": aud("100.00")},
        {"_id": "2024-04", "instalments": 3, "collected": aud("260.30")},
    ],
}


@pytest.fixture(scope="module")
def lender(shared_db: Database[dict[str, Any]]) -> Database[dict[str, Any]]:
    open_for_business(shared_db)
    return shared_db


def test_every_query_of_the_page_has_a_known_answer() -> None:
    assert sorted(QUERIES) == sorted([*ANSWERS, DUE])


@pytest.mark.parametrize("heading", ANSWERS)
def test_query_answers(heading: str, lender: Database[dict[str, Any]]) -> None:
    assert QUERIES[heading].answer(lender) == ANSWERS[heading]


def test_repayments_due_are_those_of_seven_days_from_today(mongo_db: Database[dict[str, Any]]) -> None:
    def day(offset: int) -> str:
        return (today + timedelta(days=offset)).isoformat()

    def expected(shift: int) -> list[dict[str, Any]]:
        """Of the days from ``today`` and ``shift`` on: two accounts, one of which has paid half."""
        days = range(shift, shift + 7)
        return [{"_id": day(each), "payments": 2, "amount": aud(f"{150 + each}.00")} for each in days]

    today = datetime.now(UTC).date()
    offsets = range(-3, 12)
    whole = [payment(each + 9, day(each), "scheduled", f"{100 + each}.00") for each in offsets]
    half = [payment(each + 9, day(each), "partial", amountRemaining=aud("50.00")) for each in offsets]
    settled = [paid(each + 9, day(each), day(each)) for each in offsets]
    open_for_business(mongo_db)
    insert(
        mongo_db,
        account("N1", "C2", "active", "900.00", *whole, **late("current", 0)),
        account("N2", "C2", "in_arrears", "900.00", *half, **late("early_arrears", 3)),
        account("N3", "C2", "active", "900.00", *settled, payment(99, None, "scheduled")),
        account("N4", "C2", "written_off", "900.00", *whole),
    )
    answer = QUERIES[DUE].answer(mongo_db)
    # Midnight may pass between the lines.
    assert answer in [expected(shift) for shift in range((datetime.now(UTC).date() - today).days + 1)]
