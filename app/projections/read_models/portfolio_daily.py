"""The read model ``portfolio-daily``: all loan accounts together, one document a business day.

An event moves its account's share from one count to another in the document of its day and of every later
one, so late news corrects the days it concerns. A day on which nothing changed has no document.

An account's share of a day is its ``status``, ``bucket`` and ``outstanding`` at the end of the day, as far as
they are known, and its payments of the day. It is derived from all reports, as the account's document is.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple, get_args

from bson.decimal128 import Decimal128
from pydantic import ConfigDict, Field

from app.aggregates import LoanAccount
from app.aggregates.loan_account.events import LoanAccountEvents
from app.aggregates.loan_account.reports import (
    TERMINAL_STATUSES,
    AccountStatus,
    AgingBucket,
    Report,
    amount_of,
    insert,
    time_of,
)
from app.aggregates.loan_account.standing import Standing
from app.projections.engine.documents import FAULTED, Document
from app.projections.engine.projection import AtHand, Lookup, Target, money, on_event, put
from app.projections.read_models.base import Day, Model, Money, Options, ReadModel
from app.projections.read_models.calendar import BusinessCalendar, payment_day, reports_of

NOTHING = Decimal128("0.00")
_MAX_CHANGES = 1_000
"""Changes kept for each account. An event that is folded again looks up its own; any other, the newest."""
Share = dict[str, Any]
"""The state of an account: ``status``, ``inArrears``, ``bucket``, ``outstanding``."""


class _Counts(Model):
    """The number of accounts by status or bucket."""

    model_config = ConfigDict(alias_generator=None)


class AccountsByStatus(_Counts):
    """The number of loan accounts by `accountStatus`."""

    active: int
    """Accounts that were `active`."""
    pending_disbursement: int
    """Accounts that were `pending_disbursement`."""
    in_arrears: int
    """Accounts that were `in_arrears`."""
    paid_off: int
    """Accounts paid off on or before that day."""
    written_off: int
    """Accounts written off on or before that day."""


class AccountsByBucket(_Counts):
    """The number of open accounts by `aging.bucket`."""

    current: int
    """Accounts in `current`."""
    early_arrears: int
    """Accounts in `early_arrears`."""
    late_arrears: int
    """Accounts in `late_arrears`."""
    default: int
    """Accounts in `default`."""
    closed: int
    """Accounts in `closed` whose status has not followed yet."""


class PortfolioDay(Model):
    """All loan accounts together at the end of a business day.

    A day on which nothing changed has no document: the previous one applies. A report counts from the day it
    is about, so a late one corrects that day and every later one: the newest day always agrees with
    `loan-accounts`. Days are those of `BILLIE_BUSINESS_TIME_ZONE` (default: Sydney).
    """

    day: Day = Field(validation_alias="_id")
    """The day."""
    accounts_by_status: AccountsByStatus
    """Accounts by status at the end of the day. An account without a reported status is not counted."""
    accounts_by_bucket: AccountsByBucket
    """Accounts by bucket at the end of the day. Accounts that are paid off, written off or without a reported
    bucket are not counted."""
    accounts_in_arrears: int
    """Accounts that were `inArrears`: `in_arrears` by status, or `active` and overdue by their aging."""
    outstanding_total: Money
    """The total owed at the end of the day on all accounts neither paid off nor written off."""
    paid_total: Money
    """The sum of the day's payments."""
    payments: int
    """The number of payments of the day, each once (rule What is a payment): by payment date, or else by the
    day of the report by which the balance fell."""


class DayBegun(NamedTuple):
    """A day gets its document, with the totals of the last one before it, if any."""

    totals: Document


class AccountMoved(NamedTuple):
    """An account's state on that day has changed; either state may be unknown (empty)."""

    was: Share
    now: Share


class Paid(NamedTuple):
    """By how many payments, and by how much, a day's payments of an account changed."""

    payments: int
    amount: Decimal


class AccountDays(Lookup):
    """One document an account: its reports, what follows from them, and what each event changed of that.

    An event that is folded again finds its own change, so a later form of a document answers as the form at
    the time did.
    """

    collection = "_portfolio-daily.accounts"

    def __init__(self, calendar: BusinessCalendar) -> None:
        self._calendar = calendar

    def key(self, event: LoanAccount.Event) -> str | None:
        return str(event.business_id)

    def evolve(self, document: Document, event: LoanAccountEvents.ReportEvent, position: int) -> None:
        for report in reports_of(event, position):
            insert(document.setdefault("reports", []), report)
        was, payments_were = document.get("shares", {}), document.get("payments", {})
        now, payments = self._days(document.get("reports", []))
        document["shares"], document["payments"] = now, payments
        moves = list(_moves(was, now))
        paid = [
            {"day": day, "payments": one[0] - other[0], "amount": money(amount_of(one[1] - other[1]))}
            for day in sorted(payments_were.keys() | payments.keys())
            if (one := payments.get(day, [0, 0])) != (other := payments_were.get(day, [0, 0]))
        ]
        if moves or paid:
            change = {"position": position, "moves": moves, "paid": paid}
            document["changes"] = [*document.get("changes", ()), change][-_MAX_CHANGES:]

    def _days(self, reports: list[Report]) -> tuple[dict[str, Share], dict[str, list[int]]]:
        """The share at the end of each day that changed it, and the number and sum of each day's payments."""
        standing, shares, last = Standing(), dict[str, Share](), Share()
        earliest = min((report["at"] for report in reports), default=0)
        for report in reports:
            standing.take(report)
            at = earliest if "created" in report else report["at"]  # A creation comes first.
            day, share = self._calendar.day(time_of(at)), _share(standing)
            if day in shares or share != last:
                shares[day] = last = share
        payments: dict[str, list[int]] = {}
        for payment in standing.payments:
            day = payment_day(payment, self._calendar)
            number, amount = payments.get(day, (0, 0))
            payments[day] = [number + 1, amount + (payment.amount or 0)]
        return shares, payments

    def follow(
        self,
        document: Document,
        event: LoanAccount.Event,  # noqa: ARG002
        documents: AtHand,
    ) -> Iterator[Target]:
        for change in document.get("changes", ()):
            if change["position"] == documents.position:
                yield from _followed(change["moves"], change["paid"], documents)


def _followed(moves: list[Document], paid: list[Document], documents: AtHand) -> Iterator[Target]:
    changed = {each["day"] for each in (*moves, *paid)}
    changed |= {move["until"] for move in moves if "until" in move}
    new = sorted(day for day in changed if documents.get(day) is None)
    yield from (_begun(day, documents) for day in new)  # As they were before the event.
    for move in moves:
        moved, since, until = AccountMoved(move["was"], move["now"]), move["day"], move.get("until")
        days = [day for day in new if since <= day and (until is None or day < until)]
        yield from ((day, moved) for day in (*documents.ids(since, until), *days))
    for each in paid:
        yield each["day"], Paid(each["payments"], each["amount"].to_decimal())


def _begun(day: str, documents: AtHand) -> Target:
    before = documents.last_before(day) or {}
    if FAULTED in before:
        raise LookupError(f"{day} would start from {before['_id']}, which is set aside")
    totals = {
        "accountsByStatus": dict(before.get("accountsByStatus") or dict.fromkeys(get_args(AccountStatus), 0)),
        "accountsByBucket": dict(before.get("accountsByBucket") or dict.fromkeys(get_args(AgingBucket), 0)),
        "accountsInArrears": before.get("accountsInArrears", 0),
        "outstandingTotal": before.get("outstandingTotal", NOTHING),
    }
    return day, DayBegun(totals)


def _moves(old: dict[str, Share], new: dict[str, Share]) -> Iterator[Document]:
    """From each ``day`` until before ``until``, the share ``was`` one, and is another ``now``; in order."""
    was: Share = {}
    now: Share = {}
    move: Document | None = None
    for day in sorted(old.keys() | new.keys()):
        was, now = old.get(day, was), new.get(day, now)
        if move is not None and (move["was"], move["now"]) != (was, now):
            yield move | {"until": day}
            move = None
        if move is None and was != now:
            move = {"day": day, "was": was, "now": now}
    if move is not None:
        yield move


def _share(standing: Standing) -> Share:
    share: Share = {}
    owed, aging = standing.balance, standing.aging
    put(share, status=standing.account_status, outstanding=None if owed is None else money(amount_of(owed)))
    put(share, bucket=None if aging is None else aging.get("bucket"), inArrears=standing.in_arrears or None)
    return share


class PortfolioDaily(ReadModel):
    """How changes of accounts, and payments, change a day's totals."""

    name = "portfolio-daily"
    model = PortfolioDay
    others = (
        LoanAccount.Opened,
        LoanAccount.Updated,
        LoanAccount.Closed,
        LoanAccount.AgingReported,
    )
    stamped = False
    carries = True

    def __init__(self, options: Options = Options()) -> None:
        super().__init__(options)
        self.lookup = AccountDays(self.calendar)

    @on_event
    def day_begun(self, document: Document, event: DayBegun) -> None:
        document.update(event.totals, paidTotal=NOTHING, payments=0)

    @on_event
    def account_moved(self, document: Document, event: AccountMoved) -> None:
        _count(document, event.was, -1)
        _count(document, event.now, 1)

    @on_event
    def paid(self, document: Document, event: Paid) -> None:
        document["payments"] += event.payments
        document["paidTotal"] = money(document["paidTotal"].to_decimal() + event.amount)


def _count(document: Document, share: Share, by: int) -> None:
    """Add an account's share to the day's totals, or subtract it."""
    status = share.get("status")
    if status is not None:
        document["accountsByStatus"][status] += by
    document["accountsInArrears"] += by * share.get("inArrears", False)
    if status not in TERMINAL_STATUSES:  # Neither paid off nor written off, as far as known.
        if (bucket := share.get("bucket")) is not None:
            document["accountsByBucket"][bucket] += by
        if (outstanding := share.get("outstanding")) is not None:
            total = document["outstandingTotal"].to_decimal()
            document["outstandingTotal"] = money(total + by * outstanding.to_decimal())
