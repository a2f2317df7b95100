"""What the Accounts service publishes."""

from typing import Annotated, cast

from pydantic import AliasChoices, BeforeValidator, Field

from app.aggregates.base import Key
from app.aggregates.loan_account.account import LoanAccount
from app.aggregates.loan_account.instalments import Instalment
from app.aggregates.loan_account.status import (
    AgingBucket,
    ClosureReason,
    PaymentFrequency,
    PaymentStatus,
    SdkStatus,
)
from app.event_store.unit_of_work import UnitOfWork
from app.ingestion.messages.envelope import Envelope
from app.ingestion.messages.fields import (
    Date,
    Flag,
    Identifier,
    Money,
    Number,
    Payload,
    Time,
    Word,
    listed,
    one_of,
    same,
)

_STATUS = same(SdkStatus)
_PAYMENT_STATUS = same(PaymentStatus) | {"PENDING": "scheduled", "OVERDUE": "missed"}

Status = Annotated[SdkStatus, BeforeValidator(one_of(_STATUS))] | None
Closure = Annotated[ClosureReason, BeforeValidator(one_of(same(ClosureReason)))] | None
Frequency = Annotated[PaymentFrequency, BeforeValidator(one_of(same(PaymentFrequency)))] | None
Bucket = Annotated[AgingBucket, BeforeValidator(one_of(same(AgingBucket)))] | None
PaymentNumber = Annotated[int, Field(ge=0, le=100_000)]


class _AboutAccount(Payload):
    account_id: Identifier

    def concerns(self, _envelope: Envelope) -> tuple[Key, ...]:
        return ((LoanAccount, self.account_id),)

    def account(self, unit: UnitOfWork, envelope: Envelope) -> LoanAccount:
        return unit.obtain(LoanAccount, self.account_id, envelope.source)


class AccountCreated(_AboutAccount):
    """``account.created.v1``: a loan account exists. Sent again, it resets nothing set since."""

    customer_id: Identifier
    account_number: str | None = None
    status: Status = None
    loan_amount: Money | None = None
    loan_fee: Money | None = None
    loan_total_payable: Money | None = None
    current_balance: Money | None = None
    opened_date: Date | None = None
    commencement_date: Date | None = None
    signed_loan_agreement_url: str | None = None

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        self.account(unit, envelope).open(
            envelope.source,
            total_payable=self.loan_total_payable,
            **self.present("account_id", "loan_total_payable"),
        )


class AccountUpdated(_AboutAccount):
    """``account.updated.v1``: a snapshot of what changed. An absent key clears nothing."""

    current_balance: Money | None = None
    status: Status = None
    last_payment_date: Date | None = None
    last_payment_amount: Money | None = None
    triggered_by_transaction_type: Word | None = None
    triggered_by_transaction_id: str | None = None

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        by = self.triggered_by_transaction_type
        self.account(unit, envelope).update(
            envelope.source,
            triggered_by_transaction_type=by and by.upper(),
            **self.present("account_id", "triggered_by_transaction_type"),
        )


class AccountStatusChanged(_AboutAccount):
    """``account.status_changed.v1``: the account has another status."""

    new_status: Annotated[SdkStatus, BeforeValidator(one_of(_STATUS))]

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        self.account(unit, envelope).change_status(envelope.source, status=self.new_status)


class AccountClosed(_AboutAccount):
    """``account.closed.v1``: the account is closed, and why."""

    closure_reason: Closure = None
    final_balance: Money | None = None
    total_paid: Money | None = None
    loan_total_payable: Money | None = None
    previous_status: Status = None
    closed_date: Date | None = None
    triggered_by_transaction_id: str | None = None

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        self.account(unit, envelope).close(
            envelope.source,
            reason=self.closure_reason,
            total_payable=self.loan_total_payable,
            **self.present("account_id", "closure_reason", "loan_total_payable"),
        )


class PlannedPayment(Payload):
    """One instalment as planned."""

    payment_number: PaymentNumber
    due_date: Date | None = None
    amount: Money | None = None


class ScheduleCreated(_AboutAccount):
    """``account.schedule.created.v1``: the plan of a loan's payments."""

    schedule_id: Identifier
    loan_amount: Money | None = None
    total_amount: Money | None = None
    fee: Money | None = None
    n_payments: PaymentNumber | None = None
    payment_frequency: Frequency = None
    payments: list[PlannedPayment] = Field(default_factory=list)
    created_date: Date | None = None

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        self.account(unit, envelope).create_schedule(
            envelope.source,
            number_of_payments=self.n_payments,
            payments=[cast("Instalment", payment.present()) for payment in self.payments],
            **self.present("account_id", "n_payments", "payments"),
        )


class PaymentNews(Payload):
    """What became of one instalment."""

    payment_number: PaymentNumber
    status: Annotated[PaymentStatus, BeforeValidator(one_of(_PAYMENT_STATUS))]
    paid_date: Date | None = None
    amount_paid: Money | None = Field(
        default=None, validation_alias=AliasChoices("amount_paid", "amountPaid", "paid_amount", "paidAmount")
    )
    amount_remaining: Money | None = None
    linked_transaction_ids: Annotated[list[str] | None, BeforeValidator(listed)] = None
    last_updated: Time | None = None


class ScheduleUpdated(_AboutAccount):
    """``account.schedule.updated.v1``: what became of some payments. It may precede the plan."""

    schedule_id: Identifier | None = None
    payments: list[PaymentNews]

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        self.account(unit, envelope).update_schedule(
            envelope.source,
            schedule_id=self.schedule_id,
            payments=[cast("Instalment", payment.present()) for payment in self.payments],
        )


class AgingUpdated(_AboutAccount):
    """``loan.aging.updated.v1``: how late the account is."""

    dpd: Annotated[Number | None, Field(description="Days past due.")] = None
    bucket: Bucket = None
    is_in_arrears: Flag | None = None
    last_updated: Time | None = None

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        self.account(unit, envelope).update_aging(
            envelope.source, days_past_due=self.dpd, **self.present("account_id", "dpd")
        )
