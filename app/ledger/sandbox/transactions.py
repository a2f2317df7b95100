"""Transactions: drafted by a rule, posted once, never changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

NOTHING = Decimal("0.00")

DAYS = ZoneInfo("Australia/Sydney")
"""The time zone of the ledger's days."""

UPSTREAM = "upstream"
"""The author of postings that come from the stream."""


def text(amount: Decimal) -> str:
    """With two places; never ``-0.00``."""
    return f"{amount + NOTHING:.2f}"


class Kind(StrEnum):
    """Of a transaction; the names of the wire's TransactionType."""

    DISBURSEMENT = "DISBURSEMENT"
    ESTABLISHMENT_FEE = "ESTABLISHMENT_FEE"
    REPAYMENT = "REPAYMENT"
    LATE_FEE = "LATE_FEE"
    DISHONOUR_FEE = "DISHONOUR_FEE"
    FEE_WAIVER = "FEE_WAIVER"
    ADJUSTMENT = "ADJUSTMENT"
    WRITE_OFF = "WRITE_OFF"


FEES = (Kind.ESTABLISHMENT_FEE, Kind.LATE_FEE, Kind.DISHONOUR_FEE)

_CLOSES_AS: dict[str, str] = {Kind.WRITE_OFF: "WRITTEN_OFF", Kind.ADJUSTMENT: "ADMIN_CLOSED"}


def closes_as(cause: str | None) -> str:
    """The closure reason of an account that owes nothing after a transaction of this Kind."""
    return _CLOSES_AS.get(cause or "", "PAID_OFF")


@dataclass(frozen=True)
class Allocation:
    """What one repayment did to one instalment, and how it left it."""

    payment_number: int
    amount_applied: Decimal
    instalment_status: str
    amount_remaining: Decimal
    due_date: str
    scheduled_amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A transaction to be posted. AUD; a delta below zero lowers what is owed."""

    kind: Kind
    principal_delta: Decimal = NOTHING
    fee_delta: Decimal = NOTHING
    overpayment: Decimal = NOTHING
    created_by: str = "sandbox"
    """Who posted, if the request names no person."""
    reference_type: str = ""
    reference_id: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    notes: str | None = None
    allocations: tuple[Allocation, ...] = ()
    allocation_warning: str | None = None

    @property
    def description(self) -> str:
        return self.kind.value.replace("_", " ").capitalize()

    @property
    def total_delta(self) -> Decimal:
        return self.principal_delta + self.fee_delta


@dataclass(frozen=True, kw_only=True)
class Posting(Draft):
    """A transaction as posted: it never changes. ``…_after`` is what was owed then. Times in UTC."""

    number: int
    event_id: str
    loan_account_id: str
    transaction_date: datetime
    created_at: datetime
    principal_after: Decimal
    fee_after: Decimal
    schedule_id: str | None
    """The schedule that its allocations are of."""

    @property
    def transaction_id(self) -> str:
        return f"SBX-{self.number:08}"

    @property
    def effective_date(self) -> str:
        return self.transaction_date.astimezone(DAYS).date().isoformat()

    @property
    def total_after(self) -> Decimal:
        return self.principal_after + self.fee_after


def total(postings: Iterable[Posting], *kinds: Kind) -> Decimal:
    """What transactions of these kinds have added to what is owed."""
    return sum((each.total_delta for each in postings if each.kind in kinds), NOTHING)
