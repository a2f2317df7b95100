"""The collection ``portfolio-daily``."""

from pydantic import ConfigDict, Field

from app.projections.read_models.kinds import Day, Document, Money


class _Counts(Document):
    """The number of accounts by a word."""

    model_config = ConfigDict(alias_generator=None)


class AccountsByStatus(_Counts):
    """How many loan accounts had which `accountStatus`."""

    active: int
    """Those that were `active`."""
    pending_disbursement: int
    """Those that awaited their disbursement."""
    in_arrears: int
    """Those that were `in_arrears`."""
    paid_off: int
    """Those that were paid off, that day or before."""
    written_off: int
    """Those that were written off, that day or before."""


class AccountsByBucket(_Counts):
    """How many open accounts were in which `aging.bucket`."""

    current: int
    """Those that were `current`."""
    early_arrears: int
    """Those in `early_arrears`."""
    late_arrears: int
    """Those in `late_arrears`."""
    default: int
    """Those in `default`."""
    closed: int
    """Those in `closed` whose status did not follow yet."""


class PortfolioDay(Document):
    """All loan accounts together, as a business day left them.

    A day on which nothing changed has no document: the last one before it stands. News counts from the day on
    of which it tells, so late news corrects that day and each later one. But of two reports on one thing the
    older, arriving second, changes nothing, and days gone by may lack it. The newest day always agrees with
    `loan-accounts`. Days are those of `BILLIE_BUSINESS_TIME_ZONE`: Sydney's, if that is unset.
    """

    day: Day = Field(validation_alias="_id")
    """The day."""
    accounts_by_status: AccountsByStatus
    """Accounts by their status at the end of the day. One whose status nobody told is in none."""
    accounts_by_bucket: AccountsByBucket
    """Accounts by their bucket at the end of the day, but for those that were paid off or written off, and
    those whose bucket nobody told."""
    outstanding_total: Money
    """What was owed at the end of the day on all accounts that were neither paid off nor written off."""
    paid_total: Money
    """The payments of the day, by the date that each tells, or on which the balance fell that alone shows it;
    one without an amount adds nothing."""
    payments: int
    """How many payments the day had. A payment that is told again counts once: the same transaction, or the
    same day and amount where either names none."""
