"""The read model ``portfolio-daily``: all loan accounts together, one document a business day.

An event moves its account's share from one count to another in the document of its day and of every later
one, so late news corrects the days it concerns. A day on which nothing changed has no document.
"""

from bson.decimal128 import Decimal128
from pydantic import ConfigDict, Field

from app.aggregates import LoanAccount
from app.projections.engine.projection import on_event
from app.projections.engine.values import Document, money
from app.projections.read_models.base import Options, ReadModel
from app.projections.read_models.portfolio_daily.account_days import (
    NOTHING,
    AccountDays,
    AccountMoved,
    DayBegun,
    Paid,
    Share,
    is_open,
)
from app.projections.read_models.types import Day, Model, Money


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
    _add(document["accountsByStatus"], share.get("status"), by)
    document["accountsInArrears"] += by * share.get("inArrears", False)
    if is_open(share):
        _add(document["accountsByBucket"], share.get("bucket"), by)
        if (outstanding := share.get("outstanding")) is not None:
            document["outstandingTotal"] = _sum(document["outstandingTotal"], outstanding, by)


def _add(counts: dict[str, int], name: str | None, by: int) -> None:
    if name is not None:
        counts[name] += by


def _sum(total: Decimal128, amount: Decimal128, by: int) -> Decimal128:
    return money(total.to_decimal() + by * amount.to_decimal())
