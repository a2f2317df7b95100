"""What the Accounts service publishes."""

from typing import Annotated

from pydantic import AliasChoices, BeforeValidator, Field

from app.aggregates.loan_account.status import (
    AgingBucket,
    ClosureReason,
    PaymentFrequency,
    PaymentStatus,
    SdkStatus,
)
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
    one_of_or_absent,
    same,
)

_STATUS = same(SdkStatus)
_PAYMENT_STATUS = same(PaymentStatus) | {"PENDING": "scheduled", "OVERDUE": "missed"}

Status = Annotated[SdkStatus | None, BeforeValidator(one_of_or_absent(_STATUS))]
Closure = Annotated[ClosureReason | None, BeforeValidator(one_of_or_absent(same(ClosureReason)))]
Frequency = Annotated[PaymentFrequency | None, BeforeValidator(one_of_or_absent(same(PaymentFrequency)))]
Bucket = Annotated[AgingBucket | None, BeforeValidator(one_of_or_absent(same(AgingBucket)))]
PaymentNumber = Annotated[int, Field(ge=0, le=100_000)]


class AccountCreated(Payload):
    """``account.created.v1``: a loan account exists. Sent again, it resets nothing set since."""

    account_id: Identifier
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


class AccountUpdated(Payload):
    """``account.updated.v1``: a snapshot of what changed. An absent key clears nothing."""

    account_id: Identifier
    current_balance: Money | None = None
    status: Status = None
    last_payment_date: Date | None = None
    last_payment_amount: Money | None = None
    triggered_by_transaction_type: Word | None = None
    triggered_by_transaction_id: str | None = None


class AccountStatusChanged(Payload):
    """``account.status_changed.v1``: the account has another status."""

    account_id: Identifier
    new_status: Annotated[SdkStatus, BeforeValidator(one_of(_STATUS))]


class AccountClosed(Payload):
    """``account.closed.v1``: the account is closed, and why."""

    account_id: Identifier
    closure_reason: Closure = None
    final_balance: Money | None = None
    total_paid: Money | None = None
    loan_total_payable: Money | None = None
    previous_status: Status = None
    closed_date: Date | None = None
    triggered_by_transaction_id: str | None = None


class PlannedPayment(Payload):
    """One instalment as planned."""

    payment_number: PaymentNumber
    due_date: Date | None = None
    amount: Money | None = None


class ScheduleCreated(Payload):
    """``account.schedule.created.v1``: the plan of a loan's payments."""

    account_id: Identifier
    schedule_id: Identifier
    loan_amount: Money | None = None
    total_amount: Money | None = None
    fee: Money | None = None
    n_payments: PaymentNumber | None = None
    payment_frequency: Frequency = None
    payments: list[PlannedPayment] = Field(default_factory=list)
    created_date: Date | None = None


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


class ScheduleUpdated(Payload):
    """``account.schedule.updated.v1``: what became of some payments. It may precede the plan."""

    account_id: Identifier
    schedule_id: Identifier | None = None
    payments: list[PaymentNews]


class AgingUpdated(Payload):
    """``loan.aging.updated.v1``: how late the account is."""

    account_id: Identifier
    dpd: Annotated[Number | None, Field(description="Days past due.")] = None
    bucket: Bucket = None
    is_in_arrears: Flag | None = None
    last_updated: Time | None = None
