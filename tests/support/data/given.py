"""Words for tests: messages at given minutes, commands on aggregates, documents folded from events."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.aggregates import Source, WriteOffRequest
from app.aggregates.base import Aggregate
from app.event_store.application import Servicing
from app.projections.engine.projection import Projection

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def minute(number: int) -> datetime:
    """So many minutes after noon of 1 March 2026."""
    return NOON + timedelta(minutes=number)


def message(name: str, *, at: int | None = None, received: int = 0) -> Source:
    """A message that carries the time ``at``, or none, and was received at the minute ``received``."""
    return Source(name, minute(received), None if at is None else minute(at))


@dataclass(frozen=True)
class Step:
    """A message that makes an aggregate carry out a command."""

    kind: type[Aggregate]
    business_id: str
    command: str
    source: Source
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)


def absorb(servicing: Servicing, batch: Iterable[Step]) -> None:
    """Carry out the commands of a batch, and save what they led to in one transaction."""
    unit = servicing.unit_of_work()
    for step in batch:
        aggregate = unit.obtain(step.kind, step.business_id, step.source)
        getattr(aggregate, step.command)(step.source, **step.arguments)
    unit.commit()


def fold(projection: Projection, *aggregates: Aggregate) -> dict[str, Any] | None:
    """The document that a projection makes of the aggregates' events."""
    document: dict[str, Any] | None = None
    for aggregate in aggregates:
        for event in aggregate.pending_events:
            document = projection.evolve(document, event)
    return document


def names(aggregate: Aggregate) -> list[str]:
    """The names of an aggregate's events, the first one (Registered) aside."""
    return [type(event).__name__ for event in aggregate.pending_events][1:]


def ask_write_off(request: WriteOffRequest, source: Source) -> None:
    """Ann asks for a write-off of 250.00 on L1."""
    request.request(
        source, loan_account_id="L1", amount=Decimal("250.00"), reason="hardship", requested_by="ann"
    )
