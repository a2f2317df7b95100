"""Money movements as answers, from the aggregate: posted, not settled, or the ledger's problem.

So an answer is never older than an earlier one.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Request
from pydantic import StringConstraints

from app.aggregates import CommandStatus, same_person
from app.aggregates import LedgerCommand as StoredCommand
from app.api.auth.requirements import Call
from app.api.http.problems import InvalidRequestError, ProblemError
from app.api.http.request_fields import Body, Comment
from app.api.services import services_of
from app.errors import BillieError, NotFoundError
from app.ledger.client.errors import stored_error
from app.ledger.money.movements import Answer
from app.operations.history import actor_of, facts_of, shown_facts
from app.projections.read_models.base import Model, Money, StaffMember
from app.projections.read_models.ledger_commands import LedgerCommandDocument, LedgerCommands
from app.runtime.servers.store_threads import in_thread
from app.runtime.settings.settings import Settings

_LEDGER_COMMANDS = LedgerCommands()


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


NOT_SETTLED: dict[str, Any] = {
    "model": LedgerCommand,
    "description": "Awaits approval, or its outcome is not known yet. Follow `Location`.",
}


def check_amount(settings: Settings, amount: Decimal, field: str) -> Decimal:
    """The amount. Raises InvalidRequestError unless it is above zero, and at most what the settings allow."""
    if not amount:
        raise InvalidRequestError(f"{field}: it must be above zero.")
    if amount > settings.money_most_amount:
        raise InvalidRequestError(f"{field}: the maximum is {settings.money_most_amount:.2f}.")
    return amount


def answered(call: Call, answer: Answer) -> LedgerCommand:
    """201 for a posted command, 202 for one that is not settled, and a rejected one's problem."""
    command, headers = answer.command, call.response.headers
    headers["Location"] = str(call.request.url_for("get_ledger_command", commandId=command.business_id))
    is_settled = command.status in (CommandStatus.POSTED, CommandStatus.REJECTED)
    call.answer(is_replay=answer.is_replay, is_done=is_settled or command.awaits_approval)
    if command.status is CommandStatus.REJECTED:
        raise rejection(command, dict(headers))
    if command.awaits_approval:
        call.response.status_code = 202
    return shown(command)


async def stored_command(request: Request, command_id: str) -> LedgerCommand:
    """The command as it is stored now. Raises NotFoundError."""
    command = await in_thread(services_of(request).money.store.load, command_id)
    if command is None:
        raise NotFoundError("ledger command", command_id)
    return shown(command)


def shown(command: StoredCommand) -> LedgerCommand:
    """The command's document, as its events make it, with the posting."""
    document: dict[str, Any] | None = None
    for event in (*command.story, *([command.erased] if command.erased else [])):
        document = _LEDGER_COMMANDS.evolve(document, event)
    posting = command.outcome.result if isinstance(command.outcome, StoredCommand.Posted) else None
    return LedgerCommand.model_validate({**(document or {}), "_id": command.business_id, "posting": posting})


def rejection(command: StoredCommand, headers: dict[str, str]) -> BillieError:
    """The problem that a rejected command is, at each retry."""
    outcome = command.outcome
    if isinstance(outcome, StoredCommand.Rejected):
        error = stored_error(outcome.code, outcome.message)
        error.headers = headers
        return error
    if isinstance(outcome, StoredCommand.Refused):
        if command.intent is not None and same_person(outcome.by, command.intent.requested_by):
            detail = f"{outcome.by} withdrew it: {outcome.comment}"
            return ProblemError(422, "withdrawn", detail, headers=headers)
        detail = f"{outcome.by} refused it: {outcome.comment}"
        return ProblemError(422, "refused_by_approver", detail, headers=headers)
    assert isinstance(outcome, StoredCommand.SettledByHand)
    detail = f"It was found not to be posted: {outcome.because}"
    return ProblemError(422, "not_posted", detail, headers=headers)
