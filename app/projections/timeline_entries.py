"""The entries of a customer's timeline: what an event is about, when it happened, and what it comes to."""

from decimal import Decimal
from typing import Any, NamedTuple

from app.aggregates import Conversation, Customer, LedgerCommand, LoanAccount, WriteOffRequest
from app.aggregates.remembering import RememberingAggregate
from app.projections.calendar import happened_at
from app.projections.projection import event_classes
from app.projections.timeline_words import TELL
from app.projections.values import Document, money, put, time


class About(NamedTuple):
    """What an aggregate is called in the key of its lookup document, and in the field that holds its id."""

    name: str
    field: str | None


_KINDS: dict[type[RememberingAggregate], About] = {
    Customer: About("customer", None),
    LoanAccount: About("account", "loanAccountId"),
    Conversation: About("conversation", "conversationId"),
    WriteOffRequest: About("request", "requestId"),
    LedgerCommand: About("command", "commandId"),
}
ABOUT = {event_class: about for kind, about in _KINDS.items() for event_class in event_classes(kind)}


def entry_of(event: Any, facts: Document, position: int) -> Document | None:
    """The entry of an event at a position, if it has one; ``facts`` are those of :func:`facts_of`, if any."""
    if (tell := TELL.get(type(event))) is None or (line := tell(event, facts)) is None:
        return None
    entry: Document = {
        "at": time(happened_at(event)),
        "position": position,
        "what": line.what,
        "text": line.text,
    }
    if (field := ABOUT[type(event)].field) is not None:
        entry[field] = event.business_id
    put(
        entry,
        loanAccountId=facts.get("loanAccountId"),
        requestId=facts.get("requestId"),
        amount=None if line.amount is None else money(line.amount),
        actor=line.actor,
        transactionId=line.transaction_id,
    )
    return entry


def facts_of(event: WriteOffRequest.Requested | LedgerCommand.Requested) -> Document:
    """What a write-off request, or a money command, says at first and its later events do not repeat."""
    facts: Document = {"loanAccountId": event.loan_account_id}
    amount = event.amount
    if isinstance(event, LedgerCommand.Requested):
        deltas = [each for each in (event.principal_delta, event.fee_delta) if each is not None]
        amount = sum(deltas, Decimal(0)) if amount is None and deltas else amount
        put(facts, kind=event.kind, requestId=(event.details or {}).get("request_id"))
    put(facts, amount=None if amount is None else money(amount))
    return facts
