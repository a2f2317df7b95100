"""The books of the sandbox ledger: accounts and their transactions, in one SQLite file."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS accounts (
    loan_account_id TEXT PRIMARY KEY, principal TEXT NOT NULL, fee TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS transactions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT NOT NULL, loan_account_id TEXT NOT NULL,
    kind TEXT NOT NULL, effective_date TEXT NOT NULL, created_at TEXT NOT NULL,
    principal_delta TEXT NOT NULL, fee_delta TEXT NOT NULL,
    principal_after TEXT NOT NULL, fee_after TEXT NOT NULL,
    UNIQUE (reference, kind)
);
CREATE INDEX IF NOT EXISTS by_account ON transactions (loan_account_id, number);
CREATE TABLE IF NOT EXISTS progress (stream TEXT PRIMARY KEY, entry_id TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Posting:
    """One transaction; amounts are AUD. ``principal_after`` and ``fee_after`` stand after it."""

    number: int
    reference: str
    loan_account_id: str
    kind: str
    effective_date: str
    created_at: datetime
    principal_delta: Decimal
    fee_delta: Decimal
    principal_after: Decimal
    fee_after: Decimal


class Books:
    """All accounts. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.executescript(_TABLES)

    def open_account(self, loan_account_id: str, principal: Decimal, fee: Decimal) -> None:
        """Remember what will be paid out; opening an account again changes nothing."""
        with self._lock:
            self._database.execute(
                "INSERT OR IGNORE INTO accounts VALUES (?, ?, ?)", (loan_account_id, str(principal), str(fee))
            )

    def agreed(self, loan_account_id: str) -> tuple[Decimal, Decimal] | None:
        """The principal and fee that were agreed; None for an account that is not open."""
        with self._lock:
            row = self._database.execute(
                "SELECT principal, fee FROM accounts WHERE loan_account_id = ?", (loan_account_id,)
            ).fetchone()
        return None if row is None else (Decimal(row[0]), Decimal(row[1]))

    def balance(self, loan_account_id: str) -> tuple[Decimal, Decimal]:
        """Principal and fees owed now."""
        with self._lock:
            return self._balance(loan_account_id)

    def post(
        self,
        reference: str,
        loan_account_id: str,
        kind: str,
        at: datetime,
        principal_delta: Decimal,
        fee_delta: Decimal,
    ) -> None:
        """Post a transaction; the same reference and kind posts once."""
        with self._lock:
            principal, fee = self._balance(loan_account_id)
            self._database.execute(
                "INSERT OR IGNORE INTO transactions (reference, loan_account_id, kind, effective_date,"
                " created_at, principal_delta, fee_delta, principal_after, fee_after)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    reference,
                    loan_account_id,
                    kind,
                    at.date().isoformat(),
                    at.isoformat(),
                    str(principal_delta),
                    str(fee_delta),
                    str(principal + principal_delta),
                    str(fee + fee_delta),
                ),
            )

    def postings(self, loan_account_id: str) -> list[Posting]:
        """All transactions of an account, newest first."""
        with self._lock:
            rows = self._database.execute(
                "SELECT * FROM transactions WHERE loan_account_id = ? ORDER BY number DESC",
                (loan_account_id,),
            ).fetchall()
        return [_posting(row) for row in rows]

    def progress(self, stream: str) -> str:
        """The last entry of a stream that was heard; ``0`` before the first."""
        with self._lock:
            row = self._database.execute(
                "SELECT entry_id FROM progress WHERE stream = ?", (stream,)
            ).fetchone()
        return "0" if row is None else str(row[0])

    def heard(self, stream: str, entry_id: str) -> None:
        """Remember how far a stream was heard. A crash before repeats what :meth:`post` ignores."""
        with self._lock:
            self._database.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (stream, entry_id))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _balance(self, loan_account_id: str) -> tuple[Decimal, Decimal]:
        row = self._database.execute(
            "SELECT principal_after, fee_after FROM transactions WHERE loan_account_id = ?"
            " ORDER BY number DESC LIMIT 1",
            (loan_account_id,),
        ).fetchone()
        return (Decimal(0), Decimal(0)) if row is None else (Decimal(row[0]), Decimal(row[1]))


def _posting(row: tuple[Any, ...]) -> Posting:
    number, reference, loan_account_id, kind, effective_date, created_at, *amounts = row
    principal_delta, fee_delta, principal_after, fee_after = (Decimal(text) for text in amounts)
    return Posting(
        number=number,
        reference=reference,
        loan_account_id=loan_account_id,
        kind=kind,
        effective_date=effective_date,
        created_at=datetime.fromisoformat(created_at),
        principal_delta=principal_delta,
        fee_delta=fee_delta,
        principal_after=principal_after,
        fee_after=fee_after,
    )
