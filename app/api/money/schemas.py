"""Request bodies of money movements."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from app.api.http.request_fields import Amount, Body, Delta, Reason, Text


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
