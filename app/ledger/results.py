"""What the ledger answers, in Python's own types: Decimal AUD, aware UTC times, ISO date strings."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from app.ledger.errors import LedgerFaultError
from app.ledger.wire import accounting_ledger_pb2 as wire


@dataclass(frozen=True, slots=True)
class Balance:
    """What is owed on a loan account at ``as_of``: ``total`` = ``principal`` + ``fees``."""

    loan_account_id: str
    principal: Decimal
    fees: Decimal
    total: Decimal
    as_of: datetime


@dataclass(frozen=True, slots=True)
class LedgerTransaction:
    """One posting. A delta below zero lowers what is owed; ``_after`` is what was owed then."""

    transaction_id: str
    loan_account_id: str
    kind: str
    transaction_date: datetime
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
    created_by: str
    created_at: datetime
    notes: str | None


@dataclass(frozen=True, slots=True)
class TransactionList:
    """Transactions, newest first. ``total_count`` also counts those beyond the limit asked for."""

    loan_account_id: str
    transactions: tuple[LedgerTransaction, ...]
    total_count: int


def balance(answer: wire.GetBalanceResponse) -> Balance:
    """Raises LedgerFaultError for an answer that cannot be read."""
    return Balance(
        loan_account_id=answer.loan_account_id,
        principal=_money(answer.principal_balance),
        fees=_money(answer.fee_balance),
        total=_money(answer.total_outstanding),
        as_of=_time(answer.as_of),
    )


def transaction_list(answer: wire.GetTransactionsResponse) -> TransactionList:
    """Raises LedgerFaultError for an answer that cannot be read."""
    return TransactionList(
        loan_account_id=answer.loan_account_id,
        transactions=tuple(map(transaction, answer.transactions)),
        total_count=answer.total_count,
    )


def transaction(told: wire.Transaction) -> LedgerTransaction:
    """Raises LedgerFaultError for a transaction that cannot be read."""
    return LedgerTransaction(
        transaction_id=told.transaction_id,
        loan_account_id=told.loan_account_id,
        kind=_kind(told.type),
        transaction_date=_time(told.transaction_date),
        effective_date=told.effective_date,
        principal_delta=_money(told.principal_delta),
        fee_delta=_money(told.fee_delta),
        total_delta=_money(told.total_delta),
        principal_after=_money(told.principal_after),
        fee_after=_money(told.fee_after),
        total_after=_money(told.total_after),
        description=told.description,
        reference_type=told.reference_type,
        reference_id=told.reference_id,
        created_by=told.created_by,
        created_at=_time(told.created_at),
        notes=told.notes if told.HasField("notes") else None,
    )


def _kind(number: int) -> str:
    # A ledger newer than this client may know more kinds; the number is better than a failure.
    descriptor = wire.TransactionType.DESCRIPTOR.values_by_number.get(number)
    return f"TYPE_{number}" if descriptor is None else descriptor.name


def _money(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise LedgerFaultError("INTERNAL", f"the ledger answered {text!r} for an amount") from error


def _time(timestamp: Any) -> datetime:
    at: datetime = timestamp.ToDatetime(tzinfo=UTC)
    return at
