"""A small lender with known answers; its documents are as the projections write them."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from bson import Decimal128
from pymongo.database import Database

from app.aggregates.loan_account.reports import AccountStatus, AgingBucket
from app.projections.migrations import migrate
from app.projections.read_models.catalogue import COLLECTIONS
from tests.support.data.dictionary import FIELDS, faults

Document = dict[str, Any]


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A time in March 2024; day 32 is 1 April."""
    return datetime(2024, 3, 1, hour, minute, tzinfo=UTC) + timedelta(days=day - 1)


def aud(amount: str) -> Decimal128:
    return Decimal128(amount)


STAMPS = {"createdAt": at(2), "updatedAt": at(2), "_position": 1}
ANN, BOB = {"id": "ann", "role": "operations"}, {"id": "bob", "name": "Bob May"}


def payment(number: int, due: str | None, status: str, amount: str = "100.00", **more: Any) -> Document:
    """An instalment; without ``due`` it is known from news of it only."""
    planned = {} if due is None else {"dueDate": due, "amount": aud(amount)}
    return {"paymentNumber": number, "status": status, **planned, **more}


def paid(number: int, due: str | None, on: str, amount: str = "100.00") -> Document:
    """An instalment that was paid in full."""
    return payment(number, due, "paid", amount, paidDate=on, amountPaid=aud(amount))


def late(bucket: str, days: int) -> Document:
    return {"aging": {"bucket": bucket, "daysPastDue": days, "isInArrears": bucket != "current"}}


def account(
    name: str, customer: str, status: str, owed: str, *payments: Document, **more: Any
) -> tuple[str, Document]:
    """A loan of 300.00 that costs 20.00, and what is owed of it."""
    return "loan-accounts", {
        "_id": name,
        "customerId": customer,
        "accountStatus": status,
        "inArrears": status == "in_arrears",
        "loanTerms": {"loanAmount": aud("300.00"), "loanFee": aud("20.00")},
        "balances": {"currentBalance": aud(owed), "totalOutstanding": aud(owed), "totalPaid": aud("10.10")},
        "repaymentSchedule": {"payments": list(payments)},
        **more,
    }


def chat(name: str, decision: str | None, started: datetime | None, *said: Document, **more: Any) -> Any:
    facts = {"finalDecision": decision and decision.upper(), "startedAt": started}
    return "conversations", {
        "_id": name,
        "status": decision or "active",
        **{name: fact for name, fact in facts.items() if fact is not None},
        "utterances": list(said),
        "utteranceCount": len(said),
        "noticeboard": [],
        "noticeboardCount": 0,
        **more,
    }


def said(when: datetime, **more: Any) -> Document:
    return {"username": "assistant", "createdAt": when, **more}


def write_off(name: str, status: str, reason: str, amount: str, decided: datetime | None = None) -> Any:
    return "write-off-requests", {
        "_id": name,
        "requestNumber": f"WO-{name}",
        "loanAccountId": "L4",
        "amount": aud(amount),
        "reason": reason,
        "priority": "normal",
        "status": status,
        "requestedBy": {"id": "ann"},
        "requestedAt": at(1),
        **({"decision": {"by": BOB, "at": decided}} if decided else {}),
    }


def command(name: str, kind: str, status: str, asked: datetime, code: str | None = None, **what: Any) -> Any:
    return "ledger-commands", {
        "_id": name,
        "kind": kind,
        "loanAccountId": "L1",
        "idempotencyKey": name,
        "requestedBy": ANN,
        "requestedAt": asked,
        "status": status,
        **({"ledgerError": {"code": code, "message": "no"}} if code else {}),
        **what,
    }


DOCUMENTS: tuple[tuple[str, Document], ...] = (
    ("customers", {"_id": "C1", "fullName": "Ann Lee", "flags": {"vulnerable": True}}),
    ("customers", {"_id": "C2", "fullName": "Bob May", "flags": {"vulnerable": False}}),
    ("customers", {"_id": "C3", "fullName": "Cyd Ray", "flags": {"vulnerable": True}}),
    ("customers", {"_id": "C4", "fullName": "Dee Fox"}),
    account(
        *("L1", "C1", "in_arrears", "290.00"),
        paid(1, "2024-03-15", "2024-03-15"),
        payment(2, "2024-04-15", "missed", amountRemaining=aud("100.00")),
        **late("early_arrears", 10),
    ),
    account(
        *("L2", "C2", "in_arrears", "400.10"), payment(1, "2024-03-20", "missed"), **late("late_arrears", 40)
    ),
    account(
        *("L3", "C4", "active", "100.00"),
        paid(1, "2024-03-10", "2024-04-02", "60.50"),
        payment(2, "2124-03-10", "scheduled"),
        **late("current", 0),
    ),
    account(*("L4", "C3", "written_off", "0.00"), paid(2, None, "2024-04-30"), **late("default", 120)),
    account(
        *("L5", "C1", "in_arrears", "0.20"),
        payment(1, "2024-04-20", "partial", amountPaid=aud("99.80"), paidDate="2024-04-20"),
        **late("early_arrears", 30),
    ),
    ("loan-accounts", {"_id": "L6", "customerId": "C2"}),
    chat("V1", "approved", at(1, 23, 50), said(at(2), endConversation=True), said(at(3)), updatedAt=at(3)),
    chat("V2", "approved", at(1, 10), said(at(1, 10, 1)), updatedAt=at(1, 10, 30)),
    chat("V3", "declined", at(2, 8), said(at(2, 8, 4), endConversation=True)),
    chat("V4", None, None),
    chat("V5", "hard_end", at(2, 9), said(at(2, 9, 6), endConversation=True)),
    chat("V6", "referred", None),
    write_off("W1", "approved", "hardship", "100.00", at(31, 23, 59)),
    write_off("W2", "approved", "hardship", "50.50", at(2)),
    write_off("W3", "approved", "deceased", "9.00", at(32)),
    write_off("W4", "approved", "bankruptcy", "1.00", at(31)),
    write_off("W5", "rejected", "hardship", "70.00", at(2)),
    write_off("W6", "pending", "hardship", "80.00"),
    command("K1", "repayment", "unknown", at(3), "DEADLINE_EXCEEDED", amount=aud("20.00")),
    command("K2", "repayment", "unknown", at(2), "DEADLINE_EXCEEDED", amount=aud("30.50")),
    command("K3", "late_fee", "rejected", at(1), "FAILED_PRECONDITION", amount=aud("5.00")),
    command("K4", "repayment", "posted", at(1), amount=aud("500.00"), transactionId="T1"),
    command("K5", "adjustment", "rejected", at(4), "REFUSED_BY_APPROVER", feeDelta=aud("-1.00")),
)


def business_day(day: str, owed: str, paid: str = "0.00", **accounts: int) -> Any:
    return "portfolio-daily", {
        "_id": day,
        "accountsByStatus": dict.fromkeys(get_args(AccountStatus), 0) | accounts,
        "accountsByBucket": dict.fromkeys(get_args(AgingBucket), 0),
        "accountsInArrears": accounts.get("in_arrears", 0),
        "outstandingTotal": aud(owed),
        "paidTotal": aud(paid),
        "payments": 1,
    }


def month(customer: str, month: str, *happened: tuple[datetime, str]) -> Any:
    entries = [
        {"at": when, "position": place, "what": what, "text": "It happened."}
        for place, (when, what) in enumerate(happened)
    ]
    return "customer-timeline", {
        "_id": f"{customer}:{month}",
        "customerId": customer,
        "month": month,
        "entries": entries,
        "entryCount": len(entries),
    }


HISTORIES = (
    business_day("2024-03-30", "900.00", "20.00", active=2, in_arrears=1, paid_off=7),
    business_day("2024-03-31", "800.50", "100.00", active=3, pending_disbursement=1),
    business_day("2024-04-02", "700.00", "0.50", in_arrears=3),
    month("C1", "2024-03", (at(2), "loan_opened"), (at(2), "loan_disbursed"), (at(9), "repayment_received")),
    month("C1", "2024-04", (at(33), "arrears_changed")),
    month("C2", "2024-04", (at(34), "arrears_changed")),
)


def insert(database: Database[dict[str, Any]], *documents: tuple[str, Document]) -> None:
    """Store documents. Fails the test for one that is not as the data dictionary says."""
    for collection, document in documents:
        described = FIELDS[collection].keys() | {"_position"}
        stamped = {name: value for name, value in STAMPS.items() if name in described} | document
        stamped[COLLECTIONS[collection].identifier()] = document["_id"]
        assert faults(collection, stamped) == [], document["_id"]
        database[collection].insert_one(stamped)


def open_for_business(database: Database[dict[str, Any]]) -> None:
    """With its collections, validators and indexes, and all of its documents."""
    list(migrate(database))
    insert(database, *DOCUMENTS, *HISTORIES)
