"""Ledger commands as the API shows them, from the aggregate: never older than what was answered before."""

from datetime import datetime
from typing import Any

from app.aggregates import LedgerCommand as StoredCommand
from app.operations.history import actor_of, facts_of, shown_facts
from app.projections.read_models.ledger_commands import LedgerCommandDocument, LedgerCommands
from app.projections.read_models.types import Model, Money, StaffMember

_LEDGER_COMMANDS = LedgerCommands()


class AppliedInstalment(Model):
    """What of a repayment went to an instalment."""

    payment_number: int
    amount_applied: Money
    status: str
    amount_remaining: Money
    due_date: str | None = None


class Posting(Model):
    """What the ledger told of a posting, in AUD: what it moved, and what was owed after it."""

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
    """A money movement asked of the ledger. ``unknown``: it may be posted, and settles by itself."""

    posting: Posting | None = None
    """Only where one command is asked for."""


def folded(command_id: str, events: list[Any]) -> LedgerCommand | None:
    """The document that these events make, with the posting; None without any."""
    document: dict[str, Any] | None = None
    posting = None
    for event in events:
        document = _LEDGER_COMMANDS.evolve(document, event)
        if isinstance(event, StoredCommand.Posted):
            posting = event.result
    if document is None:
        return None
    return LedgerCommand.model_validate({**document, "_id": command_id, "posting": posting})


class CommandEvent(Model):
    """One event behind a command: what was recorded, when, by whom, and its facts; ``version`` counts."""

    version: int
    event: str
    recorded_at: datetime
    actor: StaffMember | None = None
    """Absent where the ledger, or nobody, said so."""
    facts: dict[str, Any]


def command_event(event: Any) -> CommandEvent:
    """An event as it is shown: without what only the event store needs."""
    facts = facts_of(event)
    by = actor_of(facts)
    return CommandEvent(
        version=event.originator_version,
        event=type(event).__name__,
        recorded_at=event.timestamp,
        actor=by and StaffMember.model_validate(by, from_attributes=True),
        facts=shown_facts(facts),
    )
