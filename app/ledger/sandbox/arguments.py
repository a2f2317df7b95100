"""From the wire's requests to operations. All raise BadArgumentError, with the field's name."""

from collections.abc import Callable
from datetime import date
from typing import Any, NoReturn

from app.ledger.sandbox.amounts import read, read_positive
from app.ledger.sandbox.journal import Kind
from app.ledger.sandbox.operations import Adjustment, Fee, Operation, Repayment, Waiver, WriteOff
from app.ledger.sandbox.refusals import BadArgumentError
from app.ledger.wire import accounting_ledger_pb2 as wire

_LONGEST_NOTES = 1_000
_LONGEST_KEY = 200
_FEES = {wire.LATE_FEE: Kind.LATE_FEE, wire.DISHONOUR_FEE: Kind.DISHONOUR_FEE}


def repayment(request: Any) -> Repayment:
    target = _given(request, "target_payment_number")
    if target is not None and target < 0:
        _refuse("target_payment_number is below zero")
    return Repayment(
        _account(request),
        read_positive("amount", request.amount),
        _given(request, "payment_id"),
        _given(request, "payment_method"),
        _given(request, "payment_reference"),
        _notes(request),
        target,
        _given(request, "schedule_id"),
    )


def fee(request: Any) -> Fee:
    """Of ApplyFee."""
    if request.fee_type not in _FEES:
        _refuse("fee_type is neither LATE_FEE nor DISHONOUR_FEE")
    return Fee(
        _account(request),
        read_positive("fee_amount", request.fee_amount),
        _FEES[request.fee_type],
        _days(_given(request, "days_past_due")),
        _given(request, "reason"),
        _given(request, "reference_id"),
    )


def late_fee(request: Any) -> Fee:
    return Fee(
        _account(request),
        read_positive("fee_amount", request.fee_amount),
        Kind.LATE_FEE,
        _days(request.days_past_due),
        _given(request, "reason"),
    )


def dishonour_fee(request: Any) -> Fee:
    return Fee(
        _account(request),
        read_positive("fee_amount", request.fee_amount),
        Kind.DISHONOUR_FEE,
        reason=_given(request, "reason"),
        reference_id=_given(request, "reference_id"),
    )


def waiver(request: Any) -> Waiver:
    return Waiver(
        _account(request),
        read_positive("waiver_amount", request.waiver_amount),
        _said(request, "reason"),
        _said(request, "approved_by"),
        _notes(request),
    )


def write_off(request: Any) -> WriteOff:
    return WriteOff(_account(request), _said(request, "reason"), _said(request, "approved_by"))


def adjustment(request: Any) -> Adjustment:
    principal, fees = (
        read("principal_delta", request.principal_delta),
        read("fee_delta", request.fee_delta),
    )
    if not principal and not fees:
        _refuse("principal_delta and fee_delta are both zero")
    return Adjustment(
        _account(request), principal, fees, _said(request, "reason"), _said(request, "approved_by")
    )


WRITES: dict[str, Callable[[Any], Operation]] = {
    "RecordRepayment": repayment,
    "ApplyFee": fee,
    "ApplyLateFee": late_fee,
    "ApplyDishonourFee": dishonour_fee,
    "WaiveFee": waiver,
    "WriteOff": write_off,
    "MakeAdjustment": adjustment,
}
"""Every rpc that posts, by its name."""


def key(request: Any) -> str | None:
    """The idempotency key; None where there is none."""
    told: str | None = _given(request, "idempotency_key")
    if told is not None and not 0 < len(told) <= _LONGEST_KEY:
        _refuse(f"idempotency_key is empty, or longer than {_LONGEST_KEY} characters")
    return told


def day(field: str, told: str) -> str:
    """A calendar date, YYYY-MM-DD."""
    msg = f"{field} is not a date, YYYY-MM-DD"
    try:
        parsed = date.fromisoformat(told)
    except ValueError as error:
        raise BadArgumentError(msg) from error
    if parsed.isoformat() != told:  # Such as 20260306, which Python reads too.
        raise BadArgumentError(msg)
    return told


def period(request: Any, first: str, last: str) -> tuple[str, str]:
    """Two dates of a request, the first not after the last."""
    start, end = day(first, getattr(request, first)), day(last, getattr(request, last))
    if start > end:
        _refuse(f"{first} is after {last}")
    return start, end


def _account(request: Any) -> str:
    return _said(request, "loan_account_id")


def _said(request: Any, field: str) -> str:
    told: str = getattr(request, field)
    if not told.strip():
        _refuse(f"{field} is empty")
    return told


def _given(request: Any, field: str) -> Any:
    return getattr(request, field) if request.HasField(field) else None


def _notes(request: Any) -> str | None:
    notes: str | None = _given(request, "notes")
    if notes is not None and len(notes) > _LONGEST_NOTES:
        _refuse(f"notes are longer than {_LONGEST_NOTES} characters")
    return notes


def _days(told: int | None) -> int | None:
    """Zero and absent are the same: ApplyLateFee cannot tell them apart, and ApplyFee can."""
    if told is not None and told < 0:
        _refuse("days_past_due is below zero")
    return told or None


def _refuse(why: str) -> NoReturn:
    raise BadArgumentError(why)
