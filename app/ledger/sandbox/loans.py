"""A loan as the books keep it: its terms, its schedule, and its transactions, which never change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import uuid4
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


@dataclass(frozen=True)
class Opened:
    """The terms of an account. AUD; ``principal`` is None where the stream does not tell it."""

    loan_account_id: str
    principal: Decimal | None
    fee: Decimal
    customer_id: str = ""
    account_number: str = ""
    application_number: str = ""


@dataclass(frozen=True)
class Balance:
    """What the stream says is owed, AUD. ``cause`` is the Kind behind it, by name.

    ``closes_as``: the reason for closing, if the account closes with it.
    """

    loan_account_id: str
    owed: Decimal
    cause: str | None = None
    closes_as: str | None = None


@dataclass
class Instalment:
    """One payment of the schedule, and how much of it is paid. AUD; ``due_date`` may be empty."""

    payment_number: int
    due_date: str
    scheduled: Decimal
    paid: Decimal = NOTHING
    transactions: list[str] = field(default_factory=list)

    @property
    def remaining(self) -> Decimal:
        return self.scheduled - self.paid


@dataclass
class Loan:
    """One loan account. It exists for callers once ``terms`` are known."""

    loan_account_id: str
    created_at: datetime
    updated_at: datetime
    terms: Opened | None = None
    early: list[tuple[str, datetime, Balance]] = field(default_factory=list)
    """Balances that came before the terms: message id, time, balance."""
    paid_out: bool = False
    closed_as: str | None = None
    posted_here: bool = False
    """A caller has posted on it: from then on the books, not the stream, say what is owed."""
    heard_at: datetime | None = None
    """When the newest balance from the stream was sent."""
    schedule_id: str | None = None
    schedule_made_at: datetime | None = None
    instalments: list[Instalment] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    next_number: int = 1
    """Over all loans; the books set it."""

    @property
    def principal(self) -> Decimal:
        return self.postings[-1].principal_after if self.postings else NOTHING

    @property
    def fees(self) -> Decimal:
        return self.postings[-1].fee_after if self.postings else NOTHING

    @property
    def owed(self) -> Decimal:
        return self.principal + self.fees

    def post(self, draft: Draft, *, at: datetime, now: datetime) -> Posting:
        """Add the transaction, and pay its instalments. It happened ``at``; it is written ``now``.

        Raises ValueError if less than nothing would be owed: the caller must have refused that.
        """
        principal, fees = self.principal + draft.principal_delta, self.fees + draft.fee_delta
        if principal < 0 or fees < 0:
            msg = f"{draft.kind} on {self.loan_account_id} would leave {principal} principal and {fees} fees"
            raise ValueError(msg)
        posting = Posting(
            **vars(draft) | {"principal_delta": principal - self.principal, "fee_delta": fees - self.fees},
            number=self.next_number,
            event_id=str(uuid4()),
            loan_account_id=self.loan_account_id,
            transaction_date=at,
            created_at=now,
            principal_after=principal,
            fee_after=fees,
            schedule_id=self.schedule_id,
        )
        self.next_number += 1
        self.postings.append(posting)
        self.pay(posting.transaction_id, posting.allocations)
        return posting

    def pay(self, transaction_id: str, allocations: Iterable[Allocation]) -> None:
        """Note on the instalments what a repayment paid of them."""
        for paid in allocations:
            for each in self.instalments:
                if each.payment_number == paid.payment_number:
                    each.paid += paid.amount_applied
                    each.transactions.append(transaction_id)
