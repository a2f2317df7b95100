"""Words for messages about the loan L1, each of a minute of 1 March 2026."""

from typing import Any

from tests.support.data.contract import Sent, in_any_order, sent

Document = dict[str, Any]


def at(minute: int) -> str:
    """So many minutes after noon, in UTC: 23:00 in Sydney."""
    return f"2026-03-{1 + (12 + minute // 60) // 24:02}T{(12 + minute // 60) % 24:02}:{minute % 60:02}:00Z"


def created(minute: int = 0, **keys: Any) -> Sent:
    """The creation of a loan of 620.00."""
    return sent(
        "account.created.v1",
        {"account_id": "L1", "customer_id": "C1", "loan_total_payable": "620.00"} | keys,
        entry={"timestamp": at(minute)},
    )


def running(balance: str = "620.00", **keys: Any) -> Sent:
    """The same, already paid out."""
    return created(status="ACTIVE", current_balance=balance, **keys)


def updated(minute: int, balance: str | None = None, by: str | None = None, **keys: Any) -> Sent:
    """A snapshot with a balance, and the type of the transaction that moved it."""
    reported = {"current_balance": balance, "triggered_by_transaction_type": by}
    payload = {"account_id": "L1", "timestamp": at(minute)} | {k: v for k, v in reported.items() if v} | keys
    return sent("account.updated.v1", payload)


def status(minute: int, word: str) -> Sent:
    """Another status."""
    return sent("account.status_changed.v1", account_id="L1", new_status=word, changed_at=at(minute))


def closed(minute: int, reason: str | None = None, **keys: Any) -> Sent:
    """A closing."""
    payload = {"account_id": "L1", "timestamp": at(minute)} | keys
    return sent("account.closed.v1", payload | ({"closure_reason": reason} if reason else {}))


def aged(minute: int, bucket: str | None = None, **keys: Any) -> Sent:
    """An aging report."""
    payload = {"account_id": "L1", "last_updated": at(minute)} | keys
    return sent("loan.aging.updated.v1", payload | ({"bucket": bucket} if bucket else {}))


def planned(minute: int, *amounts: str, schedule_id: str = "S1", **keys: Any) -> Sent:
    """A plan of payments, numbered from 1, due on the first days of April."""
    payments = [
        {"payment_number": number, "due_date": f"2026-04-{number:02}", "amount": amount}
        for number, amount in enumerate(amounts, 1)
    ]
    listed = {"payments": payments} if payments else {}
    payload = {"account_id": "L1", "schedule_id": schedule_id, "timestamp": at(minute)}
    return sent("account.schedule.created.v1", payload | listed | keys)


def instalment(minute: int, number: int | None, *, schedule_id: str | None = None, **facts: Any) -> Sent:
    """What became of one payment."""
    payment = facts if number is None else {"payment_number": number} | facts
    named = {"schedule_id": schedule_id} if schedule_id else {}
    return sent(
        "account.schedule.updated.v1",
        {"account_id": "L1", "timestamp": at(minute), "payments": [payment]} | named,
    )


def loan(*messages: Sent) -> Document:
    """The loan's document after these messages, in any order of their arrival."""
    found: Document = in_any_order(list(messages), names=("loan-accounts",))["loan-accounts"]["L1"]
    return found


def sums(*messages: Sent) -> tuple[str | None, str | None]:
    """What is paid, and what is owed, after these messages, in any order."""
    balances = loan(*messages).get("balances", {})
    return balances.get("totalPaid"), balances.get("currentBalance")
