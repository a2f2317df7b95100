"""Money movements over REST: each takes the caller's idempotency key, and says the truth of its outcome."""

import logging
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field, StringConstraints, model_validator

from app.aggregates import AdjustmentLimit, CommandKind, CommandStatus, Intent, same_person
from app.aggregates import LedgerCommand as StoredCommand
from app.api.auth.callers import Caller, Role
from app.api.auth.requires import requires
from app.api.http.idempotency_keys import KEYED, Key, KeyedRoute, key_of
from app.api.http.problems import ProblemError, documented, not_found
from app.api.http.request_fields import Amount, Body, Delta, Reason, Text
from app.api.ledger.problems import ledger_problem
from app.api.ledger_commands.schemas import LedgerCommand, folded
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ledger.client.errors import stored_error
from app.ledger.money.approvals import AdjustmentRule
from app.ledger.money.command_store import Rule
from app.ledger.money.movements import Answer, Money
from app.runtime.servers.store_threads import in_thread
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

NOT_SETTLED: dict[str, Any] = {
    "model": LedgerCommand,
    "description": "Awaits approval, or its outcome is not known yet: `Location` tells where to follow it",
}

router = APIRouter(
    prefix="/v1/ledger/accounts/{loanAccountId}",
    tags=["money"],
    route_class=KeyedRoute,
    responses=documented(400, 401, 403, 404, 409, 422, 502, 503) | {**KEYED, 202: NOT_SETTLED},
)

Account = Annotated[str, Path(alias="loanAccountId", min_length=1, max_length=256)]
_OPERATIONS, _SUPERVISOR = Depends(requires(Role.OPERATIONS)), Depends(requires(Role.SUPERVISOR))


class RepaymentBody(Body):
    """Money that came in."""

    amount: Amount
    payment_id: Text | None = None
    payment_method: Text | None = None
    payment_reference: Text | None = None
    notes: Annotated[str, StringConstraints(max_length=1_000)] | None = None
    target_payment_number: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = None
    schedule_id: Text | None = None


class FeeBody(Body):
    """A fee to be charged."""

    amount: Amount
    type: Literal["late_fee", "dishonour_fee"]
    days_past_due: Annotated[int, Field(strict=True, ge=0, le=10_000)] | None = None
    reason: Reason | None = None
    reference_id: Text | None = None


class FeeWaiverBody(Body):
    """Fees to be given up."""

    amount: Amount
    reason: Reason
    notes: Annotated[str, StringConstraints(max_length=1_000)] | None = None


class AdjustmentBody(Body):
    """A correction of what is owed."""

    principal_delta: Delta
    fee_delta: Delta
    reason: Reason

    @model_validator(mode="after")
    def _changes_something(self) -> "AdjustmentBody":
        if not Decimal(self.principal_delta) and not Decimal(self.fee_delta):
            msg = "one of principalDelta and feeDelta has to be other than zero"
            raise ValueError(msg)
        return self


@router.post("/repayments", operation_id="recordRepayment", status_code=201, response_model_exclude_none=True)
async def record_repayment(
    request: Request,
    response: Response,
    account: Account,
    body: RepaymentBody,
    by: Annotated[Caller, _OPERATIONS],
    key: Key,
) -> LedgerCommand:
    """Record a repayment; operations and up. The ledger pays fees first, then principal."""
    return await _ask(
        request, response, by, CommandKind.REPAYMENT, account, key, body.amount, details=_details(body)
    )


@router.post("/fees", operation_id="applyFee", status_code=201, response_model_exclude_none=True)
async def apply_fee(
    request: Request,
    response: Response,
    account: Account,
    body: FeeBody,
    by: Annotated[Caller, _OPERATIONS],
    key: Key,
) -> LedgerCommand:
    """Charge a late or dishonour fee; operations and up."""
    kind, details = CommandKind(body.type), _details(body, "type", "reason")
    return await _ask(request, response, by, kind, account, key, body.amount, body.reason, details)


@router.post("/fee-waivers", operation_id="waiveFee", status_code=201, response_model_exclude_none=True)
async def waive_fee(
    request: Request,
    response: Response,
    account: Account,
    body: FeeWaiverBody,
    by: Annotated[Caller, _SUPERVISOR],
    key: Key,
) -> LedgerCommand:
    """Give up fees; supervisors and up."""
    kind, details = CommandKind.FEE_WAIVER, _details(body, "reason")
    return await _ask(request, response, by, kind, account, key, body.amount, body.reason, details)


@router.post("/adjustments", operation_id="makeAdjustment", status_code=201, response_model_exclude_none=True)
async def make_adjustment(
    request: Request,
    response: Response,
    account: Account,
    body: AdjustmentBody,
    by: Annotated[Caller, _SUPERVISOR],
    key: Key,
) -> LedgerCommand:
    """Correct what is owed; supervisors and up. Beyond a limit, another person has to approve it: 202.

    What one person adjusted on the account in the last days counts towards the limit.
    """
    principal, fee = Decimal(body.principal_delta), Decimal(body.fee_delta)
    settings: Settings = request.app.state.settings
    intent = Intent(
        CommandKind.ADJUSTMENT,
        account,
        key_of(key),
        principal_delta=principal,
        fee_delta=fee,
        reason=body.reason,
    )
    at_most(settings, intent.moved, "body")
    limit = AdjustmentLimit(settings.adjustment_limit, settings.adjustment_limit_days)
    return await ask(request, response, by, intent, AdjustmentRule(limit))


async def _ask(
    request: Request,
    response: Response,
    by: Caller,
    kind: CommandKind,
    account: str,
    key: str,
    amount: str,
    reason: str | None = None,
    details: dict[str, Any] | None = None,
) -> LedgerCommand:
    if not (value := Decimal(amount)):
        raise ProblemError(422, "invalid_request", "body.amount: it has to be above zero.")
    at_most(request.app.state.settings, value, "body.amount")
    intent = Intent(kind, account, key_of(key), amount=value, reason=reason, details=details)
    return await ask(request, response, by, intent)


def at_most(settings: Settings, amount: Decimal, field: str) -> None:
    """Raises ProblemError for an amount, AUD, that is beyond what any of ours may be."""
    if amount > settings.money_most_amount:
        raise ProblemError(422, "invalid_request", f"{field}: {settings.money_most_amount:.2f} is the most.")


async def ask(
    request: Request, response: Response, by: Caller, intent: Intent, rule: Rule | None = None
) -> LedgerCommand:
    """Have the money moved, and answer what became of it."""
    money: Money = request.app.state.money
    return await answered(request, response, await money.ask(intent, by.actor, rule))


async def answered(request: Request, response: Response, answer: Answer) -> LedgerCommand:
    """201 for what is posted, 202 for what is not settled, and the ledger's problem for what is rejected."""
    command = answer.command
    headers = {"Location": str(request.url_for("get_ledger_command", commandId=command.business_id))}
    if answer.is_replay:
        headers["Idempotent-Replay"] = "true"
    if command.status is CommandStatus.REJECTED:
        raise rejection(command, headers)
    found = await _newest(request, command)
    if found.status != "posted":  # It may have been settled just now.
        response.status_code = 202
        if not command.awaits_approval:
            headers["Retry-After"] = "2"
    response.headers.update(headers)
    return found


async def _newest(request: Request, command: StoredCommand) -> LedgerCommand:
    """As it is stored now; where the store went away since the ledger was asked, as it was known then."""
    try:
        return await shown(request, command.business_id)
    except EVENT_STORE_ERRORS as error:
        told, about = "Command %s: not read again: %s", {"aggregate": command.business_id}
        log.warning(told, command.business_id, type(error).__name__, extra=about)
        found = folded(command.business_id, command.story)
        assert found is not None, "it was asked for"
        return found


async def shown(request: Request, command_id: str) -> LedgerCommand:
    """The command as it is stored now."""
    money: Money = request.app.state.money
    found = folded(command_id, await in_thread(money.store.events, command_id))
    if found is None:
        raise not_found("ledger command", command_id)
    return found


def rejection(command: StoredCommand, headers: dict[str, str]) -> ProblemError:
    """The problem that a rejected command is, at each try: never called retryable."""
    outcome = command.outcome
    if isinstance(outcome, StoredCommand.Rejected):
        problem = ledger_problem(stored_error(outcome.code, outcome.message))
        problem.headers = headers
        return problem
    if isinstance(outcome, StoredCommand.Refused):
        if command.intent is not None and same_person(outcome.by, command.intent.requested_by):
            detail = f"{outcome.by} withdrew it: {outcome.comment}"
            return ProblemError(422, "withdrawn", detail, headers=headers)
        detail = f"{outcome.by} refused it: {outcome.comment}"
        return ProblemError(422, "refused_by_approver", detail, headers=headers)
    detail = f"It was found not to be posted: {outcome.because}"
    return ProblemError(422, "not_posted", detail, headers=headers)


def _details(body: Body, *besides: str) -> dict[str, Any]:
    return body.model_dump(exclude={"amount", *besides}, exclude_none=True)
