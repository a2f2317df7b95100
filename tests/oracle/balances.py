"""The sum of a loan: what is owed, paid, written off and released, and its payments."""

from dataclasses import dataclass, field
from decimal import Decimal

from tests.oracle.reports import Report, newest

NOTHING = Decimal("0.00")
NOT_LENT = (None, "PENDING_DISBURSEMENT")


@dataclass
class Lent:
    """Owed + paid + written off + released is what is payable, with fees and the like as they moved."""

    owed: Decimal | None = None
    paid: Decimal | None = None
    written_off: Decimal | None = None
    released: Decimal | None = None
    payments: dict[str, tuple[Report, Decimal | None]] = field(default_factory=dict)
    is_closed: bool = False
    given_up: Decimal = NOTHING
    """By WRITE_OFF falls of the time before a closure."""


def lent(reports: list[Report], path: list[str | None], closure: Report | None) -> Lent:
    """By how much a balance moved is between neighbours in time. `path` is the status after each report."""
    loan = Lent()
    payable: Decimal | None = newest(reports, "loan_total_payable")
    was: str | None = None
    for report, status in zip(reports, path, strict=True):
        if was == "CLOSED" != status:
            loan.given_up = NOTHING  # Reopened.
        if report is closure:
            close(loan, report, payable)
        elif report.kind != "account.closed.v1":  # Of a closure that was ended or followed, no fact counts.
            balance(loan, report, status, payable)
        was = status
    return loan


def balance(loan: Lent, report: Report, status: str | None, payable: Decimal | None) -> None:
    """A report of a balance, or of a payment that is stated without a fall: that moves no total."""
    now = report.facts.get("current_balance")
    if now is not None and loan.owed is None:
        loan.paid = paid_before(now, report, status, payable)
    moved = NOTHING if now is None or loan.owed is None or loan.is_closed else now - loan.owed
    if moved < 0 and is_payment(report, status):
        pay(loan, report, -moved)
    elif moved > 0 and type_of(report) == "REPAYMENT":
        pay(loan, report, -moved)  # One that was reversed.
    elif "last_payment_amount" in report.facts or "last_payment_date" in report.facts:
        pay(loan, report, NOTHING)
    if moved < 0 and type_of(report) == "WRITE_OFF":
        loan.given_up -= moved
    if now is not None and not loan.is_closed:
        loan.owed = now


def type_of(report: Report) -> str:
    """The type of the transaction by which a balance moved; an empty text without one."""
    word: str = report.facts.get("triggered_by_transaction_type", "")
    return word.rsplit(".", 1)[-1].upper()


def is_payment(report: Report, status: str | None) -> bool:
    """A fall by REPAYMENT, or without a type while the account is open and the message does not close it."""
    return type_of(report) in ("REPAYMENT", "") and (
        type_of(report) == "REPAYMENT" or status in ("PENDING", "ACTIVE", "SUSPENDED")
    )


def paid_before(now: Decimal, report: Report, status: str | None, payable: Decimal | None) -> Decimal | None:
    """What was paid before the first balance that is known: nothing, unless the loan was running."""
    is_new = status in NOT_LENT or (now == 0 and type_of(report) != "REPAYMENT")
    if is_new or type_of(report) == "DISBURSEMENT":
        return NOTHING
    return None if payable is None else max(payable - now, NOTHING)


def pay(loan: Lent, report: Report, amount: Decimal) -> None:
    """Reports of one transaction id are one payment, of their sum; without ids, each is one of its own."""
    name = report.facts.get("triggered_by_transaction_id") or f"report {report.arrival}"
    before = loan.payments.pop(name, (report, None))[1]
    total = (before or NOTHING) + amount
    if loan.paid is not None:
        loan.paid += amount
    if total > 0 or amount == 0:
        loan.payments[name] = (report, total or None)


def close(loan: Lent, report: Report, payable: Decimal | None) -> None:
    """Nothing is owed any more: what was left is paid, written off or released, by the reason."""
    reason = report.facts.get("closure_reason", "PAID_OFF")
    left = NOTHING if reason == "PAID_OFF" else (report.facts.get("final_balance") or loan.owed)
    if reason == "ADMIN_CLOSED":
        loan.released = left
    if reason == "WRITTEN_OFF" and left is not None:
        # What WRITE_OFF falls took counts once: a final balance above what is owed holds it already.
        loan.written_off = left if left > (loan.owed or NOTHING) else left + loan.given_up
    if loan.owed is not None and loan.paid is not None:
        loan.paid += max(loan.owed - (left or NOTHING), NOTHING)
    elif payable is not None and left is not None:
        loan.paid = max(payable - left, NOTHING)
    else:
        loan.paid = report.facts.get("total_paid")
    loan.owed, loan.is_closed = NOTHING, True
