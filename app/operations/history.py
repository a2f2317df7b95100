"""The events of one aggregate, as an operator or a compliance officer reads them."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from eventsourcing.utils import get_topic
from pydantic.alias_generators import to_camel

from app.aggregates import ContactNote, Conversation, Customer, LedgerCommand, LoanAccount, WriteOffRequest
from app.aggregates.base import Aggregate
from app.aggregates.personal import ERASED, IS_ERASED
from app.event_store.application import Servicing
from app.projections.engine.reading import GONE, EventReader, event_classes
from app.runtime.camel_model import CamelModel

_INTERNAL = {IS_ERASED} | {field.name for field in fields(Aggregate.Event)} | {"originator_topic"}

KINDS: dict[str, tuple[type[Aggregate], str]] = {
    "customer": (Customer, "customers"),
    "loan-account": (LoanAccount, "loan-accounts"),
    "conversation": (Conversation, "conversations"),
    "contact-note": (ContactNote, "contact-notes"),
    "write-off-request": (WriteOffRequest, "write-off-requests"),
    "ledger-command": (LedgerCommand, "ledger-commands"),
}
"""The aggregate of each kind, and the read model that shows it."""


class Source(CamelModel):
    """The message behind an event: its identity, the time that it carries, and when it was received."""

    message_id: str
    upstream_time: datetime | None = None
    received_at: datetime


class EventActor(CamelModel):
    """Who did it: a person or machine, from their token or from an upstream message."""

    id: str
    name: str | None = None
    role: str | None = None


class HistoryEvent(CamelModel):
    """One event: its position in the store, its number in the aggregate, its facts and its source.

    ``actor`` is absent if no member of staff did it, or nobody said who.
    """

    position: int
    version: int
    event: str
    recorded_at: datetime
    actor: EventActor | None = None
    source: Source
    facts: dict[str, Any]


def history(servicing: Servicing, kind: type[Aggregate], identifier: str) -> list[HistoryEvent]:
    """All events of an aggregate, oldest first; none for an unknown one.

    Raises ProjectionFault for an event that cannot be read, and one of EVENT_STORE_ERRORS.
    """
    return [_shown(each.position, each.event) for each in _reader(servicing, kind).of([(kind, identifier)])]


def history_page(
    servicing: Servicing, kind: type[Aggregate], identifier: str, after: int, most: int
) -> list[HistoryEvent]:
    """The next ``most`` events after a version; fewer if they are large. Raises as :func:`history`."""
    page = _reader(servicing, kind).history((kind, identifier), after, most)
    return [_shown(each.position, each.event) for each in page]


def facts_of(event: Any) -> dict[str, Any]:
    """The facts of an event, without the fields that every event has. An erased fact is GONE."""
    return {
        name: _readable(value)
        for name, value in vars(event).items()
        if name not in _INTERNAL and value is not None
    }


def _readable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _readable(each) for name, each in value.items()}
    return GONE if value is ERASED else value


def shown_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts in camelCase; free-form objects keep their own names."""
    return {to_camel(name): _camel(value) if name in _OURS else value for name, value in facts.items()}


def actor_of(facts: dict[str, Any]) -> EventActor | None:
    """Take out of the facts who did it, if they say."""
    for who, name, role in _ACTORS:
        if who in facts:
            return EventActor(id=facts.pop(who), name=facts.pop(name, None), role=facts.pop(role, None))
    return None


_ACTORS = (
    ("requested_by", "requested_by_name", "requested_role"),
    ("created_by", "created_by_name", "created_by_role"),
    ("by", "by_name", "role"),
)
"""The facts that name its author, in any event."""

_OURS = ("details", "decision", "parts", "payments", "instalments")
"""The facts whose inner names are ours."""


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {to_camel(name): _camel(each) for name, each in value.items()}
    return [_camel(each) for each in value] if isinstance(value, list | tuple) else value


def _reader(servicing: Servicing, kind: type[Aggregate]) -> EventReader:
    topics = [get_topic(each) for each in event_classes(kind)]
    return EventReader(servicing, topics, f"the history of {kind.__name__}")


def _shown(position: int, event: Any) -> HistoryEvent:
    facts = facts_of(event)
    return HistoryEvent(
        position=position,
        version=event.originator_version,
        event=type(event).__name__,
        recorded_at=event.timestamp,
        actor=actor_of(facts),
        source=Source(
            message_id=event.message_id, upstream_time=event.upstream_time, received_at=event.received_at
        ),
        facts=shown_facts(facts),
    )
