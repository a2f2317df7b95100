"""What the Accounts service publishes."""

from collections.abc import Callable
from typing import Annotated, ClassVar

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field

from app.aggregates.base import Key
from app.aggregates.loan_account.account import LoanAccount
from app.aggregates.loan_account.reports import (
    AgingBucket,
    ClosureReason,
    PaymentFrequency,
    PaymentStatus,
    SdkStatus,
)
from app.event_store.unit_of_work import UnitOfWork
from app.ingestion.messages.envelope import LONGEST_ID, Envelope
from app.ingestion.messages.fields import (
    Date,
    Flag,
    Identifier,
    Money,
    Number,
    Payload,
    Text,
    Time,
    Word,
    listed,
    one_of,
    same,
    whole,
)

_STATUS = same(SdkStatus)
_PAYMENT_STATUS = same(PaymentStatus) | {"PENDING": "scheduled", "OVERDUE": "missed"}

Status = Annotated[SdkStatus, BeforeValidator(one_of(_STATUS))] | None
Closure = Annotated[ClosureReason, BeforeValidator(one_of(same(ClosureReason)))] | None
Frequency = Annotated[PaymentFrequency, BeforeValidator(one_of(same(PaymentFrequency)))] | None
Bucket = Annotated[AgingBucket, BeforeValidator(one_of(same(AgingBucket)))] | None
UpperWord = Annotated[Word, AfterValidator(str.upper)]
PaymentNumber = Annotated[int, Field(ge=0, le=100_000), BeforeValidator(whole)]
_NAMES = {
    "closure_reason": "reason",
    "dpd": "days_past_due",
    "loan_total_payable": "total_payable",
    "n_payments": "number_of_payments",
    "new_status": "status",
}
"""Keys of messages that the account names otherwise."""


class _AboutAccount(Payload):
    command: ClassVar[Callable[..., None]] = LoanAccount.update
    """What it asks of the account, with all that it says."""

    account_id: Identifier

    def concerns(self, _envelope: Envelope) -> tuple[Key, ...]:
        return ((LoanAccount, self.account_id),)

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        said = {_NAMES.get(name, name): value for name, value in self.present("account_id").items()}
        if "payments" in said:
            said["payments"] = [payment.present() for payment in said["payments"]]
        account = unit.obtain(LoanAccount, self.account_id, envelope.source)
        type(self).command(account, envelope.source, **said)


class _Snapshot(_AboutAccount):
    account_number: Text | None = None
    status: Status = None
    loan_amount: Money | None = None
    loan_fee: Money | None = None
    loan_total_payable: Money | None = None
    current_balance: Money | None = None
    opened_date: Date | None = None
    commencement_date: Date | None = None
    signed_loan_agreement_url: Text | None = None


class AccountCreated(_Snapshot):
    """``account.created.v1``: a loan account exists. Sent again, it resets nothing set since."""

    command = LoanAccount.open
    customer_id: Identifier


class AccountUpdated(_Snapshot):
    """``account.updated.v1``: a snapshot of what changed. An absent key clears nothing."""

    last_payment_date: Date | None = None
    last_payment_amount: Money | None = None
    triggered_by_transaction_type: Annotated[UpperWord, Field(max_length=LONGEST_ID)] | None = None
    triggered_by_transaction_id: Identifier | None = None


class AccountStatusChanged(_AboutAccount):
    """``account.status_changed.v1``: the account has another status."""

    new_status: Annotated[SdkStatus, BeforeValidator(one_of(_STATUS))]


class AccountClosed(_AboutAccount):
    """``account.closed.v1``: the account is closed, and why."""

    command = LoanAccount.close
    closure_reason: Closure = None
    final_balance: Money | None = None
    total_paid: Money | None = None
    loan_total_payable: Money | None = None
    previous_status: Status = None
    closed_date: Date | None = None
    triggered_by_transaction_id: Identifier | None = None


class PlannedPayment(Payload):
    """One instalment as planned."""

    payment_number: PaymentNumber
    due_date: Date | None = None
    amount: Money | None = None


class ScheduleCreated(_AboutAccount):
    """``account.schedule.created.v1``: the plan of a loan's payments."""

    command = LoanAccount.create_schedule
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
    status: Annotated[PaymentStatus, BeforeValidator(one_of(_PAYMENT_STATUS))] | None = None
    paid_date: Date | None = None
    amount_paid: Money | None = Field(
        default=None, validation_alias=AliasChoices("amount_paid", "amountPaid", "paid_amount", "paidAmount")
    )
    amount_remaining: Money | None = None
    linked_transaction_ids: Annotated[list[Identifier] | None, BeforeValidator(listed)] = None
    last_updated: Time | None = None


class ScheduleUpdated(_AboutAccount):
    """``account.schedule.updated.v1``: what became of some payments. It may precede the plan."""

    command = LoanAccount.update_schedule
    schedule_id: Identifier | None = None
    payments: list[PaymentNews] = Field(default_factory=list)


class AgingUpdated(_AboutAccount):
    """``loan.aging.updated.v1``: how late the account is."""

    command = LoanAccount.update_aging
    dpd: Annotated[Number | None, Field(description="Days past due.")] = None
    bucket: Bucket = None
    is_in_arrears: Flag | None = None
    last_updated: Time | None = None
