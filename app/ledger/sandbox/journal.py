"""The double-entry journal: a transaction moves money between ledger accounts; its legs sum to zero."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import uuid4

from app.ledger.sandbox.allocation import Allocation, Plan
from app.ledger.sandbox.amounts import NOTHING, text


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


class LedgerAccount(StrEnum):
    """The lender's own accounts. Each loan's part of the receivables is told by the transaction."""

    PRINCIPAL = "loan principal receivable"
    FEES = "fees receivable"
    CASH = "cash"
    FEE_INCOME = "fee income"
    FEES_WAIVED = "fees waived"
    BAD_DEBT = "bad debt"
    ADJUSTMENTS = "adjustments"
    OVERPAYMENTS = "overpayments owed to customers"


_AGAINST = {
    Kind.DISBURSEMENT: LedgerAccount.CASH,
    Kind.ESTABLISHMENT_FEE: LedgerAccount.FEE_INCOME,
    Kind.REPAYMENT: LedgerAccount.CASH,
    Kind.LATE_FEE: LedgerAccount.FEE_INCOME,
    Kind.DISHONOUR_FEE: LedgerAccount.FEE_INCOME,
    Kind.FEE_WAIVER: LedgerAccount.FEES_WAIVED,
    Kind.ADJUSTMENT: LedgerAccount.ADJUSTMENTS,
    Kind.WRITE_OFF: LedgerAccount.BAD_DEBT,
}

_CLOSES_AS: dict[str, str] = {Kind.WRITE_OFF: "WRITTEN_OFF", Kind.ADJUSTMENT: "ADMIN_CLOSED"}


def closes_as(cause: str | None) -> str:
    """Upstream's reason for an account's closing, by the Kind that left nothing owed, or its name."""
    return "PAID_OFF" if cause is None else _CLOSES_AS.get(cause, "PAID_OFF")


@dataclass(frozen=True)
class Draft:
    """A transaction to be posted. AUD; a delta below zero lowers what is owed."""

    kind: Kind
    principal: Decimal
    fee: Decimal
    description: str
    created_by: str
    overpayment: Decimal = NOTHING
    reference_type: str = ""
    reference_id: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    notes: str | None = None
    plan: Plan = field(default_factory=Plan)

    def legs(self) -> dict[LedgerAccount, Decimal]:
        """The debit of each ledger account that it touches; a credit is below zero. They sum to zero."""
        moved = {
            LedgerAccount.PRINCIPAL: self.principal,
            LedgerAccount.FEES: self.fee,
            _AGAINST[self.kind]: self.overpayment - self.principal - self.fee,
            LedgerAccount.OVERPAYMENTS: -self.overpayment,
        }
        return {account: debit for account, debit in moved.items() if debit}


@dataclass(frozen=True)
class Posting:
    """A transaction as posted: it never changes. ``…_after`` is what was owed then. AUD, times in UTC."""

    number: int
    event_id: str
    loan_account_id: str
    kind: Kind
    effective_date: str
    transacted_at: datetime
    created_at: datetime
    principal_delta: Decimal
    fee_delta: Decimal
    principal_after: Decimal
    fee_after: Decimal
    overpayment: Decimal
    description: str
    reference_type: str
    reference_id: str
    metadata: Mapping[str, str]
    created_by: str
    notes: str | None
    allocations: tuple[Allocation, ...]
    allocation_warning: str | None

    @property
    def transaction_id(self) -> str:
        return f"SBX-{self.number:08}"

    @property
    def total_delta(self) -> Decimal:
        return self.principal_delta + self.fee_delta

    @property
    def total_after(self) -> Decimal:
        return self.principal_after + self.fee_after


def balance(database: sqlite3.Connection, loan_account_id: str) -> tuple[Decimal, Decimal]:
    """Principal and fees owed now."""
    row = database.execute(
        "SELECT principal_after, fee_after FROM transactions WHERE loan_account_id = ?"
        " ORDER BY number DESC LIMIT 1",
        (loan_account_id,),
    ).fetchone()
    return (NOTHING, NOTHING) if row is None else (Decimal(row[0]), Decimal(row[1]))


def post(
    database: sqlite3.Connection, loan_account_id: str, draft: Draft, *, at: datetime, now: datetime
) -> Posting:
    """Write the transaction and its legs; ``at`` is when it happened, ``now`` when it is written.

    Raises ValueError for one that would leave less than nothing owed: whoever drafts must have refused it.
    """
    principal, fee = balance(database, loan_account_id)
    principal, fee = principal + draft.principal, fee + draft.fee
    if principal < 0 or fee < 0:
        msg = f"{draft.kind} on {loan_account_id} would leave {principal} principal and {fee} fees"
        raise ValueError(msg)
    number = database.execute(
        "INSERT INTO transactions (event_id, loan_account_id, kind, effective_date, transacted_at,"
        " created_at, principal_delta, fee_delta, principal_after, fee_after, overpayment, description,"
        " reference_type, reference_id, metadata, created_by, notes, allocations, allocation_warning)"
        f" VALUES ({', '.join('?' * 19)})",
        (
            str(uuid4()),
            loan_account_id,
            draft.kind.value,
            at.date().isoformat(),
            at.isoformat(),
            now.isoformat(),
            *map(text, (draft.principal, draft.fee, principal, fee, draft.overpayment)),
            draft.description,
            draft.reference_type,
            draft.reference_id,
            json.dumps(dict(draft.metadata)),
            draft.created_by,
            draft.notes,
            json.dumps([asdict(each) for each in draft.plan.allocations], default=text),
            draft.plan.warning,
        ),
    ).lastrowid
    database.executemany(
        "INSERT INTO legs VALUES (?, ?, ?)",
        [(number, account.value, text(debit)) for account, debit in draft.legs().items()],
    )
    return posting(database.execute("SELECT * FROM transactions WHERE number = ?", (number,)).fetchone())


def postings(database: sqlite3.Connection, loan_account_id: str, *, after: int = 0) -> list[Posting]:
    """The account's transactions in the order of posting, those after a number only."""
    rows = database.execute(
        "SELECT * FROM transactions WHERE loan_account_id = ? AND number > ? ORDER BY number",
        (loan_account_id, after),
    )
    return [posting(row) for row in rows]


def posting(row: sqlite3.Row) -> Posting:
    """A row of the table of transactions."""
    told = dict(row)
    for name in ("principal_delta", "fee_delta", "principal_after", "fee_after", "overpayment"):
        told[name] = Decimal(told[name])
    for name in ("transacted_at", "created_at"):
        told[name] = datetime.fromisoformat(told[name])
    told["kind"] = Kind(told["kind"])
    told["metadata"] = json.loads(told["metadata"])
    told["allocations"] = tuple(map(_allocation, json.loads(told["allocations"])))
    return Posting(**told)


def _allocation(told: dict[str, str]) -> Allocation:
    amounts = {name: Decimal(told[name]) for name in ("applied", "remaining", "scheduled")}
    return Allocation(
        int(told["payment_number"]), status=told["status"], due_date=told["due_date"], **amounts
    )
