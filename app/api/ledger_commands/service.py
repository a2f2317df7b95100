"""What became of a money movement, as an answer: posted, not settled, or the ledger's problem."""

from decimal import Decimal
from typing import Any

from fastapi import Request, Response

from app.aggregates import CommandStatus, same_person
from app.aggregates import LedgerCommand as StoredCommand
from app.api.http.problems import InvalidRequestError, ProblemError
from app.api.ledger_commands.schemas import LedgerCommand
from app.api.services import services_of
from app.errors import BillieError, NotFoundError
from app.ledger.client.errors import stored_error
from app.ledger.money.movements import Answer
from app.projections.read_models.ledger_commands import LedgerCommands
from app.runtime.servers.store_threads import in_thread
from app.runtime.settings.settings import Settings

_LEDGER_COMMANDS = LedgerCommands()

NOT_SETTLED: dict[str, Any] = {
    "model": LedgerCommand,
    "description": "Awaits approval, or its outcome is not known yet. Follow `Location`.",
}


def check_amount(settings: Settings, amount: Decimal, field: str) -> Decimal:
    """The amount. Raises InvalidRequestError unless it is above zero, and at most what the settings allow."""
    if not amount:
        msg = f"{field}: it must be above zero."
        raise InvalidRequestError(msg)
    if amount > settings.money_most_amount:
        msg = f"{field}: the maximum is {settings.money_most_amount:.2f}."
        raise InvalidRequestError(msg)
    return amount


def answered(request: Request, response: Response, answer: Answer) -> LedgerCommand:
    """201 for a posted command, 202 for one that is not settled, and a rejected one's problem."""
    command = answer.command
    headers = {"Location": str(request.url_for("get_ledger_command", commandId=command.business_id))}
    if answer.is_replay:
        headers["Idempotent-Replay"] = "true"
    if command.status is CommandStatus.REJECTED:
        raise rejection(command, headers)
    if command.status is not CommandStatus.POSTED:
        response.status_code = 202
        if not command.awaits_approval:
            headers["Retry-After"] = "2"
    response.headers.update(headers)
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
