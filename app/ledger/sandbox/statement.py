"""Statements: what happened on an account from one day to another, both included."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.ledger.sandbox.amounts import NOTHING
from app.ledger.sandbox.journal import Kind, Posting

_FEES = (Kind.ESTABLISHMENT_FEE, Kind.LATE_FEE, Kind.DISHONOUR_FEE)


@dataclass(frozen=True)
class Line:
    """One transaction; of ``charge`` (owed more) and ``payment`` (owed less), one is None. AUD."""

    posting: Posting
    charge: Decimal | None
    payment: Decimal | None
    balance: Decimal


@dataclass(frozen=True)
class Statement:
    """Owed at first, charged, paid, owed at last. AUD.

    ``closing`` is ``opening`` and all lines. A waiver and a write-off are lines, but not payments received.
    """

    opening: Decimal
    fees_charged: Decimal
    payments_received: Decimal
    closing: Decimal
    lines: tuple[Line, ...]


def statement(postings: Sequence[Posting], first: str, last: str) -> Statement:
    """From ``first`` to ``last``, YYYY-MM-DD.

    By the days on which transactions took effect: what is told late stands where it belongs.
    """
    in_order = sorted(postings, key=lambda each: (each.effective_date, each.number))
    opening = sum((each.total_delta for each in in_order if each.effective_date < first), NOTHING)
    balance, lines = opening, []
    for each in in_order:
        if first <= each.effective_date <= last:
            balance += each.total_delta
            charged = each.total_delta > 0
            lines.append(
                Line(
                    each,
                    charge=each.total_delta if charged else None,
                    payment=None if charged else -each.total_delta,
                    balance=balance,
                )
            )
    within = [line.posting for line in lines]
    return Statement(
        opening=opening,
        fees_charged=sum((each.fee_delta for each in within if each.kind in _FEES), NOTHING),
        payments_received=sum((-each.total_delta for each in within if each.kind is Kind.REPAYMENT), NOTHING),
        closing=balance,
        lines=tuple(lines),
    )
