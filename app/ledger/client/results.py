"""What the ledger answers, in Python's own types: Decimal AUD, aware UTC times, ISO date strings.

Names are the contract's, shorter where the class says the rest. A time that the ledger left out is None.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Balance:
    """What is owed on a loan account at ``as_of``: ``total`` = ``principal`` + ``fees``."""

    loan_account_id: str
    principal: Decimal
    fees: Decimal
    total: Decimal
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class LedgerTransaction:
    """One posting. A delta below zero lowers what is owed; ``_after`` is what was owed then.

    ``kind`` is a name of the wire's TransactionType, or ``TYPE_<number>`` of one that we do not know.
    """

    transaction_id: str
    loan_account_id: str
    kind: str
    transaction_date: datetime | None
    effective_date: str
    principal_delta: Decimal
    fee_delta: Decimal
    total_delta: Decimal
    principal_after: Decimal
    fee_after: Decimal
    total_after: Decimal
    description: str
    reference_type: str
    reference_id: str
    metadata: dict[str, str]
    created_by: str
    created_at: datetime | None
    portfolio_entry_id: str
    notes: str | None


@dataclass(frozen=True, slots=True)
class TransactionList:
    """Transactions, newest first. ``total_count`` also counts those beyond the limit asked for."""

    loan_account_id: str
    transactions: tuple[LedgerTransaction, ...]
    total_count: int


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """An account as the ledger holds it.

    ``total_repayable`` = ``disbursed_principal`` + ``establishment_fee``.
    """

    loan_account_id: str
    account_number: str
    customer_id: str
    application_number: str
    disbursed_principal: Decimal
    establishment_fee: Decimal
    total_repayable: Decimal
    principal_balance: Decimal
    fee_balance: Decimal
    total_outstanding: Decimal
    total_paid: Decimal
    transaction_count: int
    last_transaction_id: str | None
    schedule_id: str | None
    created_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line of a statement: a ``charge`` or a ``payment``, and what was owed after it."""

    date: str
    transaction_id: str
    description: str
    charge: Decimal | None
    payment: Decimal | None
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Statement:
    """An account's statement of a period, both days included."""

    loan_account_id: str
    account_number: str
    customer_id: str
    period_start: str
    period_end: str
    disbursed_principal: Decimal
    establishment_fee: Decimal
    total_repayable: Decimal
    opening_balance: Decimal
    fees_charged: Decimal
    payments_received: Decimal
    closing_balance: Decimal
    lines: tuple[StatementLine, ...]
    generated_at: datetime | None


@dataclass(frozen=True, slots=True)
class InstalmentAllocation:
    """How much of a repayment an instalment took, and what it still lacks."""

    payment_number: int
    amount_applied: Decimal
    instalment_status: str
    amount_remaining: Decimal
    due_date: str
    scheduled_amount: Decimal


@dataclass(frozen=True, slots=True)
class TransactionResult:
    """What a write posted.

    ``idempotent_replay``: an earlier attempt with this key had posted it, and nothing happened now.
    ``overpayment``: what was left of a repayment when nothing was owed any more.
    """

    transaction: LedgerTransaction
    event_id: str
    allocated_to_fees: Decimal | None
    allocated_to_principal: Decimal | None
    overpayment: Decimal | None
    idempotent_replay: bool
    instalments: tuple[InstalmentAllocation, ...]
    allocation_warning: str | None
