"""What a caller may ask of the books, by the contract's names, and the rules that it must meet.

``draft`` gives the transaction that it means on an open loan, or raises RejectedError.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from app.ledger.sandbox.allocation import plan, split
from app.ledger.sandbox.errors import BadArgumentError, RejectedError
from app.ledger.sandbox.loans import FEES, NOTHING, Draft, Kind, Loan, text, total

FEE_CAP = Decimal(2)
"""Principal and fees of a loan may come to twice what was lent: the law's limit for small-amount loans."""

# Below a trillion. Decimal() also reads exponents, NaN and underscores: none of them is an amount.
_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,2})?", re.ASCII)


def _amount(value: str) -> Decimal:
    if _AMOUNT.fullmatch(value) is None:
        raise ValueError("not an amount: digits below a trillion, with two decimal places at most")
    return Decimal(value).quantize(NOTHING) + NOTHING


Text = Annotated[str, StringConstraints(pattern=r"\S")]
Notes = Annotated[str, StringConstraints(max_length=1_000)]
Delta = Annotated[Decimal, BeforeValidator(_amount)]
Amount = Annotated[Delta, Field(gt=0)]


@dataclass(frozen=True)
class Repayment:
    """Money came in: AUD, above zero. It pays fees first, then principal."""

    loan_account_id: Text
    amount: Amount
    payment_id: str | None = None
    payment_method: str | None = None
    payment_reference: str | None = None
    notes: Notes | None = None
    target_payment_number: Annotated[int, Field(ge=0)] | None = None
    schedule_id: str | None = None

    def draft(self, loan: Loan) -> Draft:
        paid = split(self.amount, loan.principal, loan.fees)
        planned = plan(
            paid,
            loan.owed,
            loan.schedule_id,
            loan.instalments,
            target=self.target_payment_number,
            meant_schedule=self.schedule_id,
        )
        return Draft(
            kind=Kind.REPAYMENT,
            principal_delta=-paid.to_principal,
            fee_delta=-paid.to_fees,
            overpayment=paid.overpayment,
            reference_type="payment" if self.payment_id else "",
            reference_id=self.payment_id or "",
            metadata=_given(payment_method=self.payment_method, payment_reference=self.payment_reference),
            notes=self.notes,
            allocations=planned.allocations,
            allocation_warning=planned.warning,
        )


@dataclass(frozen=True)
class Fee:
    """A late or dishonour fee: AUD, above zero. Zero days and no days are the same."""

    loan_account_id: Text
    fee_amount: Amount
    fee_type: Literal[Kind.LATE_FEE, Kind.DISHONOUR_FEE]
    days_past_due: Annotated[int, Field(ge=0), AfterValidator(lambda days: days or None)] | None = None
    reason: str | None = None
    reference_id: str | None = None

    def draft(self, loan: Loan) -> Draft:
        lent = total(loan.postings, Kind.DISBURSEMENT)
        limit, charged = lent * FEE_CAP, lent + total(loan.postings, *FEES, Kind.FEE_WAIVER)
        if charged + self.fee_amount > limit:
            raise RejectedError(
                f"Fee cap: principal and fees of a loan may come to {text(limit)}, twice what was lent;"
                f" {text(charged)} is charged already, so at most {text(max(NOTHING, limit - charged))} fits"
            )
        days = None if self.days_past_due is None else str(self.days_past_due)
        return Draft(
            kind=self.fee_type,
            fee_delta=self.fee_amount,
            reference_type="dishonour" if self.reference_id else "",
            reference_id=self.reference_id or "",
            metadata=_given(days_past_due=days, reason=self.reason),
        )


@dataclass(frozen=True)
class Waiver:
    """Fees are forgiven: AUD, above zero, and no more than is owed."""

    loan_account_id: Text
    waiver_amount: Amount
    reason: Text
    approved_by: Text
    notes: Notes | None = None

    def draft(self, loan: Loan) -> Draft:
        if self.waiver_amount > loan.fees:
            msg = f"A waiver of {text(self.waiver_amount)} is more than the fees owed, {text(loan.fees)}"
            raise RejectedError(msg)
        return _decided(self, Kind.FEE_WAIVER, NOTHING, -self.waiver_amount, self.notes)


@dataclass(frozen=True)
class WriteOff:
    """All that is owed is given up."""

    loan_account_id: Text
    reason: Text
    approved_by: Text

    def draft(self, loan: Loan) -> Draft:
        return _decided(self, Kind.WRITE_OFF, -loan.principal, -loan.fees)


@dataclass(frozen=True)
class Adjustment:
    """A correction by hand: AUD, of either sign, not both zero. Never below nothing owed."""

    loan_account_id: Text
    principal_delta: Delta
    fee_delta: Delta
    reason: Text
    approved_by: Text

    def draft(self, loan: Loan) -> Draft:
        if not self.principal_delta and not self.fee_delta:
            raise BadArgumentError("principal_delta and fee_delta are both zero")
        if loan.principal + self.principal_delta < 0 or loan.fees + self.fee_delta < 0:
            owed = f"the principal owed, {text(loan.principal)}, or the fees owed, {text(loan.fees)}"
            msg = f"An adjustment by {self.principal_delta} and {self.fee_delta} is more than {owed}"
            raise RejectedError(msg)
        return _decided(self, Kind.ADJUSTMENT, self.principal_delta, self.fee_delta)


Operation = Repayment | Fee | Waiver | WriteOff | Adjustment
"""One request's content: a repetition with the same key must repeat it."""


def check_open(loan: Loan) -> None:
    """Raises RejectedError for a loan that takes no postings from callers."""
    if loan.closed_as is not None:
        raise RejectedError(f"Account {loan.loan_account_id} is closed ({loan.closed_as}): nothing is owed")
    if not loan.paid_out:
        raise RejectedError(f"Loan {loan.loan_account_id} was not disbursed yet: nothing is owed")


def _decided(
    by: Waiver | WriteOff | Adjustment, kind: Kind, principal: Decimal, fee: Decimal, notes: str | None = None
) -> Draft:
    return Draft(
        kind=kind,
        principal_delta=principal,
        fee_delta=fee,
        created_by=by.approved_by,
        metadata={"reason": by.reason, "approved_by": by.approved_by},
        notes=notes,
    )


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
