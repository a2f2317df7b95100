"""What the books take over from the inbox stream: loans opened, paid out, repaid and closed elsewhere.

Messages come in any order; each is taken over once. Once a caller has posted on an account, balances on the
stream no longer move it: they are echoes of these books, or older.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from app.ledger.sandbox.allocation import Plan, Split, plan, split
from app.ledger.sandbox.loans import (
    NOTHING,
    UPSTREAM,
    Balance,
    Draft,
    Instalment,
    Kind,
    Loan,
    Opened,
    closes_as,
)


class Schedule(NamedTuple):
    """The plan of an account's payments."""

    loan_account_id: str
    schedule_id: str
    instalments: tuple[Instalment, ...]


Fact = Opened | Balance | Schedule


class Heard(NamedTuple):
    """A message's facts, its identity, and when it was sent (aware, UTC)."""

    message_id: str
    at: datetime
    facts: Sequence[Fact]


def take_over(loan: Loan, fact: Fact, heard: Heard, now: datetime) -> None:
    """Post on the loan what a message reports."""
    match fact:
        case Opened() if loan.terms is None:
            loan.terms, loan.created_at = fact, now
            early, loan.early = loan.early, []
            for message_id, at, balance in early:
                _balance(loan, balance, Heard(message_id, at, ()), now)
        case Balance() if loan.terms is None:
            loan.early.append((heard.message_id, heard.at, fact))
        case Balance():
            _balance(loan, fact, heard, now)
        case Schedule():
            _schedule(loan, fact, heard.at)


def _schedule(loan: Loan, schedule: Schedule, at: datetime) -> None:
    """The first schedule also takes what was repaid before it came; a later one starts unpaid."""
    made_at, is_first = loan.schedule_made_at, loan.schedule_id is None
    if loan.schedule_id == schedule.schedule_id or (made_at is not None and made_at > at):
        return
    loan.schedule_id, loan.schedule_made_at = schedule.schedule_id, at
    by_number = {
        each.payment_number: replace(each, transactions=[]) for each in reversed(schedule.instalments)
    }
    loan.instalments = [by_number[number] for number in sorted(by_number)]
    if is_first:
        for posted in loan.postings:
            if posted.kind is Kind.REPAYMENT:
                paid = Split(-posted.fee_delta, -posted.principal_delta, NOTHING)
                owed = posted.total_after - posted.total_delta
                planned = plan(paid, owed, schedule.schedule_id, loan.instalments)
                loan.pay(posted.transaction_id, planned.allocations)


def _balance(loan: Loan, report: Balance, heard: Heard, now: datetime) -> None:
    """The first balance pays the loan out; a later difference from the books is posted by its cause."""
    if loan.posted_here or loan.closed_as is not None:
        return
    # Nothing is owed before the loan is paid out: a balance of zero only says so.
    if not loan.paid_out and (report.owed > 0 or report.cause == Kind.REPAYMENT):
        _pay_out(loan, report, heard, now)
    stale = loan.heard_at is not None and heard.at < loan.heard_at
    if loan.paid_out and (report.closes_as is not None or not stale):
        loan.heard_at = heard.at
        _post_difference(loan, report, heard, now)
    if report.closes_as is not None or (loan.paid_out and loan.owed == 0):
        loan.closed_as = report.closes_as or closes_as(report.cause)


def _pay_out(loan: Loan, report: Balance, heard: Heard, now: datetime) -> None:
    assert loan.terms is not None
    fee = max(NOTHING, loan.terms.fee)
    principal = loan.terms.principal or NOTHING
    if principal <= 0:  # Not reported, or no terms of a loan: the balance has to do.
        principal = max(NOTHING, report.owed - fee)
    _post(loan, Kind.DISBURSEMENT, principal, NOTHING, heard, now)
    if fee:
        _post(loan, Kind.ESTABLISHMENT_FEE, NOTHING, fee, heard, now)
    loan.paid_out = True


def _post_difference(loan: Loan, report: Balance, heard: Heard, now: datetime) -> None:
    rise = report.owed - loan.owed
    if rise > 0:
        # Without such a cause, a balance that rose is a snapshot older than a payment.
        if report.cause in (Kind.LATE_FEE, Kind.DISHONOUR_FEE):
            _post(loan, Kind(report.cause), NOTHING, rise, heard, now)
        elif report.cause == Kind.ADJUSTMENT:
            _post(loan, Kind.ADJUSTMENT, rise, NOTHING, heard, now)
    elif rise < 0:
        paid = split(-rise, loan.principal, loan.fees)
        kind = Kind.ADJUSTMENT
        if report.cause is None or report.cause == Kind.REPAYMENT:
            kind = Kind.REPAYMENT
        elif report.cause == Kind.WRITE_OFF or (report.cause == Kind.FEE_WAIVER and not paid.to_principal):
            kind = Kind(report.cause)
        _post(loan, kind, -paid.to_principal, -paid.to_fees, heard, now)


def _post(loan: Loan, kind: Kind, principal: Decimal, fee: Decimal, heard: Heard, now: datetime) -> None:
    paid = Split(-fee, -principal, NOTHING)
    is_repayment = kind is Kind.REPAYMENT
    planned = plan(paid, loan.owed, loan.schedule_id, loan.instalments) if is_repayment else Plan()
    draft = Draft(
        kind=kind,
        principal_delta=principal,
        fee_delta=fee,
        created_by=UPSTREAM,
        reference_type="message",
        reference_id=heard.message_id,
        allocations=planned.allocations,
    )
    loan.post(draft, at=heard.at, now=now)
