"""From the books to the wire's answers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.ledger.sandbox.allocation import Allocation
from app.ledger.sandbox.amounts import NOTHING, text
from app.ledger.sandbox.books import Outcome, Record
from app.ledger.sandbox.journal import Kind, Posting
from app.ledger.sandbox.statement import Line, Statement
from app.ledger.wire import accounting_ledger_pb2 as wire


def transaction(posted: Posting) -> Any:
    """One transaction."""
    told = wire.Transaction(
        transaction_id=posted.transaction_id,
        loan_account_id=posted.loan_account_id,
        type=wire.TransactionType.Value(posted.kind.value),
        effective_date=posted.effective_date,
        principal_delta=text(posted.principal_delta),
        fee_delta=text(posted.fee_delta),
        principal_after=text(posted.principal_after),
        fee_after=text(posted.fee_after),
        total_delta=text(posted.total_delta),
        total_after=text(posted.total_after),
        description=posted.description,
        reference_type=posted.reference_type,
        reference_id=posted.reference_id,
        metadata=posted.metadata,
        created_by=posted.created_by,
        portfolio_entry_id=f"SBX-P-{posted.number:08}",
        notes=posted.notes,
    )
    told.transaction_date.FromDatetime(posted.transacted_at)
    told.created_at.FromDatetime(posted.created_at)
    return told


def outcome(result: Outcome) -> Any:
    """What a write answers: of a repetition, what the first one did, made from the same posting."""
    posted = result.posting
    answer = wire.TransactionResponse(
        transaction=transaction(posted), event_id=posted.event_id, idempotent_replay=result.replay
    )
    if posted.kind is Kind.REPAYMENT:
        answer.allocated_to_fees = text(-posted.fee_delta)
        answer.allocated_to_principal = text(-posted.principal_delta)
        answer.applied_to_instalments.extend(map(_allocation, posted.allocations))
        if posted.overpayment:
            answer.overpayment = text(posted.overpayment)
        if posted.allocation_warning is not None:
            answer.allocation_warning = posted.allocation_warning
    return answer


def balance(loan_account_id: str, principal: Any, fees: Any) -> Any:
    """What is owed now."""
    answer = wire.GetBalanceResponse(
        loan_account_id=loan_account_id,
        principal_balance=text(principal),
        fee_balance=text(fees),
        total_outstanding=text(principal + fees),
    )
    answer.as_of.GetCurrentTime()
    return answer


def transactions(loan_account_id: str, shown: Sequence[Posting], count: int) -> Any:
    """Those shown, of so many."""
    return wire.GetTransactionsResponse(
        loan_account_id=loan_account_id, transactions=map(transaction, shown), total_count=count
    )


def record(found: Record) -> Any:
    """An account's terms and totals."""
    account, postings = found.account, found.postings
    principal = sum((each.principal_delta for each in postings if each.kind is Kind.DISBURSEMENT), NOTHING)
    fee = sum((each.fee_delta for each in postings if each.kind is Kind.ESTABLISHMENT_FEE), NOTHING)
    last = postings[-1] if postings else None
    answer = wire.LedgerRecordResponse(
        loan_account_id=account.loan_account_id,
        account_number=account.account_number,
        customer_id=account.customer_id,
        application_number=account.application_number,
        disbursed_principal=text(principal),
        establishment_fee=text(fee),
        total_repayable=text(principal + fee),
        principal_balance=text(last.principal_after if last else NOTHING),
        fee_balance=text(last.fee_after if last else NOTHING),
        total_outstanding=text(last.total_after if last else NOTHING),
        total_paid=text(
            sum((-each.total_delta for each in postings if each.kind is Kind.REPAYMENT), NOTHING)
        ),
        transaction_count=len(postings),
        last_transaction_id=last.transaction_id if last else None,
        schedule_id=found.schedule_id,
    )
    answer.created_at.FromDatetime(account.created_at)
    answer.updated_at.FromDatetime(account.updated_at)
    return answer


def statement(found: Record, period: tuple[str, str], told: Statement, at: datetime) -> Any:
    """A statement, generated at ``at``."""
    terms = record(found)
    answer = wire.StatementResponse(
        loan_account_id=terms.loan_account_id,
        account_number=terms.account_number,
        customer_id=terms.customer_id,
        period_start=period[0],
        period_end=period[1],
        disbursed_principal=terms.disbursed_principal,
        establishment_fee=terms.establishment_fee,
        total_repayable=terms.total_repayable,
        opening_balance=text(told.opening),
        fees_charged=text(told.fees_charged),
        payments_received=text(told.payments_received),
        closing_balance=text(told.closing),
        lines=map(_line, told.lines),
    )
    answer.generated_at.FromDatetime(at)
    return answer


def _line(line: Line) -> Any:
    return wire.StatementLine(
        date=line.posting.effective_date,
        transaction_id=line.posting.transaction_id,
        description=line.posting.description,
        charge=None if line.charge is None else text(line.charge),
        payment=None if line.payment is None else text(line.payment),
        balance=text(line.balance),
    )


def _allocation(applied: Allocation) -> Any:
    return wire.InstalmentAllocation(
        payment_number=applied.payment_number,
        amount_applied=text(applied.applied),
        instalment_status=applied.status,
        amount_remaining=text(applied.remaining),
        due_date=applied.due_date,
        scheduled_amount=text(applied.scheduled),
    )
