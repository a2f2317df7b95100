"""The wire's messages: requests become operations, and what the books hold becomes answers."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from pydantic import TypeAdapter, ValidationError

from app.ledger.sandbox.errors import BadArgumentError
from app.ledger.sandbox.loans import FEES, NOTHING, Kind, Loan, Posting, text, total
from app.ledger.sandbox.operations import Adjustment, Fee, Operation, Repayment, Waiver, WriteOff
from app.ledger.wire import accounting_ledger_pb2 as wire

M = TypeVar("M", bound=Message)

_LONGEST_KEY = 200
_MOST = 1_000
_POSTING = TypeAdapter(Posting)
_OPERATIONS: dict[str, tuple[TypeAdapter[Any], dict[str, str]]] = {
    "RecordRepayment": (TypeAdapter(Repayment), {}),
    "ApplyFee": (TypeAdapter(Fee), {}),
    "ApplyLateFee": (TypeAdapter(Fee), {"fee_type": "LATE_FEE"}),
    "ApplyDishonourFee": (TypeAdapter(Fee), {"fee_type": "DISHONOUR_FEE"}),
    "WaiveFee": (TypeAdapter(Waiver), {}),
    "WriteOff": (TypeAdapter(WriteOff), {}),
    "MakeAdjustment": (TypeAdapter(Adjustment), {}),
}
"""Every rpc that posts: its operation, and what its name says of it."""


def operation_of(rpc: str, request: Message) -> tuple[Operation, str | None]:
    """What a request asks for, and its idempotency key. Raises BadArgumentError, which names the field."""
    kind, implied = _OPERATIONS[rpc]
    fields: dict[str, Any] = MessageToDict(request, preserving_proto_field_name=True) | implied
    key = fields.pop("idempotency_key", None)
    if key is not None and not 0 < len(key) <= _LONGEST_KEY:
        raise BadArgumentError(f"idempotency_key is empty, or longer than {_LONGEST_KEY} characters")
    try:
        return kind.validate_python(fields), key
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        raise BadArgumentError(f"{wrong['loc'][0]}: {wrong['msg']}") from error


def transaction(posted: Posting) -> wire.Transaction:
    return _message(wire.Transaction(), _transaction(posted))


def outcome(posted: Posting, *, replay: bool) -> wire.TransactionResponse:
    """The answer of a write; a repetition's is made of the same posting."""
    transaction_ = _transaction(posted)
    answer = {"transaction": transaction_, "event_id": posted.event_id, "idempotent_replay": replay}
    if posted.kind is Kind.REPAYMENT:
        answer |= {
            "allocated_to_fees": text(-posted.fee_delta),
            "allocated_to_principal": text(-posted.principal_delta),
            "applied_to_instalments": transaction_["allocations"],
            "overpayment": text(posted.overpayment) if posted.overpayment else None,
            "allocation_warning": posted.allocation_warning,
        }
    return _message(wire.TransactionResponse(), answer)


def _balance(loan: Loan, _request: wire.GetBalanceRequest) -> wire.GetBalanceResponse:
    return _message(wire.GetBalanceResponse(), _account(loan) | {"as_of": _now()})


def _transactions(loan: Loan, request: wire.GetTransactionsRequest) -> wire.GetTransactionsResponse:
    """The newest first, by dates (included) and type; a thousand at most."""
    first = _day("from_date", request.from_date) if request.HasField("from_date") else ""
    last = _day("to_date", request.to_date) if request.HasField("to_date") else "9999-12-31"
    limit = request.limit if request.HasField("limit") else _MOST
    if limit < 1:
        raise BadArgumentError("limit must be above zero")
    kind = request.type_filter or None
    found = [
        each
        for each in reversed(loan.postings)
        if first <= each.effective_date <= last and kind in (None, wire.TransactionType.Value(each.kind))
    ]
    return wire.GetTransactionsResponse(
        loan_account_id=loan.loan_account_id,
        transactions=map(transaction, found[: min(limit, _MOST)]),
        total_count=len(found),
    )


def _record(loan: Loan, _request: wire.GetLedgerRecordRequest) -> wire.LedgerRecordResponse:
    more = {
        "total_paid": text(-total(loan.postings, Kind.REPAYMENT)),
        "transaction_count": len(loan.postings),
        "last_transaction_id": loan.postings[-1].transaction_id if loan.postings else None,
        "schedule_id": loan.schedule_id,
        "created_at": loan.created_at.isoformat(),
        "updated_at": loan.updated_at.isoformat(),
    }
    return _message(wire.LedgerRecordResponse(), _account(loan) | more)


def statement(loan: Loan, request: wire.GetStatementRequest) -> wire.StatementResponse:
    """What took effect from one day to another, both included.

    A waiver and a write-off are lines, but not payments received.
    """
    first, last = _day("period_start", request.period_start), _day("period_end", request.period_end)
    if first > last:
        raise BadArgumentError("period_start is after period_end")
    in_order = sorted(loan.postings, key=lambda each: (each.effective_date, each.number))
    opening = sum((each.total_delta for each in in_order if each.effective_date < first), NOTHING)
    within = [each for each in in_order if first <= each.effective_date <= last]
    closing, lines = opening, []
    for each in within:
        closing += each.total_delta
        side = "charge" if each.total_delta > 0 else "payment"
        line = {"date": each.effective_date, "balance": text(closing), side: text(abs(each.total_delta))}
        lines.append(line | {"transaction_id": each.transaction_id, "description": each.description})
    answer = {
        "period_start": first,
        "period_end": last,
        "opening_balance": text(opening),
        "fees_charged": text(total(within, *FEES)),
        "payments_received": text(-total(within, Kind.REPAYMENT)),
        "closing_balance": text(closing),
        "lines": lines,
        "generated_at": _now(),
    }
    return _message(wire.StatementResponse(), _account(loan) | answer)


READS: dict[str, Callable[[Loan, Any], Message]] = {
    "GetBalance": _balance,
    "GetTransactions": _transactions,
    "GetLedgerRecord": _record,
    "GetStatement": statement,
}
"""The answer of every rpc that posts nothing, but of the stream. They raise BadArgumentError."""


def _day(field: str, value: str) -> str:
    """A calendar date, YYYY-MM-DD."""
    try:
        if date.fromisoformat(value).isoformat() == value:  # Python also reads 20260306.
            return value
    except ValueError:
        pass
    raise BadArgumentError(f"{field} is not a date, YYYY-MM-DD")


def _transaction(posted: Posting) -> dict[str, Any]:
    fields: dict[str, Any] = _POSTING.dump_python(posted, mode="json")
    return fields | {
        "transaction_id": posted.transaction_id,
        "type": posted.kind.value,
        "description": posted.description,
        "effective_date": posted.effective_date,
        "total_delta": text(posted.total_delta),
        "total_after": text(posted.total_after),
        "portfolio_entry_id": f"SBX-P-{posted.number:08}",
    }


def _account(loan: Loan) -> dict[str, Any]:
    """Terms and balances: each answer takes those that it has fields for."""
    assert loan.terms is not None, "an account that was never opened is unknown"
    principal, fee = total(loan.postings, Kind.DISBURSEMENT), total(loan.postings, Kind.ESTABLISHMENT_FEE)
    return {
        "loan_account_id": loan.loan_account_id,
        "account_number": loan.terms.account_number,
        "customer_id": loan.terms.customer_id,
        "application_number": loan.terms.application_number,
        "disbursed_principal": text(principal),
        "establishment_fee": text(fee),
        "total_repayable": text(principal + fee),
        "principal_balance": text(loan.principal),
        "fee_balance": text(loan.fees),
        "total_outstanding": text(loan.owed),
    }


def _message(empty: M, fields: dict[str, Any]) -> M:
    ParseDict(fields, empty, ignore_unknown_fields=True)
    return empty


def _now() -> str:
    return datetime.now(UTC).isoformat()
