"""The shape of a document in ``loan-accounts``."""

from datetime import datetime

from pydantic import Field

from app.aggregates.loan_account.reports import (
    AccountStatus,
    AgingBucket,
    ClosureReason,
    PaymentFrequency,
    PaymentStatus,
    SdkStatus,
)
from app.projections.read_models.base import CreatedAt, Day, Model, Money, UpdatedAt

REPORTS = "_reports"
"""Private to the projector: the account's reports in order of time. All but the customer follows from them;
the API does not read them."""


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
    """The day, in `BILLIE_BUSINESS_TIME_ZONE` (default: Sydney), of the report by which an account pending
    disbursement became ACTIVE: a status, or a positive balance without one (rule Disbursement)."""


class Balances(Model):
    """The amounts owed and paid, from the reports of the Accounts service."""

    current_balance: Money | None = None
    """The balance owed, as last reported; 0.00 once `account.closed` came. The API gives the ledger's own
    balance."""
    total_outstanding: Money | None = None
    """The same as `currentBalance`."""
    total_paid: Money | None = None
    """What was paid, once the account was disbursed (`sdkStatus` ACTIVE, SUSPENDED or CLOSED). It, the
    balance, what was written off and what was released are together what is payable: `loanTerms.totalPayable`
    as fees, waivers, adjustments and the like moved it (rule What is paid). The closure's own total counts
    only if the balances do not tell."""


class LastPayment(Model):
    """The last payment received."""

    date: Day | None = None
    """When it was paid, as reported, or else the day of its report in `BILLIE_BUSINESS_TIME_ZONE`."""
    amount: Money | None = None
    """The amount paid, as reported, or else by how much the balance fell."""


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
    """When it was paid. It, the amounts and the transactions belong to the report of `status`: a newer report
    of the status replaces them all."""
    amount_paid: Money | None = None
    """The amount paid so far."""
    amount_remaining: Money | None = None
    """The amount still owed."""
    linked_transaction_ids: list[str] | None = None
    """The ledger's transactions that paid it."""
    last_updated: datetime | None = None
    """When upstream last changed it: as reported, or else the time of the message."""


class RepaymentSchedule(Model):
    """The repayment schedule."""

    schedule_id: str | None = None
    """Upstream's identifier of the schedule. A newer schedule replaces an older one."""
    number_of_payments: int | None = None
    """The number of payments as reported with the list, or else its length."""
    payment_frequency: PaymentFrequency | None = None
    """How often payments fall due."""
    created_date: Day | None = None
    """When the schedule was created."""
    payments: list[Instalment] = Field(default_factory=list)
    """The instalments of the newest list, by number. One known only from an update has no `dueDate` or
    `amount`."""


class Aging(Model):
    """How late an account is, from the newest `loan.aging.updated.v1`; while it is paid off or written off,
    not at all."""

    days_past_due: int | None = None
    """Days since the oldest unpaid instalment was due. 0 while paid off or written off."""
    bucket: AgingBucket | None = None
    """Upstream's aging bucket; `closed` while paid off or written off."""
    is_in_arrears: bool | None = None
    """Whether anything is overdue, as reported; otherwise true unless `bucket` is `current` or `closed`."""
    last_updated: datetime | None = None
    """When upstream computed this; while paid off or written off, the time of the closure."""


class Closure(Model):
    """Why and how an account was closed, from the newest `account.closed.v1` since it was last reopened."""

    reason: ClosureReason | None = None
    """The reason; it decides between `paid_off` and `written_off`."""
    previous_status: SdkStatus | None = None
    """Upstream's previous status."""
    closed_date: Day | None = None
    """When it was closed."""
    final_balance: Money | None = None
    """The balance at closure, as reported."""
    total_paid: Money | None = None
    """The total paid, as reported. `balances.totalPaid` differs if it contradicts the balances."""
    written_off_amount: Money | None = None
    """For WRITTEN_OFF: the amount given up, by this closure and by write-offs before it."""
    released_amount: Money | None = None
    """For ADMIN_CLOSED: what was left of the balance, neither paid nor written off."""
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
    """The newest payment by the time of its report: as reported, or by a balance that fell by a REPAYMENT, or
    without a transaction type while the account was active or in arrears (rule What is a payment). Earlier
    payments are in the schedule."""
    account_status: AccountStatus | None = None
    """Our status for `sdkStatus`: PENDING and ACTIVE are `active`, SUSPENDED is `in_arrears`, CLOSED is
    `paid_off`, or `written_off` by the closure's reason. Once disbursed, never pending again (rule One-way
    disbursement gate)."""
    sdk_status: SdkStatus | None = None
    """Upstream's status; ACTIVE too where a balance shows that the loan was disbursed."""
    signed_loan_agreement_url: str | None = None
    """The URL of the signed agreement."""
    repayment_schedule: RepaymentSchedule | None = None
    """The schedule, and the state of each payment."""
    aging: Aging | None = None
    """How late the account is."""
    in_arrears: bool | None = None
    """Whether the account is in arrears: `accountStatus` is `in_arrears`, or it is `active` and
    `aging.isInArrears`. Always present once the status is known."""
    closure: Closure | None = None
    """Why and how it was closed; absent while it is open."""
    reopened_at: datetime | None = None
    """When it was last reopened; absent once it is closed again."""
    erased_at: datetime | None = None
    """When its personal data was erased with the customer."""
    created_at: CreatedAt = None
    updated_at: UpdatedAt = None
