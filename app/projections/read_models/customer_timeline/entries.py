"""The entries of a customer's timeline: how an event becomes one, and their order in a list.

What a timeline says of a loan's payments, write-offs and closings follows from all of the loan's reports.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from app.aggregates import (
    CommandKind,
    ContactNote,
    Conversation,
    Customer,
    LedgerCommand,
    LoanAccount,
    WriteOffRequest,
)
from app.aggregates.base import Aggregate
from app.aggregates.loan_account.reports import Report, amount_of, time_of
from app.aggregates.loan_account.standing import Payment, Standing
from app.projections.engine.documents import Document
from app.projections.engine.projection import Event, event_classes, money, put, time
from app.projections.read_models.calendar import BusinessCalendar, happened_at, payment_day
from app.projections.read_models.customer_timeline.sentences import What, sentence_of


class Subject(NamedTuple):
    """The aggregate that an entry is about."""

    name: str
    """In the key of its lookup document."""
    field: str | None
    """The field of an entry that holds its id."""


_KINDS: dict[type[Aggregate], Subject] = {
    Customer: Subject("customer", None),
    LoanAccount: Subject("account", "loanAccountId"),
    Conversation: Subject("conversation", "conversationId"),
    ContactNote: Subject("note", "noteId"),
    WriteOffRequest: Subject("request", "requestId"),
    LedgerCommand: Subject("command", "commandId"),
}
SUBJECTS = {event_class: subject for kind, subject in _KINDS.items() for event_class in event_classes(kind)}
_STATE_REPORTS: frozenset[What] = frozenset(
    (
        *("ekyc_assessed", "loan_opened", "loan_status_changed", "balance_changed", "arrears_changed"),
        *("application_changed", "conversation_summarised"),
    )
)
"""Reports of a state, some of them daily: the same state again is no news."""
_ORDER = ("at", "position")
_OF_MONEY = ("status", "current_balance", "last_payment_date", "last_payment_amount", "closure")


def entry_of(event: Event, facts: Document, position: int) -> Document | None:
    """The entry of an event at a position, if it has one; ``facts`` are those of :func:`facts_of`, if any."""
    if (sentence := sentence_of(event, facts)) is None:
        return None
    entry: Document = {
        "at": time(happened_at(event)),
        "position": position,
        "what": sentence.what,
        "text": sentence.text,
    }
    if (field := SUBJECTS[type(event)].field) is not None:
        entry[field] = event.business_id
    put(
        entry,
        **{name: facts.get(name) for name in ("loanAccountId", "conversationId", "requestId")},
        amount=money(sentence.amount),
        actor=sentence.actor,
        transactionId=sentence.transaction_id,
    )
    return entry


def facts_of(event: Event) -> Document | None:
    """The facts that a request, a command or a note starts with, and that its later events do not repeat."""
    facts: Document = {}
    match event:
        case WriteOffRequest.Requested():
            put(facts, amount=money(event.amount), kind=CommandKind.WRITE_OFF.value)
        case LedgerCommand.Requested():
            deltas = [each for each in (event.principal_delta, event.fee_delta) if each is not None]
            amount = sum(deltas, Decimal(0)) if event.amount is None and deltas else event.amount
            put(facts, amount=money(amount), kind=event.kind)
            put(facts, requestId=(event.details or {}).get("request_id"), requestedBy=event.requested_by)
        case ContactNote.Written():
            put(facts, conversationId=event.conversation_id)
        case _:
            return None
    put(facts, loanAccountId=event.loan_account_id)
    return facts


def insert(entries: list[Document], entry: Document, keep: int) -> Document | None:
    """Insert in order of time, ties by position. Returns the oldest entry if more than ``keep`` would
    remain."""
    entries.insert(_index(entries, entry), entry)
    return entries.pop(0) if len(entries) > keep else None


def repeats(entries: list[Document], entry: Document) -> bool:
    """Whether it reports the same state as the last entry before it of its kind, about the same thing."""
    if entry["what"] not in _STATE_REPORTS:
        return False
    for before in reversed(entries[: _index(entries, entry)]):
        if all(before.get(name) == entry.get(name) for name in ("what", "loanAccountId", "conversationId")):
            return _without_time(before) == _without_time(entry)
    return False


def concerns_money(report: Report) -> bool:
    """Whether a payment, a write-off or a closing may follow from a report."""
    return any(name in report for name in _OF_MONEY)


def money_entries(
    account_id: str, reports: list[Report], posted: Collection[str], calendar: BusinessCalendar
) -> list[Document]:
    """The entries that follow from a loan's reports, in order of time.

    A transaction that was ``posted`` for a command over the API has the command's entry instead.
    """
    standing, entries = Standing(), list[Document]()
    for report in reports:
        owed = standing.balance
        standing.take(report)
        entries += _ended(report, standing, owed, posted)
    for payment in standing.payments:
        if payment.transaction_id not in posted:
            entries.append(_paid(payment, calendar))
    for entry in entries:
        entry["loanAccountId"] = account_id
    return sorted(entries, key=_order)


def is_of(account_id: str, entry: Document) -> bool:
    """Whether an entry of a timeline is one of these, about this account."""
    is_money = entry["what"] in ("repayment_received", "written_off", "loan_closed")
    return is_money and entry.get("loanAccountId") == account_id and "commandId" not in entry


def _index(entries: list[Document], entry: Document) -> int:
    return bisect_right(entries, _order(entry), key=_order)


def _order(entry: Document) -> tuple[datetime, int]:
    return entry["at"], entry["position"]


def _without_time(entry: Document) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in _ORDER}


def _paid(payment: Payment, calendar: BusinessCalendar) -> Document:
    amount = amount_of(payment.amount or payment.fell_by)
    text = f"A repayment of {amount:.2f} was received on {payment_day(payment, calendar)}."
    entry: Document = {
        "at": time(time_of(payment.at)),
        "position": payment.position,
        "what": "repayment_received",
        "text": text,
        "amount": money(amount),
    }
    put(entry, transactionId=payment.transaction_id)
    return entry


def _ended(
    report: Report, standing: Standing, owed: int | None, posted: Collection[str]
) -> Iterator[Document]:
    """What a report wrote off, and the closing of the loan."""
    at, position = time(time_of(report["at"])), report.get("position", 0)
    transaction_id = report.get("triggered_by_transaction_id")
    is_write_off = report.get("triggered_by_transaction_type") == "WRITE_OFF"
    gone = (owed or 0) - (standing.balance or 0)
    if is_write_off and gone > 0 and "current_balance" in report and transaction_id not in posted:
        text = f"{amount_of(gone):.2f} was written off."
        entry: Document = {"at": at, "position": position, "what": "written_off", "text": text}
        put(entry, amount=money(amount_of(gone)), transactionId=transaction_id)
        yield entry
    if (closure := report.get("closure")) is not None:
        reason, became = closure.get("reason", "").lower().replace("_", " "), ""
        left = standing.released if standing.written_off is None else standing.written_off
        if left is not None:
            became = (
                f", and {amount_of(left):.2f} was {'released' if standing.written_off is None else reason}"
            )
        elif reason:
            became = f": {reason}"
        entry = {
            "at": at,
            "position": position,
            "what": "loan_closed",
            "text": f"The loan was closed{became}.",
        }
        put(entry, amount=None if left is None else money(amount_of(left)))
        yield entry
