"""What a caller may ask of the books, and the business rules that it must meet."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from app.ledger.sandbox.allocation import plan, split
from app.ledger.sandbox.amounts import NOTHING, text
from app.ledger.sandbox.journal import Draft, Kind
from app.ledger.sandbox.refusals import RejectedError
from app.ledger.sandbox.situation import Situation

FEE_CAP = Decimal(2)
"""Principal and fees of a loan may come to twice what was lent: the law's limit for small-amount loans."""

CALLER = "sandbox"
"""Who posted, where the request names nobody."""


class Operation(Protocol):
    """One request's content. Its fields, the key apart, are what a repetition must repeat."""

    @property
    def loan_account_id(self) -> str: ...

    def draft(self, now: Situation) -> Draft:
        """The transaction that it means. Raises RejectedError."""
        ...


@dataclass(frozen=True)
class Repayment:
    """Money of the customer's came in: AUD, above zero."""

    loan_account_id: str
    amount: Decimal
    payment_id: str | None = None
    payment_method: str | None = None
    payment_reference: str | None = None
    notes: str | None = None
    target_payment_number: int | None = None
    schedule_id: str | None = None

    def draft(self, now: Situation) -> Draft:
        """Fees first, then principal. Raises RejectedError where nothing is owed."""
        _must_be_open(now)
        paid = split(self.amount, now.principal, now.fees)
        return Draft(
            Kind.REPAYMENT,
            -paid.to_principal,
            -paid.to_fees,
            "Repayment",
            CALLER,
            overpayment=paid.overpayment,
            reference_type="payment" if self.payment_id else "",
            reference_id=self.payment_id or "",
            metadata=_given(payment_method=self.payment_method, payment_reference=self.payment_reference),
            notes=self.notes,
            plan=plan(
                paid,
                now.owed,
                now.schedule_id,
                now.instalments,
                target=self.target_payment_number,
                meant_schedule=self.schedule_id,
            ),
        )


@dataclass(frozen=True)
class Fee:
    """A late or dishonour fee: AUD, above zero. ``days_past_due`` is None or above zero."""

    loan_account_id: str
    amount: Decimal
    kind: Kind
    days_past_due: int | None = None
    reason: str | None = None
    reference_id: str | None = None

    def draft(self, now: Situation) -> Draft:
        """Raises RejectedError where it would break the cap of what a loan may cost."""
        _must_be_open(now)
        limit, charged = now.disbursed * FEE_CAP, now.disbursed + now.charged
        if charged + self.amount > limit:
            msg = (
                f"Fee cap: principal and fees of a loan may come to {text(limit)}, twice what was lent;"
                f" {text(charged)} is charged already, so at most {text(max(NOTHING, limit - charged))} fits"
            )
            raise RejectedError(msg)
        days = None if self.days_past_due is None else str(self.days_past_due)
        return Draft(
            self.kind,
            NOTHING,
            self.amount,
            "Late fee" if self.kind is Kind.LATE_FEE else "Dishonour fee",
            CALLER,
            reference_type="dishonour" if self.reference_id else "",
            reference_id=self.reference_id or "",
            metadata=_given(days_past_due=days, reason=self.reason),
        )


@dataclass(frozen=True)
class Waiver:
    """Fees are forgiven: AUD, above zero."""

    loan_account_id: str
    amount: Decimal
    reason: str
    approved_by: str
    notes: str | None = None

    def draft(self, now: Situation) -> Draft:
        """Raises RejectedError for more than the fees that are owed."""
        _must_be_open(now)
        if self.amount > now.fees:
            msg = f"A waiver of {text(self.amount)} is more than the fees owed, {text(now.fees)}"
            raise RejectedError(msg)
        approved = _given(reason=self.reason, approved_by=self.approved_by)
        return Draft(
            Kind.FEE_WAIVER,
            NOTHING,
            -self.amount,
            "Fee waiver",
            self.approved_by,
            metadata=approved,
            notes=self.notes,
        )


@dataclass(frozen=True)
class WriteOff:
    """All that is owed is given up."""

    loan_account_id: str
    reason: str
    approved_by: str

    def draft(self, now: Situation) -> Draft:
        """Raises RejectedError where nothing is owed."""
        _must_be_open(now)
        approved = _given(reason=self.reason, approved_by=self.approved_by)
        return Draft(
            Kind.WRITE_OFF, -now.principal, -now.fees, "Write-off", self.approved_by, metadata=approved
        )


@dataclass(frozen=True)
class Adjustment:
    """A correction by hand: AUD, each of either sign, not both zero."""

    loan_account_id: str
    principal_delta: Decimal
    fee_delta: Decimal
    reason: str
    approved_by: str

    def draft(self, now: Situation) -> Draft:
        """Raises RejectedError where less than nothing would be owed."""
        _must_be_open(now)
        for what, delta, owed in (
            ("principal", self.principal_delta, now.principal),
            ("fees", self.fee_delta, now.fees),
        ):
            if owed + delta < 0:
                msg = f"An adjustment of {text(delta)} is more than the {what} owed, {text(owed)}"
                raise RejectedError(msg)
        approved = _given(reason=self.reason, approved_by=self.approved_by)
        return Draft(
            Kind.ADJUSTMENT,
            self.principal_delta,
            self.fee_delta,
            "Adjustment",
            self.approved_by,
            metadata=approved,
        )


def _must_be_open(now: Situation) -> None:
    account = now.account
    if account.closed_as is not None:
        msg = f"Account {account.loan_account_id} is closed ({account.closed_as}): nothing is owed"
        raise RejectedError(msg)
    if not account.paid_out:
        msg = f"Loan {account.loan_account_id} was not disbursed yet: nothing is owed"
        raise RejectedError(msg)


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
