"""Money movements over REST: each takes an idempotency key, and answers with its true outcome."""

from decimal import Decimal
from functools import partial
from typing import Annotated, Literal, cast

from pydantic import Field, StringConstraints, model_validator

from app.aggregates import AdjustmentLimit, CommandKind, Intent
from app.aggregates.intent import Details
from app.api.auth.requirements import Call, Operations, Supervisor
from app.api.http.pages import LoanAccountId
from app.api.http.request_fields import KEYED, Amount, Body, Delta, Key, Reason, Text
from app.api.http.router import Router
from app.api.ledger_commands.service import NOT_SETTLED, LedgerCommand, answered, check_amount
from app.ledger.money.approvals import enter_or_hold


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
            raise ValueError("principalDelta or feeDelta must not be zero")
        return self


router = Router("/v1/ledger/accounts/{loanAccountId}", "money", least=None, statuses=(404, 409, 502))
router.responses |= {**KEYED, 202: NOT_SETTLED}


@router.post("/repayments", status_code=201)
async def record_repayment(
    call: Operations, account: LoanAccountId, body: RepaymentBody, key: Key
) -> LedgerCommand:
    """Record a repayment; operations and up. The ledger pays fees first, then principal."""
    return await _ask(call, account, key, CommandKind.REPAYMENT, body)


@router.post("/fees", status_code=201)
async def apply_fee(call: Operations, account: LoanAccountId, body: FeeBody, key: Key) -> LedgerCommand:
    """Charge a late or dishonour fee; operations and up."""
    return await _ask(call, account, key, CommandKind(body.type), body, body.reason)


@router.post("/fee-waivers", status_code=201)
async def waive_fee(call: Supervisor, account: LoanAccountId, body: FeeWaiverBody, key: Key) -> LedgerCommand:
    """Waive fees; supervisors and up."""
    return await _ask(call, account, key, CommandKind.FEE_WAIVER, body, body.reason)


@router.post("/adjustments", status_code=201)
async def make_adjustment(
    call: Supervisor, account: LoanAccountId, body: AdjustmentBody, key: Key
) -> LedgerCommand:
    """Correct the balance; supervisors and up. Over a limit, another person has to approve it: 202.

    The caller's recent adjustments of the account count towards the limit.
    """
    intent = Intent(
        CommandKind.ADJUSTMENT,
        account,
        key,
        principal_delta=Decimal(body.principal_delta),
        fee_delta=Decimal(body.fee_delta),
        reason=body.reason,
    )
    settings = call.services.settings
    check_amount(settings, intent.moved, "body")
    rule = partial(enter_or_hold, AdjustmentLimit(settings.adjustment_limit, settings.adjustment_limit_days))
    return answered(call, await call.services.money.ask(intent, call.by.actor, rule))


async def _ask(
    call: Call,
    account: str,
    key: str,
    kind: CommandKind,
    body: RepaymentBody | FeeBody | FeeWaiverBody,
    reason: str | None = None,
) -> LedgerCommand:
    amount = check_amount(call.services.settings, Decimal(body.amount), "body.amount")
    # What has no column of its own in the ledger command.
    details = body.model_dump(exclude={"amount", "type", "reason"}, exclude_none=True)
    intent = Intent(kind, account, key, amount=amount, reason=reason, details=cast("Details", details))
    return answered(call, await call.services.money.ask(intent, call.by.actor))
