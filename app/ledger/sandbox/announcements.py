"""What the ledger's owners publish on the inbox stream after a posting of theirs."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from app.ledger.sandbox.amounts import NOTHING, text
from app.ledger.sandbox.journal import Kind, Posting, postings
from app.ledger.sandbox.schedules import schedule_of

Entry = dict[str, str]


def announcements(database: sqlite3.Connection, posted: Posting, closed_as: str | None) -> Iterator[Entry]:
    """The entries: the account's new balance, what became of its instalments, and its closing.

    Each has an identity of its own, made once: however often it is published, it is absorbed once. No status
    is told with a balance, for the ledger does not know whether an account is in arrears.
    """
    day = posted.effective_date
    update: dict[str, Any] = {
        "account_id": posted.loan_account_id,
        "current_balance": text(posted.total_after),
        "triggered_by_transaction_type": posted.kind.value,
        "triggered_by_transaction_id": posted.transaction_id,
    }
    if posted.kind is Kind.REPAYMENT:
        paid = posted.overpayment - posted.total_delta
        update |= {"last_payment_date": day, "last_payment_amount": text(paid)}
    yield _entry("account.updated.v1", posted.event_id, update, posted.created_at)
    if posted.allocations:
        news = _instalments(database, posted)
        yield _entry("account.schedule.updated.v1", f"{posted.event_id}.schedule", news, posted.created_at)
    if closed_as is not None:
        closure = _closure(database, posted, closed_as)
        yield _entry("account.closed.v1", f"{posted.event_id}.closed", closure, posted.created_at)


def _instalments(database: sqlite3.Connection, posted: Posting) -> dict[str, Any]:
    schedule_id, instalments = schedule_of(database, posted.loan_account_id)
    paid = {each.payment_number for each in posted.allocations}
    return {
        "account_id": posted.loan_account_id,
        "schedule_id": schedule_id,
        "payments": [
            {
                "payment_number": each.payment_number,
                "status": "PARTIAL" if each.remaining else "PAID",
                "paid_date": posted.effective_date,
                "amount_paid": text(each.paid),
                "amount_remaining": text(each.remaining),
                "linked_transaction_ids": list(each.transactions),
                "last_updated": posted.created_at.isoformat(),
            }
            for each in instalments
            if each.payment_number in paid
        ],
    }


def _closure(database: sqlite3.Connection, posted: Posting, closed_as: str) -> dict[str, Any]:
    paid = payable = NOTHING
    for each in postings(database, posted.loan_account_id):
        if each.kind is Kind.REPAYMENT:
            paid -= each.total_delta
        elif each.kind in (Kind.DISBURSEMENT, Kind.ESTABLISHMENT_FEE):
            payable += each.total_delta
    return {
        "account_id": posted.loan_account_id,
        "closure_reason": closed_as,
        "final_balance": text(posted.total_after),
        "total_paid": text(paid),
        "loan_total_payable": text(payable),
        "closed_date": posted.effective_date,
        "triggered_by_transaction_id": posted.transaction_id,
    }


def _entry(kind: str, event_id: str, payload: dict[str, Any], at: datetime) -> Entry:
    # The time stands in the payload too: it decides which of two reports of a balance is newer.
    return {
        "event_type": kind,
        "event_id": event_id,
        "payload": json.dumps(payload | {"timestamp": at.isoformat()}),
        "timestamp": at.isoformat(),
        "agt": "ledger-sandbox",
        "rec": '["billie-srv"]',
        "cls": "msg",
    }
