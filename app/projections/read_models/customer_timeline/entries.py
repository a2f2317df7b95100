"""The entries of a customer's timeline: how an event becomes one, and their order in a list."""

from bisect import bisect_right
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
from app.projections.engine.projection import Event, event_classes
from app.projections.engine.values import Document, money, put, time
from app.projections.read_models.calendar import happened_at
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


def _index(entries: list[Document], entry: Document) -> int:
    return bisect_right(entries, _order(entry), key=_order)


def _order(entry: Document) -> tuple[datetime, int]:
    return entry["at"], entry["position"]


def _without_time(entry: Document) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in _ORDER}
