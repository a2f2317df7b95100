"""The read model ``portfolio-daily``: all loan accounts together, one document a business day.

What an account stood at from which day on is kept in a lookup document of its own. An event of a day changes
that from its day on: it moves the account's share from one count to another in the documents of that day and
of each later one, so late news corrects the days that it is about. A day without a document changed nothing:
the last one before it stands.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bson.decimal128 import Decimal128

from app.aggregates import LoanAccount
from app.aggregates.base import Key
from app.projections.engine.faults import FAULTED
from app.projections.engine.projection import AtHand, Lookup, Projection, Target
from app.projections.engine.values import Document, money
from app.projections.read_models.calendar import BusinessCalendar, happened_at
from app.projections.read_models.portfolio_daily.account_days import Share, change_from, is_open, note_payment

_STATUSES = ("active", "pending_disbursement", "in_arrears", "paid_off", "written_off")
_BUCKETS = ("current", "early_arrears", "late_arrears", "default", "closed")
_NOTHING = Decimal128("0.00")


@dataclass(frozen=True)
class DayBegun:
    """A day gets its document: with the totals of the last one before it, if there is any."""

    totals: Document


@dataclass(frozen=True)
class AccountMoved:
    """An account stood at one thing on that day, and stands at another now; either may be unknown (empty)."""

    was: Share
    now: Share


@dataclass(frozen=True)
class Paid:
    """A payment of that day, with its amount, if that is known."""

    amount: Decimal128 | None


class AccountDays(Lookup):
    """What each account stood at, day by day, and what the last event changed of that."""

    collection = "_portfolio-daily.accounts"
    exact = True

    def __init__(self, calendar: BusinessCalendar) -> None:
        self._calendar = calendar

    def key(self, event: Any) -> str | None:
        return str(event.business_id)

    def evolve(self, document: Document, event: Any, position: int) -> None:  # noqa: ARG002
        document["moves"] = []
        document.pop("paid", None)
        if isinstance(event, LoanAccount.PaymentReceived):
            amount = None if event.amount is None else money(event.amount)
            day = self._calendar.day_told(None if event.inferred else event.paid_date, event)
            note_payment(document, day, amount, event.transaction_id)
        elif (change := _change(event)) is not None:
            document["moves"] = change_from(document, self._calendar.day(happened_at(event)), *change)

    def members(self, document: Document, event: Any) -> Iterable[str]:  # noqa: ARG002
        return ()  # All days are at hand.

    def follow(self, document: Document, event: Any, documents: AtHand) -> Iterator[Target]:  # noqa: ARG002
        for move in document["moves"]:
            days = documents.ids(move["day"], move.get("until"))
            if move["day"] not in days[:1]:
                yield _begun(move["day"], documents)
                days = [move["day"], *days]
            moved = AccountMoved(move["was"], move["now"])
            yield from ((day, moved) for day in days)
        if (paid := document.get("paid")) is not None:
            if documents.get(paid["day"]) is None:
                yield _begun(paid["day"], documents)
            yield paid["day"], Paid(paid.get("amount"))

    def sources(self, identifier: str, events: Iterable[Any]) -> Iterable[Key] | None:  # noqa: ARG002
        return None  # Any account may have changed any day.

    def lookup_sources(self, key: str) -> Iterable[Key]:
        return [(LoanAccount, key)]


def portfolio_daily(time_zone: str) -> Projection:
    """The projection, by the days of a time zone."""
    projection = Projection(
        "portfolio-daily",
        own=(),
        others=(
            LoanAccount.StatusChanged,
            LoanAccount.ClosureClassified,
            LoanAccount.BalanceReported,
            LoanAccount.AgingUpdated,
            LoanAccount.PaymentReceived,
        ),
        lookup=AccountDays(BusinessCalendar(time_zone)),
        stamped=False,
        version=2,
        carries=True,
    )

    @projection.on(DayBegun)
    def _day_begun(document: Document, event: DayBegun) -> None:
        document.update(event.totals, paidTotal=_NOTHING, payments=0)

    @projection.on(AccountMoved)
    def _account_moved(document: Document, event: AccountMoved) -> None:
        _count(document, event.was, -1)
        _count(document, event.now, 1)

    @projection.on(Paid)
    def _paid(document: Document, event: Paid) -> None:
        document["payments"] += 1
        if event.amount is not None:
            document["paidTotal"] = _sum(document["paidTotal"], event.amount, 1)

    return projection


def _change(event: Any) -> tuple[str, Any] | None:
    """The field of an account's share that an event sets, and to what."""
    match event:
        case LoanAccount.StatusChanged() | LoanAccount.ClosureClassified():
            return "status", event.account_status
        case LoanAccount.BalanceReported():
            return "outstanding", money(event.current_balance)
        case LoanAccount.AgingUpdated(bucket=str() as bucket):
            return "bucket", bucket
    return None


def _begun(day: str, documents: AtHand) -> Target:
    before = documents.last_before(day) or {}
    if FAULTED in before:
        msg = f"{day} would carry on from {before['_id']}, which is set aside"
        raise LookupError(msg)
    totals = {
        "accountsByStatus": dict(before.get("accountsByStatus") or dict.fromkeys(_STATUSES, 0)),
        "accountsByBucket": dict(before.get("accountsByBucket") or dict.fromkeys(_BUCKETS, 0)),
        "outstandingTotal": before.get("outstandingTotal", _NOTHING),
    }
    return day, DayBegun(totals)


def _count(document: Document, share: Share, by: int) -> None:
    """Add an account's share to the day's totals, or take it away."""
    _add(document["accountsByStatus"], share.get("status"), by)
    if is_open(share):
        _add(document["accountsByBucket"], share.get("bucket"), by)
        if (outstanding := share.get("outstanding")) is not None:
            document["outstandingTotal"] = _sum(document["outstandingTotal"], outstanding, by)


def _add(counts: dict[str, int], word: str | None, by: int) -> None:
    if word is not None:
        counts[word] += by


def _sum(total: Decimal128, amount: Decimal128, by: int) -> Decimal128:
    return money(total.to_decimal() + by * amount.to_decimal())
