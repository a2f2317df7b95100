"""Reads the wire's messages into results; raises UnreadableAnswerError for what cannot be read."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from app.ledger.client import results
from app.ledger.client.errors import UnreadableAnswerError
from app.ledger.wire import accounting_ledger_pb2 as wire


def balance(answer: wire.GetBalanceResponse) -> results.Balance:
    """What is owed."""
    return results.Balance(
        loan_account_id=answer.loan_account_id,
        principal=_money(answer.principal_balance),
        fees=_money(answer.fee_balance),
        total=_money(answer.total_outstanding),
        as_of=_time(answer, "as_of"),
    )


def transaction(told: wire.Transaction) -> results.LedgerTransaction:
    """One posting, which must have an id."""
    if not told.transaction_id:
        raise UnreadableAnswerError("a transaction without an id")
    return results.LedgerTransaction(
        transaction_id=told.transaction_id,
        loan_account_id=told.loan_account_id,
        kind=_kind(told.type),
        transaction_date=_time(told, "transaction_date"),
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
        metadata=dict(told.metadata),
        created_by=told.created_by,
        created_at=_time(told, "created_at"),
        portfolio_entry_id=told.portfolio_entry_id,
        notes=_optional(told, "notes"),
    )


def transaction_list(answer: wire.GetTransactionsResponse) -> results.TransactionList:
    """An account's postings."""
    return results.TransactionList(
        loan_account_id=answer.loan_account_id,
        transactions=tuple(map(transaction, answer.transactions)),
        total_count=answer.total_count,
    )


def record(answer: wire.LedgerRecordResponse) -> results.LedgerRecord:
    """An account."""
    return results.LedgerRecord(
        loan_account_id=answer.loan_account_id,
        account_number=answer.account_number,
        customer_id=answer.customer_id,
        application_number=answer.application_number,
        disbursed_principal=_money(answer.disbursed_principal),
        establishment_fee=_money(answer.establishment_fee),
        total_repayable=_money(answer.total_repayable),
        principal_balance=_money(answer.principal_balance),
        fee_balance=_money(answer.fee_balance),
        total_outstanding=_money(answer.total_outstanding),
        total_paid=_money(answer.total_paid),
        transaction_count=answer.transaction_count,
        last_transaction_id=_optional(answer, "last_transaction_id"),
        schedule_id=_optional(answer, "schedule_id"),
        created_at=_time(answer, "created_at"),
        updated_at=_time(answer, "updated_at"),
    )


def statement(answer: wire.StatementResponse) -> results.Statement:
    """A statement with its lines."""
    return results.Statement(
        loan_account_id=answer.loan_account_id,
        account_number=answer.account_number,
        customer_id=answer.customer_id,
        period_start=answer.period_start,
        period_end=answer.period_end,
        disbursed_principal=_money(answer.disbursed_principal),
        establishment_fee=_money(answer.establishment_fee),
        total_repayable=_money(answer.total_repayable),
        opening_balance=_money(answer.opening_balance),
        fees_charged=_money(answer.fees_charged),
        payments_received=_money(answer.payments_received),
        closing_balance=_money(answer.closing_balance),
        lines=tuple(map(_line, answer.lines)),
        generated_at=_time(answer, "generated_at"),
    )


def transaction_result(answer: wire.TransactionResponse) -> results.TransactionResult:
    """What a write posted: an answer without its transaction says nothing of the outcome."""
    if not answer.HasField("transaction"):
        raise UnreadableAnswerError("no transaction in it")
    return results.TransactionResult(
        transaction=transaction(answer.transaction),
        event_id=answer.event_id,
        allocated_to_fees=_optional_money(answer, "allocated_to_fees"),
        allocated_to_principal=_optional_money(answer, "allocated_to_principal"),
        overpayment=_optional_money(answer, "overpayment"),
        idempotent_replay=answer.idempotent_replay,
        instalments=tuple(map(_instalment, answer.applied_to_instalments)),
        allocation_warning=_optional(answer, "allocation_warning"),
    )


def _line(told: wire.StatementLine) -> results.StatementLine:
    return results.StatementLine(
        date=told.date,
        transaction_id=told.transaction_id,
        description=told.description,
        charge=_optional_money(told, "charge"),
        payment=_optional_money(told, "payment"),
        balance=_money(told.balance),
    )


def _instalment(told: wire.InstalmentAllocation) -> results.InstalmentAllocation:
    return results.InstalmentAllocation(
        payment_number=told.payment_number,
        amount_applied=_money(told.amount_applied),
        instalment_status=told.instalment_status,
        amount_remaining=_money(told.amount_remaining),
        due_date=told.due_date,
        scheduled_amount=_money(told.scheduled_amount),
    )


def _kind(number: int) -> str:
    # A ledger newer than this client may know more kinds; the number is better than a failure.
    descriptor = wire.TransactionType.DESCRIPTOR.values_by_number.get(number)
    return f"TYPE_{number}" if descriptor is None else descriptor.name


_MOST_DIGITS = 12
"""Of an amount in dollars: more is no money, and would be written out digit by digit."""


def _money(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise UnreadableAnswerError(f"{text!r} for an amount") from error
    if not amount.is_finite() or amount.adjusted() > _MOST_DIGITS:
        raise UnreadableAnswerError(f"{text!r} for an amount")
    return amount


def _optional(message: Any, field: str) -> str | None:
    return getattr(message, field) if message.HasField(field) else None


def _optional_money(message: Any, field: str) -> Decimal | None:
    text = _optional(message, field)
    return None if text is None else _money(text)


def _time(message: Any, field: str) -> datetime | None:
    if not message.HasField(field):
        return None
    try:
        at: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise UnreadableAnswerError(f"{field} is beyond all times") from error
    return at
