"""The shape of a document in ``loan-accounts``."""

from datetime import datetime

from pydantic import Field

from app.aggregates.loan_account.status import (
    AccountStatus,
    AgingBucket,
    ClosureReason,
    PaymentFrequency,
    PaymentStatus,
    SdkStatus,
)
from app.projections.read_models.types import CreatedAt, Day, Model, Money, UpdatedAt


class LoanTerms(Model):
    """The agreed terms."""

    loan_amount: Money | None = None
    """The principal lent."""
    loan_fee: Money | None = None
    """All fees agreed at the start."""
    total_payable: Money | None = None
    """The total to repay, as reported; not computed from the two above."""
    opened_date: Day | None = None
    """When the account was opened."""
    commencement_date: Day | None = None
    """When the loan begins under its contract."""
    disbursed_date: Day | None = None
    """The UTC day of the first balance reported for an account pending disbursement (rule Disbursement). Set
    once; only an older report that arrives late moves it."""


class Balances(Model):
    """The amounts owed and paid, as last reported by the Accounts service."""

    current_balance: Money | None = None
    """The balance owed, as last reported. The API gives the ledger's own balance."""
    total_outstanding: Money | None = None
    """The same as `currentBalance`."""
    total_paid: Money | None = None
    """The closure's total; otherwise `loanTerms.totalPayable`, adjusted by later fees, waivers, adjustments
    and write-offs, less `currentBalance`, and at least zero, once the account was disbursed (`sdkStatus`
    ACTIVE, SUSPENDED or CLOSED). Those movements are recognised by the transaction type reported with a
    balance: a change without one counts as a payment, or as a reversed one."""


class LastPayment(Model):
    """The last payment received."""

    date: Day | None = None
    """When it was paid, as reported. For a payment inferred from a lower balance: the day of that report in
    `BILLIE_BUSINESS_TIME_ZONE` (default: Sydney)."""
    amount: Money | None = None
    """The amount paid."""


class Instalment(Model):
    """One payment in the schedule."""

    payment_number: int
    """Its number in the schedule, starting at 1."""
    due_date: Day | None = None
    """When it is due."""
    amount: Money | None = None
    """The amount due."""
    status: PaymentStatus | None = None
    """The status: `scheduled` from the start, then as reported (upstream's PENDING is `scheduled`, OVERDUE is
    `missed`)."""
    paid_date: Day | None = None
    """When it was last paid, as reported."""
    amount_paid: Money | None = None
    """The amount paid so far."""
    amount_remaining: Money | None = None
    """The amount still owed."""
    linked_transaction_ids: list[str] | None = None
    """The ledger's transactions that paid it."""
    last_updated: datetime | None = None
    """When upstream last changed it, as reported."""


class RepaymentSchedule(Model):
    """The repayment schedule."""

    schedule_id: str | None = None
    """Upstream's identifier of the schedule. A newer schedule replaces an older one."""
    number_of_payments: int | None = None
    """The number of payments as reported, or else as listed in the schedule."""
    payment_frequency: PaymentFrequency | None = None
    """How often payments fall due."""
    created_date: Day | None = None
    """When the schedule was created."""
    payments: list[Instalment] = Field(default_factory=list)
    """The instalments, by number. One known only from an update has no `dueDate` or `amount`."""


class Aging(Model):
    """How late an account is, from `loan.aging.updated.v1`."""

    days_past_due: int | None = None
    """Days since the oldest unpaid instalment was due."""
    bucket: AgingBucket | None = None
    """Upstream's aging bucket. A paid-off or written-off account accepts only `closed` (rule Terminal
    status), so one that was late may keep its last bucket."""
    is_in_arrears: bool | None = None
    """Whether anything is overdue, as reported. Like `bucket`, it may remain on a closed account."""
    last_updated: datetime | None = None
    """When upstream computed this, as reported."""


class Closure(Model):
    """Why and how an account was closed, from `account.closed.v1`."""

    reason: ClosureReason | None = None
    """The reason; it decides between `paid_off` and `written_off`."""
    previous_status: SdkStatus | None = None
    """Upstream's previous status."""
    closed_date: Day | None = None
    """When it was closed."""
    final_balance: Money | None = None
    """The balance at closure; for a write-off, the amount written off."""
    total_paid: Money | None = None
    """The total paid, as reported."""
    triggered_by_transaction_id: str | None = None
    """The ledger's transaction that closed it."""


class LoanAccountDocument(Model):
    """A loan account, from `account.…` messages and `loan.aging.updated.v1`, in any order of arrival.

    An older report never overwrites a newer one, and an absent key clears nothing.
    """

    loan_account_id: str = Field(validation_alias="_id")
    """The account's identifier, which other collections hold in `loanAccountId`."""
    account_number: str | None = None
    """The number that customers and staff use."""
    customer_id: str | None = None
    """The borrower: `customers._id`."""
    customer_name: str | None = None
    """The customer's `fullName`, kept up to date when it changes."""
    loan_terms: LoanTerms | None = None
    """The agreed terms."""
    balances: Balances | None = None
    """The amounts owed and paid, as last reported."""
    last_payment: LastPayment | None = None
    """The last payment received, as reported, or else inferred from a lower balance of an active account,
    unless a transaction other than a repayment caused it (rule Last payment). Earlier payments are in the
    schedule."""
    account_status: AccountStatus | None = None
    """Our status for `sdkStatus`: PENDING and ACTIVE are `active`, SUSPENDED is `in_arrears`, CLOSED is
    `paid_off`, or `written_off` by the closure's reason. Once disbursed, never pending again (rule One-way
    disbursement gate)."""
    sdk_status: SdkStatus | None = None
    """Upstream's status."""
    signed_loan_agreement_url: str | None = None
    """The URL of the signed agreement."""
    repayment_schedule: RepaymentSchedule | None = None
    """The schedule, and the state of each payment."""
    aging: Aging | None = None
    """How late the account is."""
    closure: Closure | None = None
    """Why and how it was closed; absent while it is open."""
    erased_at: datetime | None = None
    """When its personal data was erased with the customer."""
    created_at: CreatedAt = None
    updated_at: UpdatedAt = None
