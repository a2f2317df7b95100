"""Money movements over REST: each takes an idempotency key, and answers with its true outcome."""

from decimal import Decimal
from typing import Annotated, Literal, cast

from fastapi import Request, Response
from pydantic import Field, StringConstraints, model_validator

from app.aggregates import AdjustmentLimit, CommandKind, Intent
from app.aggregates.intent import Details
from app.api.auth.requirements import Operations, Supervisor
from app.api.http.idempotency_keys import KEYED, Key
from app.api.http.pages import LoanAccountId
from app.api.http.request_fields import Amount, Body, Delta, Reason, Text
from app.api.http.router import Router
from app.api.ledger_commands.service import NOT_SETTLED, LedgerCommand, answered, check_amount
from app.api.services import services_of
from app.ledger.money.approvals import AdjustmentRule


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
    """A fee to charge."""

    amount: Amount
    type: Literal["late_fee", "dishonour_fee"]
    days_past_due: Annotated[int, Field(strict=True, ge=0, le=10_000)] | None = None
    reason: Reason | None = None
    reference_id: Text | None = None


class FeeWaiverBody(Body):
    """Fees to waive."""

    amount: Amount
    reason: Reason
    notes: Annotated[str, StringConstraints(max_length=1_000)] | None = None


class AdjustmentBody(Body):
    """A correction of the balance."""

    principal_delta: Delta
    fee_delta: Delta
    reason: Reason

    @model_validator(mode="after")
    def _changes_something(self) -> "AdjustmentBody":
        if not Decimal(self.principal_delta) and not Decimal(self.fee_delta):
            msg = "principalDelta or feeDelta must not be zero"
            raise ValueError(msg)
        return self


router = Router("/v1/ledger/accounts/{loanAccountId}", "money", least=None, statuses=(404, 409, 502))
router.responses |= {**KEYED, 202: NOT_SETTLED}


@router.post("/repayments", status_code=201)
async def record_repayment(
    request: Request,
    response: Response,
    account: LoanAccountId,
    body: RepaymentBody,
    by: Operations,
    key: Key,
) -> LedgerCommand:
    """Record a repayment; operations and up. The ledger pays fees first, then principal."""
    intent = _intent(request, CommandKind.REPAYMENT, account, key, body.amount, details=_details(body))
    return answered(request, response, await services_of(request).money.ask(intent, by.actor))


@router.post("/fees", status_code=201)
async def apply_fee(
    request: Request, response: Response, account: LoanAccountId, body: FeeBody, by: Operations, key: Key
) -> LedgerCommand:
    """Charge a late or dishonour fee; operations and up."""
    details = _details(body, "type", "reason")
    intent = _intent(request, CommandKind(body.type), account, key, body.amount, body.reason, details)
    return answered(request, response, await services_of(request).money.ask(intent, by.actor))


@router.post("/fee-waivers", status_code=201)
async def waive_fee(
    request: Request,
    response: Response,
    account: LoanAccountId,
    body: FeeWaiverBody,
    by: Supervisor,
    key: Key,
) -> LedgerCommand:
    """Waive fees; supervisors and up."""
    details = _details(body, "reason")
    intent = _intent(request, CommandKind.FEE_WAIVER, account, key, body.amount, body.reason, details)
    return answered(request, response, await services_of(request).money.ask(intent, by.actor))


@router.post("/adjustments", status_code=201)
async def make_adjustment(
    request: Request,
    response: Response,
    account: LoanAccountId,
    body: AdjustmentBody,
    by: Supervisor,
    key: Key,
) -> LedgerCommand:
    """Correct the balance; supervisors and up. Over a limit, another person has to approve it: 202.

    The caller's recent adjustments of the account count towards the limit.
    """
    services = services_of(request)
    intent = Intent(
        CommandKind.ADJUSTMENT,
        account,
        key,
        principal_delta=Decimal(body.principal_delta),
        fee_delta=Decimal(body.fee_delta),
        reason=body.reason,
    )
    check_amount(services.settings, intent.moved, "body")
    limit = AdjustmentLimit(services.settings.adjustment_limit, services.settings.adjustment_limit_days)
    rule = AdjustmentRule(limit)
    return answered(request, response, await services.money.ask(intent, by.actor, rule))


def _intent(
    request: Request,
    kind: CommandKind,
    account: str,
    key: str,
    amount: str,
    reason: str | None = None,
    details: Details | None = None,
) -> Intent:
    value = check_amount(services_of(request).settings, Decimal(amount), "body.amount")
    return Intent(kind, account, key, amount=value, reason=reason, details=details)


def _details(body: Body, *columns: str) -> Details:
    """What has no column of its own in the ledger command."""
    return cast("Details", body.model_dump(exclude={"amount", *columns}, exclude_none=True))
