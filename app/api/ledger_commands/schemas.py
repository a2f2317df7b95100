"""Ledger commands as the API shows them, from the aggregate: never older than an earlier answer."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import StringConstraints

from app.api.http.request_fields import Body, Comment
from app.operations.history import actor_of, facts_of, shown_facts
from app.projections.read_models.base import Model, Money, StaffMember
from app.projections.read_models.ledger_commands import LedgerCommandDocument


class AppliedInstalment(Model):
    """The part of a repayment that paid an instalment."""

    payment_number: int
    amount_applied: Money
    status: str
    amount_remaining: Money
    due_date: str | None = None


class Posting(Model):
    """A posting by the ledger, in AUD: the amounts it moved, and the balances after it."""

    type: str | None = None
    effective_date: str | None = None
    total_delta: Money | None = None
    principal_after: Money | None = None
    fee_after: Money | None = None
    total_after: Money | None = None
    allocated_to_fees: Money | None = None
    allocated_to_principal: Money | None = None
    overpayment: Money | None = None
    allocation_warning: str | None = None
    instalments: list[AppliedInstalment] | None = None


class LedgerCommand(LedgerCommandDocument):
    """A money movement. ``unknown``: it may be posted, and settles by itself."""

    posting: Posting | None = None
    """Only for a single command."""


class DecisionBody(Body):
    """Why a second person agrees, or does not."""

    comment: Comment


class SettlementBody(Body):
    """A person's finding in the ledger's books: the transaction, or its absence."""

    posted: bool
    transaction_id: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    because: Comment


class CommandHistory(Model):
    """All events of a command, in order."""

    command_id: str
    events: list["CommandEvent"]


class CommandEvent(Model):
    """One event behind a command: what was recorded, when, by whom, and its facts."""

    version: int
    event: str
    recorded_at: datetime
    actor: StaffMember | None = None
    """Absent if it was not a person's doing."""
    facts: dict[str, Any]


def command_event(event: Any) -> CommandEvent:
    """An event, without what only the event store needs."""
    facts = facts_of(event)
    by = actor_of(facts)
    return CommandEvent(
        version=event.originator_version,
        event=type(event).__name__,
        recorded_at=event.timestamp,
        actor=by and StaffMember.model_validate(by, from_attributes=True),
        facts=shown_facts(facts),
    )
