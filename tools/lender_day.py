"""Writes the sample: ``python -m tools.lender_day > samples/lender-day.jsonl``. Always the same.

Every valid entry has its own identity, so publishing the file again changes nothing. Some entries are sent
twice, and some out of order.

Beside a lender's days it has messages at the edges of the contract: a customer who moves, a clock a century
ahead, a chat that is decided twice and has an assessment too large for a document, loans that are reopened, a
write-off that the ledger posts against a rule.
"""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from app.demo.lender import Lender
from app.demo.publishers import ChatHeader, Entry, Publishers, TimedEntry

_SEED = 20_260_306
_CUSTOMERS = 40
_FIRST = 900_001  # None of the demo's own customers has such a number.


def _lives(**address: Any) -> tuple[str, dict[str, Any]]:
    return "customer.changed.v1", {"residential_address": address}


def _details(**details: Any) -> tuple[str, dict[str, Any]]:
    return "applicationDetail_changed", details


def _pays(*payments: dict[str, Any] | None) -> tuple[str, str, dict[str, Any]]:
    return "planned", "schedule.updated", {"payments": list(payments)}


_CUSTOMER = "CUS-900900/A"
_CHAT = ChatHeader("CONV-900900/A", _CUSTOMER, "70010")
_OF_CUSTOMER: tuple[tuple[str, dict[str, Any]], ...] = (
    # A name in Chinese, not in parts yet; blanks, a null, and what cannot be read cost nothing else.
    ("customer.created.v1", {"first_name": "  ", "date_of_birth": "the fourth", "ekyc_status": "IN_REVIEW"}),
    # A whole address; a street's parts outrank a ready-made street; `city` is the suburb.
    _lives(street="4/12 High St", city="Perth", state="WA"),
    _lives(unit_number=4, full_address="4/12 High St, Perth"),
    ("customer.verified.v1", {}),
    # The customer moves: nothing of the older address is left. Then a part changes.
    _lives(street_name="Low", street_type="Rd", suburb="Subiaco"),
    _lives(postcode=6008.0, country={"code": "AU"}),
    # A clock a century ahead: the number counts from when it came in, and the next one outranks it.
    ("customer.updated.v1", {"mobile_phone_number": "0491570006", "changed_at": "2126-03-02T09:00:00Z"}),
    ("customer.updated.v1", {"mobile_phone_number": "0491570156", "changed_at": "2126-03-02T08:00:00Z"}),
    # The identity is checked again: no longer verified.
    ("customer.updated.v1", {"ekyc_status": "declined", "staff": "perhaps", "vulnerable": " yes "}),
)
_OF_CHAT: tuple[tuple[str, dict[str, Any]], ...] = (
    _details(customer={"name": "王小明", "email": "wang@example.com", "phone": 491570006}),
    _details(application_number=70010.0, **{"$when": {"pay.day": "friday"}}, pets=[None]),
    ("fraudCheck_assessment", {"flags": [" velocity ", "", None], "level": "high"}),
    ("fraudCheck_assessment", {"flags": [], "level": "low"}),
    # Too large for a document, which leaves it out, says so, and shows what comes later.
    ("credit_assessment_accountConduct_result", {"days": [0] * 49_000}),
    ("noticeboard_post", {"agentName": "credit::Serviceability", "post": "Income covers the loan."}),
    ("noticeboard_post", {"agent_name": "credit", "content": {"surplus": 120}}),
    ("conversation_summary", {"purpose": " a bond ", "facts": ["rents", "  ", None, "has a job"]}),
    # Details that came before any decision, a decision, and details of it that come alone.
    ("final_decision", {"source_application_number": "A-1"}),
    (
        "final_decision",
        {"decision": "Decision.DECLINED", "reason": "surplus too low", "blocked_until": "2026-06-01"},
    ),
    ("final_decision", {"retry_eligible": "true"}),
    # A newer decision: nothing of the older one is left. Upstream's own word ended the chat.
    ("final_credit_decision", {"outcome": "withdrawn", "blocked_until": "soon"}),
)
_PAID = {"triggered_by_transaction_type": "REPAYMENT"}
_DUE = [
    {"payment_number": number, "due_date": f"2026-03-{9 + 7 * number}", "amount": "51.00"}
    for number in (1, 2, 3)
]
_OF_LOANS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    # Less is disbursed than is payable, and the fee follows: nothing is paid. Then three payments of one
    # amount on one day, and one in arrears; the first is reversed.
    (
        "fees",
        "created",
        {"status": "PENDING_DISBURSEMENT", "current_balance": 0, "loan_total_payable": "52.5"},
    ),
    ("fees", "updated", {"current_balance": "50.00", "triggered_by_transaction_type": "DISBURSEMENT"}),
    ("fees", "updated", {"current_balance": "52.50", "triggered_by_transaction_type": "ESTABLISHMENT_FEE"}),
    ("fees", "updated", {"current_balance": "47.50", **_PAID, "triggered_by_transaction_id": "TX-EDGE-1"}),
    ("fees", "updated", {"current_balance": "42.50", **_PAID, "last_payment_date": "2026-03-01"}),
    ("fees", "updated", {"current_balance": "37.50"}),
    ("fees", "updated", {"current_balance": "52.50", "triggered_by_transaction_type": "LATE_FEE"}),
    ("fees", "status_changed", {"new_status": "AccountStatus.SUSPENDED"}),
    ("fees", "updated", {"current_balance": "47.50", "last_payment_amount": "5.00"}),
    ("fees", "updated", {"current_balance": "52.50", **_PAID, "triggered_by_transaction_id": "TX-EDGE-1"}),
    # Written off with what a transaction took before; reopened; closed again without a reason.
    ("ended", "created", {"status": "ACTIVE", "current_balance": "620.00", "loan_total_payable": "620.00"}),
    ("ended", "updated", {"current_balance": "495.00", **_PAID, "commencement_date": "someday"}),
    ("ended", "updated", {"current_balance": "0.00", "triggered_by_transaction_type": "WRITE_OFF"}),
    ("ended", "closed", {"closure_reason": "WRITTEN_OFF", "final_balance": "0.00", "total_paid": "620.00"}),
    ("ended", "updated", {"current_balance": "495.00", "status": "ACTIVE"}),
    ("ended", "closed", {"previous_status": "ACTIVE"}),
    # An account that an administrator closes; what is late about it does not show.
    ("released", "created", {"status": "ACTIVE", "current_balance": "30.00", "loan_total_payable": "300.00"}),
    ("released", "aging", {"bucket": "late_arrears", "dpd": 41}),
    ("released", "closed", {"closure_reason": "ADMIN_CLOSED"}),
    # A plan whose second edition is shorter; paid, then overdue; items that cannot be read.
    ("planned", "created", {"status": "ACTIVE", "current_balance": "153.00", "loan_total_payable": "153.00"}),
    ("planned", "schedule.created", {"schedule_id": "EDGE", "n_payments": 3, "payments": _DUE}),
    _pays({"payment_number": 1, "status": "PAID", "amount_paid": 51}),
    _pays({"payment_number": 1, "status": "OVERDUE"}, None, {}),
    _pays({"payment_number": 2, "status": "MAYBE", "amount_paid": 9}),
    ("planned", "schedule.created", {"schedule_id": "EDGE", "payments": _DUE[:2]}),
    ("planned", "schedule.updated", {"payments": None}),
    ("planned", "aging", {"bucket": "early_arrears", "dpd": "3"}),
    # Written off on a request that the requester approved; its customer does not match the account's.
    ("posted", "created", {"status": "ACTIVE", "current_balance": "550.00", "loan_total_payable": "550.00"}),
    ("posted", "closed", {"closure_reason": "WRITTEN_OFF", "final_balance": "550.00"}),
)
_OF_REQUEST: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "writeoff.requested.v1",
        {
            "loanAccountId": "ACC-900900/posted",
            "amount": "550.00",
            "reason": "hardship",
            "requestedBy": "staff-7",
            "customerId": "CUS-900001",
            "customerName": "Mr Wang",
            "accountNumber": "900900",
        },
    ),
    (
        "writeoff.approved.v1",
        {"approvedBy": "Staff-7", "transactionId": "TX-900900-1", "ledgerEventId": "LE-900900-1"},
    ),
)


def edge_cases(publishers: Publishers, begins: datetime) -> Iterator[TimedEntry]:
    """The entries, a minute apart."""
    at = (begins + timedelta(minutes=number) for number in count(1))
    for kind, payload in _OF_CUSTOMER:
        yield publishers.customer(_CUSTOMER, kind, payload, next(at))
    for kind, payload in _OF_CHAT:
        yield publishers.chat(kind, payload, next(at), _CHAT)
    for name, event, payload in _OF_LOANS:
        kind = "loan.aging.updated.v1" if event == "aging" else f"account.{event}.v1"
        whose = {"customer_id": _CUSTOMER} if event == "created" else {}
        yield publishers.service(kind, {"account_id": f"ACC-900900/{name}", **whose, **payload}, next(at))
    for kind, payload in _OF_REQUEST:
        yield publishers.service(kind, payload, next(at), conv="WOR-900900/A", cause="click-900900")


def sample(seed: int = _SEED, customers: int = _CUSTOMERS) -> list[Entry]:
    """The history of so many customers until that day, in stream order."""
    chance = Random(seed)
    day = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    timed = Lender(seed).history(range(_FIRST, _FIRST + customers), day)
    publishers = Publishers(chance)
    for hour in range(6):
        at = day - timedelta(hours=hour)
        timed += [publishers.poison(at), publishers.unknown(at)]
    timed += edge_cases(publishers, day)
    entries = [each.entry for each in sorted(timed, key=lambda each: each.at)]
    for _ in range(len(entries) // 36):
        # A publisher's retry: the same logical message under another entry id.
        entries.insert(chance.randrange(len(entries)), dict(chance.choice(entries)))
    for _ in range(len(entries) // 14):
        first = chance.randrange(len(entries) - 5)
        second = first + chance.randint(1, 5)
        entries[first], entries[second] = entries[second], entries[first]
    return entries


if __name__ == "__main__":
    for entry in sample():
        sys.stdout.write(json.dumps(entry) + "\n")
