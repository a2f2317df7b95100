"""The loan accounts that the books know."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.ledger.sandbox.refusals import UnknownAccountError


@dataclass(frozen=True)
class Account:
    """One loan account. ``principal`` and ``fee`` (AUD) were agreed; ``principal`` is None where untold.

    ``closed_as`` is PAID_OFF, WRITTEN_OFF, ADMIN_CLOSED, or None while it is open. ``kept_here``: a caller
    has posted on it, so that the books, and not the stream, say what is owed.
    """

    loan_account_id: str
    account_number: str
    customer_id: str
    application_number: str
    principal: Decimal | None
    fee: Decimal
    paid_out: bool
    closed_as: str | None
    kept_here: bool
    told_at: datetime | None
    created_at: datetime
    updated_at: datetime


def find_account(database: sqlite3.Connection, loan_account_id: str) -> Account | None:
    """None for an account that was never opened."""
    row = database.execute("SELECT * FROM accounts WHERE loan_account_id = ?", (loan_account_id,)).fetchone()
    if row is None:
        return None
    told = dict(row)
    told["principal"] = None if told["principal"] is None else Decimal(told["principal"])
    told["fee"] = Decimal(told["fee"])
    told["paid_out"], told["kept_here"] = bool(told["paid_out"]), bool(told["kept_here"])
    for name in ("told_at", "created_at", "updated_at"):
        told[name] = None if told[name] is None else datetime.fromisoformat(told[name])
    return Account(**told)


def account_of(database: sqlite3.Connection, loan_account_id: str) -> Account:
    """Raises UnknownAccountError for an account that was never opened."""
    account = find_account(database, loan_account_id)
    if account is None:
        msg = f"No account {loan_account_id}"
        raise UnknownAccountError(msg)
    return account


def change_account(
    database: sqlite3.Connection, loan_account_id: str, now: datetime, **values: object
) -> None:
    """Set columns of an account: paid_out, closed_as, kept_here, told_at."""
    changes = {"updated_at": now.isoformat(), **values}
    database.execute(
        f"UPDATE accounts SET {', '.join(f'{name} = ?' for name in changes)} WHERE loan_account_id = ?",
        (*changes.values(), loan_account_id),
    )
