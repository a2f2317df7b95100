"""Money movements over REST: each takes an idempotency key, and answers with its true outcome."""

from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, cast

from fastapi import Depends, Request, Response
from pydantic import Field, StringConstraints, model_validator

from app.aggregates import AdjustmentLimit, CommandKind, Intent
from app.aggregates.intent import Details
from app.api.auth.callers import Caller
from app.api.auth.requirements import requires
from app.api.auth.roles import Role
from app.api.http.pages import LoanAccountId
from app.api.http.request_fields import KEYED, Amount, Body, Delta, Key, Reason, Text
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
            raise ValueError("principalDelta or feeDelta must not be zero")
        return self


class _Movement(NamedTuple):
    """What each of these routes has: the account, who asks, and their key."""

    request: Request
    response: Response
    account: str
    by: Caller
    key: str

    async def ask(
        self, kind: CommandKind, body: RepaymentBody | FeeBody | FeeWaiverBody, reason: str | None = None
    ) -> LedgerCommand:
        """Have the ledger move this amount."""
        amount = check_amount(services_of(self.request).settings, Decimal(body.amount), "body.amount")
        # What has no column of its own in the ledger command.
        details = body.model_dump(exclude={"amount", "type", "reason"}, exclude_none=True)
        intent = Intent(
            kind, self.account, self.key, amount=amount, reason=reason, details=cast("Details", details)
        )
        return await self.answer(intent)

    async def answer(self, intent: Intent, rule: AdjustmentRule | None = None) -> LedgerCommand:
        """The outcome of an intent."""
        money = services_of(self.request).money
        return answered(self.request, self.response, await money.ask(intent, self.by.actor, rule))


def _by(least: Role) -> Any:
    """The dependency of a route for callers of this role."""

    async def movement(
        request: Request,
        response: Response,
        account: LoanAccountId,
        by: Annotated[Caller, Depends(requires(least))],
        key: Key,
    ) -> _Movement:
        return _Movement(request, response, account, by, key)

    return Depends(movement)


router = Router("/v1/ledger/accounts/{loanAccountId}", "money", least=None, statuses=(404, 409, 502))
router.responses |= {**KEYED, 202: NOT_SETTLED}


@router.post("/repayments", status_code=201)
async def record_repayment(
    body: RepaymentBody, movement: Annotated[_Movement, _by(Role.OPERATIONS)]
) -> LedgerCommand:
    """Record a repayment; operations and up. The ledger pays fees first, then principal."""
    return await movement.ask(CommandKind.REPAYMENT, body)


@router.post("/fees", status_code=201)
async def apply_fee(body: FeeBody, movement: Annotated[_Movement, _by(Role.OPERATIONS)]) -> LedgerCommand:
    """Charge a late or dishonour fee; operations and up."""
    return await movement.ask(CommandKind(body.type), body, body.reason)


@router.post("/fee-waivers", status_code=201)
async def waive_fee(
    body: FeeWaiverBody, movement: Annotated[_Movement, _by(Role.SUPERVISOR)]
) -> LedgerCommand:
    """Waive fees; supervisors and up."""
    return await movement.ask(CommandKind.FEE_WAIVER, body, body.reason)


@router.post("/adjustments", status_code=201)
async def make_adjustment(
    body: AdjustmentBody, movement: Annotated[_Movement, _by(Role.SUPERVISOR)]
) -> LedgerCommand:
    """Correct the balance; supervisors and up. Over a limit, another person has to approve it: 202.

    The caller's recent adjustments of the account count towards the limit.
    """
    intent = Intent(
        CommandKind.ADJUSTMENT,
        movement.account,
        movement.key,
        principal_delta=Decimal(body.principal_delta),
        fee_delta=Decimal(body.fee_delta),
        reason=body.reason,
    )
    settings = services_of(movement.request).settings
    check_amount(settings, intent.moved, "body")
    limit = AdjustmentLimit(settings.adjustment_limit, settings.adjustment_limit_days)
    return await movement.answer(intent, AdjustmentRule(limit))
