"""What the books take over from the inbox stream: loans opened, paid out, repaid and closed elsewhere.

The adapter that reads the stream makes facts of its messages; each message's facts are taken over once. A
balance of an account that was not opened yet waits for it.

Once a caller has posted on an account, the books say what is owed on it: from then on a balance on the
stream is an echo of them (their own announcements come back there too), or is older, and moves nothing.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.ledger.sandbox.accounts import account_of, change_account, find_account
from app.ledger.sandbox.allocation import Instalment, plan, split
from app.ledger.sandbox.amounts import NOTHING, text
from app.ledger.sandbox.journal import Draft, Kind, balance, closes_as, post
from app.ledger.sandbox.schedules import keep_schedule, pay_instalments, schedule_of


@dataclass(frozen=True)
class Opened:
    """An account exists. AUD; ``principal`` is None where it was not told."""

    loan_account_id: str
    principal: Decimal | None
    fee: Decimal
    customer_id: str = ""
    account_number: str = ""
    application_number: str = ""


@dataclass(frozen=True)
class Balance:
    """What is owed now, AUD; ``cause`` is the Kind, by name, that brought it there, as far as told.

    ``closes_as``: the account is closed with it, and why.
    """

    loan_account_id: str
    owed: Decimal
    cause: str | None = None
    closes_as: str | None = None


@dataclass(frozen=True)
class Schedule:
    """The plan of an account's payments."""

    loan_account_id: str
    schedule_id: str
    instalments: tuple[Instalment, ...]


Fact = Opened | Balance | Schedule


@dataclass(frozen=True)
class Heard:
    """A message's facts, its identity, and when it was sent (aware, UTC)."""

    message_id: str
    at: datetime
    facts: Sequence[Fact]


def take_over(database: sqlite3.Connection, heard: Heard, now: datetime) -> None:
    """Post what the message tells, unless it was heard before."""
    known = database.execute("INSERT OR IGNORE INTO heard VALUES (?)", (heard.message_id,))
    if known.rowcount == 0:
        return
    for fact in heard.facts:
        match fact:
            case Opened():
                _open(database, fact, now)
            case Balance():
                _balance_told(database, heard, fact, now)
            case Schedule():
                keep_schedule(database, fact.loan_account_id, fact.schedule_id, heard.at, fact.instalments)


def _open(database: sqlite3.Connection, fact: Opened, now: datetime) -> None:
    if find_account(database, fact.loan_account_id) is not None:
        return
    database.execute(
        "INSERT INTO accounts (loan_account_id, account_number, customer_id, application_number, principal,"
        " fee, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            fact.loan_account_id,
            fact.account_number,
            fact.customer_id,
            fact.application_number,
            None if fact.principal is None else text(fact.principal),
            text(fact.fee),
            now.isoformat(),
            now.isoformat(),
        ),
    )
    account = (fact.loan_account_id,)
    early = database.execute("SELECT * FROM waiting WHERE loan_account_id = ? ORDER BY number", account)
    for row in early.fetchall():
        told = Balance(fact.loan_account_id, Decimal(row["balance"]), row["cause"], row["closes_as"])
        _balance_told(database, Heard(row["message_id"], datetime.fromisoformat(row["at"]), ()), told, now)
    database.execute("DELETE FROM waiting WHERE loan_account_id = ?", account)


def _balance_told(database: sqlite3.Connection, heard: Heard, told: Balance, now: datetime) -> None:
    """The first balance pays the loan out; what differs from the books later is posted by its cause."""
    account = find_account(database, told.loan_account_id)
    if account is None:
        database.execute(
            "INSERT INTO waiting (loan_account_id, at, message_id, balance, cause, closes_as)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                told.loan_account_id,
                heard.at.isoformat(),
                heard.message_id,
                text(told.owed),
                told.cause,
                told.closes_as,
            ),
        )
        return
    if account.kept_here or account.closed_as is not None:
        return
    # Of an account that was not paid out, nothing is owed: that only says so.
    if not account.paid_out and (told.owed > 0 or told.cause == Kind.REPAYMENT):
        _pay_out(database, heard, told, now)
    paid_out = account_of(database, told.loan_account_id).paid_out
    stale = account.told_at is not None and heard.at < account.told_at
    if paid_out and (told.closes_as is not None or not stale):
        change_account(database, told.loan_account_id, now, told_at=heard.at.isoformat())
        _make_even(database, heard, told, now)
    owed = sum(balance(database, told.loan_account_id))
    if told.closes_as is not None or (paid_out and owed == 0):
        change_account(database, told.loan_account_id, now, closed_as=told.closes_as or closes_as(told.cause))


def _pay_out(database: sqlite3.Connection, heard: Heard, told: Balance, now: datetime) -> None:
    account = account_of(database, told.loan_account_id)
    fee = max(NOTHING, account.fee)
    principal = account.principal or NOTHING
    if principal <= 0:  # Untold, or no terms of a loan: the balance is what there is to go by.
        principal = max(NOTHING, told.owed - fee)
    _post(database, heard, told, Kind.DISBURSEMENT, principal, NOTHING, now)
    if fee:
        _post(database, heard, told, Kind.ESTABLISHMENT_FEE, NOTHING, fee, now)
    change_account(database, told.loan_account_id, now, paid_out=1)


def _make_even(database: sqlite3.Connection, heard: Heard, told: Balance, now: datetime) -> None:
    principal, fees = balance(database, told.loan_account_id)
    rise = told.owed - principal - fees
    if rise > 0:
        # Without such a cause, a balance that rose is a snapshot from before a payment.
        if told.cause in (Kind.LATE_FEE, Kind.DISHONOUR_FEE):
            _post(database, heard, told, Kind(told.cause), NOTHING, rise, now)
        elif told.cause == Kind.ADJUSTMENT:
            _post(database, heard, told, Kind.ADJUSTMENT, rise, NOTHING, now)
    elif rise < 0:
        paid = split(-rise, principal, fees)
        kind = Kind.ADJUSTMENT
        if told.cause is None or told.cause == Kind.REPAYMENT:
            kind = Kind.REPAYMENT
        elif told.cause == Kind.WRITE_OFF or (told.cause == Kind.FEE_WAIVER and not paid.to_principal):
            kind = Kind(told.cause)
        _post(database, heard, told, kind, -paid.to_principal, -paid.to_fees, now)


def _post(
    database: sqlite3.Connection,
    heard: Heard,
    told: Balance,
    kind: Kind,
    principal: Decimal,
    fee: Decimal,
    now: datetime,
) -> None:
    account = told.loan_account_id
    owed = sum(balance(database, account), NOTHING)
    schedule_id, instalments = schedule_of(database, account)
    draft = Draft(
        kind,
        principal,
        fee,
        kind.value.replace("_", " ").capitalize(),
        "upstream",
        reference_type="message",
        reference_id=heard.message_id,
    )
    if kind is Kind.REPAYMENT and schedule_id is not None:
        paid = split(-principal - fee, -principal, -fee)
        applied = plan(paid, owed, schedule_id, instalments)
        draft = Draft(**{**draft.__dict__, "plan": applied})
    posted = post(database, account, draft, at=heard.at, now=now)
    pay_instalments(database, account, posted.transaction_id, posted.allocations)
