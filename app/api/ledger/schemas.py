"""The ledger's answers: the contract's names (ledger.md) in camelCase.

Money is a decimal string in AUD, a time is ISO 8601 in UTC, a date is ``YYYY-MM-DD``. Fields that the ledger
left out are absent.
"""

from datetime import datetime

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from app.projections.read_models.types import Model, Money


class LedgerDocument(Model):
    """Read from the attributes of the client's results."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, from_attributes=True, extra="ignore"
    )


class LedgerBalance(LedgerDocument):
    """The balance now: `totalOutstanding` = `principalBalance` + `feeBalance`."""

    loan_account_id: str
    principal_balance: Money = Field(validation_alias="principal")
    fee_balance: Money = Field(validation_alias="fees")
    total_outstanding: Money = Field(validation_alias="total")
    as_of: datetime | None = None


class LedgerTransaction(LedgerDocument):
    """One posting. A negative delta lowers the balance; `…After` is the balance after it."""

    transaction_id: str
    loan_account_id: str
    type: str = Field(validation_alias="kind")
    transaction_date: datetime | None = None
    effective_date: str
    principal_delta: Money
    fee_delta: Money
    principal_after: Money
    fee_after: Money
    total_delta: Money
    total_after: Money
    description: str
    reference_type: str
    reference_id: str
    metadata: dict[str, str]
    created_by: str
    created_at: datetime | None = None
    portfolio_entry_id: str
    notes: str | None = None


class LedgerTransactions(LedgerDocument):
    """A page of an account's postings, newest first. `totalCount` counts all that match the filters.

    `next` is the address of the next page; absent on the last one.
    """

    loan_account_id: str
    items: list[LedgerTransaction]
    total_count: int
    next: str | None = None


class LedgerRecord(LedgerDocument):
    """An account as the ledger holds it."""

    loan_account_id: str
    account_number: str
    customer_id: str
    application_number: str
    disbursed_principal: Money
    establishment_fee: Money
    total_repayable: Money
    principal_balance: Money
    fee_balance: Money
    total_outstanding: Money
    total_paid: Money
    transaction_count: int
    last_transaction_id: str | None = None
    schedule_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class StatementLine(LedgerDocument):
    """A charge or a payment, and the balance after it."""

    date: str
    transaction_id: str
    description: str
    charge: Money | None = None
    payment: Money | None = None
    balance: Money


class LedgerStatement(LedgerDocument):
    """An account's statement of a period, both days included."""

    loan_account_id: str
    account_number: str
    customer_id: str
    period_start: str
    period_end: str
    disbursed_principal: Money
    establishment_fee: Money
    total_repayable: Money
    opening_balance: Money
    fees_charged: Money
    payments_received: Money
    closing_balance: Money
    lines: list[StatementLine]
    generated_at: datetime | None = None
