"""The events of one aggregate, as an operator or a compliance officer reads them."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from eventsourcing.utils import get_topic
from pydantic.alias_generators import to_camel

from app.aggregates import (
    ContactNote,
    Conversation,
    Customer,
    LedgerCommand,
    LoanAccount,
    Servicing,
    WriteOffRequest,
)
from app.aggregates.personal import ERASED, IS_ERASED
from app.aggregates.remembering import RememberingAggregate
from app.operations.report import Part
from app.projections.projection import event_classes
from app.projections.reading import EventReader
from app.projections.values import GONE

_INTERNAL = {IS_ERASED} | {field.name for field in fields(RememberingAggregate.Event)} | {"originator_topic"}

KINDS: dict[str, tuple[type[RememberingAggregate], str]] = {
    "customer": (Customer, "customers"),
    "loan-account": (LoanAccount, "loan-accounts"),
    "conversation": (Conversation, "conversations"),
    "contact-note": (ContactNote, "contact-notes"),
    "write-off-request": (WriteOffRequest, "write-off-requests"),
    "ledger-command": (LedgerCommand, "ledger-commands"),
}
"""The word for a kind, its aggregate, and the read model that shows it."""


class Source(Part):
    """The message behind an event: its identity, the time that it carries, and when it was received."""

    message_id: str
    upstream_time: datetime | None = None
    received_at: datetime


class HistoryEvent(Part):
    """One event: its position in the store, its number in the aggregate, what it says, and its source."""

    position: int
    version: int
    event: str
    recorded_at: datetime
    source: Source
    facts: dict[str, Any]


def history(servicing: Servicing, kind: type[RememberingAggregate], identifier: str) -> list[HistoryEvent]:
    """All events of an aggregate, oldest first; none for one that was never heard of.

    Raises ProjectionFault for an event that cannot be read, and one of EVENT_STORE_ERRORS.
    """
    topics = [get_topic(each) for each in event_classes(kind)]
    reader = EventReader(servicing, topics, f"the history of {kind.__name__}")
    return [_shown(told.position, told.event) for told in reader.of([(kind, identifier)])]


def facts_of(event: Any) -> dict[str, Any]:
    """What an event says, without what every event has, and only the store needs.

    GONE stands for what was told, and nobody can read any more.
    """
    return {
        name: _readable(value)
        for name, value in vars(event).items()
        if name not in _INTERNAL and value is not None
    }


def _readable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _readable(each) for name, each in value.items()}
    return GONE if value is ERASED else value


def _shown(position: int, event: Any) -> HistoryEvent:
    return HistoryEvent(
        position=position,
        version=event.originator_version,
        event=type(event).__name__,
        recorded_at=event.timestamp,
        source=Source(
            message_id=event.message_id, upstream_time=event.upstream_time, received_at=event.received_at
        ),
        facts={to_camel(name): value for name, value in facts_of(event).items()},
    )
