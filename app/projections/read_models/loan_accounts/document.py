"""The collection ``loan-accounts``."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.ingestion.messages import accounts as account
from app.projections.read_models.kinds import CreatedAt, Day, Document, Money, UpdatedAt

AccountStatus = Literal["active", "pending_disbursement", "in_arrears", "paid_off", "written_off"]


class LoanTerms(Document):
    """What was agreed."""

    loan_amount: Money | None = None
    """The principal: what is lent."""
    loan_fee: Money | None = None
    """All fees agreed at the start."""
    total_payable: Money | None = None
    """What is to be paid back in all, as told; not reckoned from the two above."""
    opened_date: Day | None = None
    """When the account was opened."""
    commencement_date: Day | None = None
    """When the loan begins by its contract."""
    disbursed_date: Day | None = None
    """The UTC day on which money is first reported for an account that awaited its disbursement (rule
    Disbursement); stamped once, and moved only by an older report that arrives late."""


class Balances(Document):
    """What is owed and what was paid, as the Accounts service last told."""

    current_balance: Money | None = None
    """What is owed, as last told. The ledger itself is asked over the API."""
    total_outstanding: Money | None = None
    """The same as `currentBalance`."""
    total_paid: Money | None = None
    """As the closure tells; else `loanTerms.totalPayable`, and what fees, waivers, adjustments and write-offs
    have made of it since, less `currentBalance`; zero at least, once the account was paid out (`sdkStatus`
    ACTIVE, SUSPENDED or CLOSED). They are known by the transaction type that comes with a balance: a change
    without one counts as a payment, or as one taken back."""


class LastPayment(Document):
    """The last payment received."""

    date: Day | None = None
    """When it was paid, as told; of a payment that only a fallen balance shows, the day on which it fell, in
    `BILLIE_BUSINESS_TIME_ZONE`: Sydney's, if that is unset."""
    amount: Money | None = None
    """How much was paid."""


class Instalment(Document):
    """One payment of the schedule."""

    payment_number: int
    """Its place in the schedule: the first is 1."""
    due_date: Day | None = None
    """When it is due."""
    amount: Money | None = None
    """What is due by the plan."""
    status: account.PaymentStatus | None = None
    """How it stands: `scheduled` from the start, then as told (upstream's PENDING is `scheduled`, OVERDUE is
    `missed`)."""
    paid_date: Day | None = None
    """When it was (last) paid, as told."""
    amount_paid: Money | None = None
    """What of it was paid so far."""
    amount_remaining: Money | None = None
    """What of it is still owed."""
    linked_transaction_ids: list[str] | None = None
    """The ledger's transactions that paid it."""
    last_updated: datetime | None = None
    """When upstream last changed it, as told."""


class RepaymentSchedule(Document):
    """The payments, in number order."""

    schedule_id: str | None = None
    """Upstream's identifier of the plan. A newer plan replaces an older one."""
    number_of_payments: int | None = None
    """How many payments, as told; else how many the plan lists."""
    payment_frequency: account.PaymentFrequency | None = None
    """How often payments fall due."""
    created_date: Day | None = None
    """When the plan was made."""
    payments: list[Instalment] = Field(default_factory=list)
    """The instalments, in number order. One that is known only from news of it has no `dueDate` or
    `amount`."""


class Aging(Document):
    """How late an account is, by `loan.aging.updated.v1`."""

    days_past_due: int | None = None
    """Days since the oldest unpaid instalment was due."""
    bucket: account.AgingBucket | None = None
    """Upstream's class of lateness. On a paid off or written off account only `closed` is taken over (rule
    Terminal status), so one that was late may keep its last bucket."""
    is_in_arrears: bool | None = None
    """Whether anything is overdue, as told. It may outlive the account as `bucket` does."""
    last_updated: datetime | None = None
    """When upstream reckoned this, as told."""


class Closure(Document):
    """Why and how an account was closed, by `account.closed.v1`."""

    reason: account.ClosureReason | None = None
    """Why; it decides between `paid_off` and `written_off`."""
    previous_status: account.AccountStatus | None = None
    """Upstream's status before."""
    closed_date: Day | None = None
    """When it was closed."""
    final_balance: Money | None = None
    """What was still owed then; of a write-off, what was given up."""
    total_paid: Money | None = None
    """What was paid in all, as told."""
    triggered_by_transaction_id: str | None = None
    """The ledger's transaction that closed it."""


class LoanAccount(Document):
    """A loan account, as `account.…` messages and `loan.aging.updated.v1` tell, in whatever order they come.

    An older report overwrites nothing newer, and an absent key clears nothing.
    """

    loan_account_id: str = Field(validation_alias="_id")
    """The account's identifier; what `loanAccountId` holds elsewhere."""
    account_number: str | None = None
    """The number that customers and staff use."""
    customer_id: str | None = None
    """Whose loan it is: `customers._id`."""
    customer_name: str | None = None
    """The customer's `fullName`; it follows when that changes, whichever came first."""
    loan_terms: LoanTerms | None = None
    """What was agreed."""
    balances: Balances | None = None
    """What is owed and what was paid, as last told."""
    last_payment: LastPayment | None = None
    """The last payment received: as told, else by how much the balance of an active account fell, unless
    another transaction than a repayment moved it (rule Last payment). Earlier payments are in the
    schedule."""
    account_status: AccountStatus | None = None
    """Our word for `sdkStatus`: PENDING and ACTIVE are `active`, SUSPENDED is `in_arrears`, CLOSED is
    `paid_off`, or `written_off` by the closure's reason. Once paid out, never pending again (rule One-way
    disbursement gate)."""
    sdk_status: account.AccountStatus | None = None
    """Upstream's word."""
    signed_loan_agreement_url: str | None = None
    """Where the signed agreement is kept."""
    repayment_schedule: RepaymentSchedule | None = None
    """The plan, and what became of each payment."""
    aging: Aging | None = None
    """How late the account is."""
    closure: Closure | None = None
    """Why and how it was closed; absent while it is open."""
    erased_at: datetime | None = None
    """When what is personal in it was erased with the customer."""
    created_at: CreatedAt = None
    updated_at: UpdatedAt = None
