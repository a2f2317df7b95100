"""The entries of a customer's timeline: what an event is about, when it happened, and what it comes to."""

from decimal import Decimal
from typing import Any, NamedTuple

from app.aggregates import ContactNote, Conversation, Customer, LedgerCommand, LoanAccount, WriteOffRequest
from app.aggregates.base import RememberingAggregate
from app.projections.engine.projection import event_classes
from app.projections.engine.values import Document, money, put, time
from app.projections.read_models.calendar import happened_at
from app.projections.read_models.customer_timeline.words import TELL


class About(NamedTuple):
    """What an aggregate is called in the key of its lookup document, and in the field that holds its id."""

    name: str
    field: str | None


_KINDS: dict[type[RememberingAggregate], About] = {
    Customer: About("customer", None),
    LoanAccount: About("account", "loanAccountId"),
    Conversation: About("conversation", "conversationId"),
    ContactNote: About("note", "noteId"),
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
        **{name: facts.get(name) for name in ("loanAccountId", "conversationId", "requestId")},
        amount=None if line.amount is None else money(line.amount),
        actor=line.actor,
        transactionId=line.transaction_id,
    )
    return entry


def facts_of(event: Any) -> Document | None:
    """What a request, a command or a note says at first, and its later events do not repeat."""
    facts: Document = {}
    match event:
        case WriteOffRequest.Requested():
            put(facts, amount=money(event.amount))
        case LedgerCommand.Requested():
            deltas = [each for each in (event.principal_delta, event.fee_delta) if each is not None]
            amount = sum(deltas, Decimal(0)) if event.amount is None and deltas else event.amount
            put(facts, amount=None if amount is None else money(amount), kind=event.kind)
            put(facts, requestId=(event.details or {}).get("request_id"), requestedBy=event.requested_by)
        case ContactNote.Written():
            put(facts, conversationId=event.conversation_id)
        case _:
            return None
    put(facts, loanAccountId=event.loan_account_id)
    return facts
