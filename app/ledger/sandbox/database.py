"""The SQLite file of the sandbox's books: one connection, one lock, and a bell for those who follow."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition

_FORMAT = 1

_TABLES = """
CREATE TABLE IF NOT EXISTS accounts (
    loan_account_id TEXT PRIMARY KEY, account_number TEXT NOT NULL, customer_id TEXT NOT NULL,
    application_number TEXT NOT NULL, principal TEXT, fee TEXT NOT NULL,
    paid_out INTEGER NOT NULL DEFAULT 0, closed_as TEXT, kept_here INTEGER NOT NULL DEFAULT 0,
    told_at TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS transactions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, loan_account_id TEXT NOT NULL,
    kind TEXT NOT NULL, effective_date TEXT NOT NULL, transacted_at TEXT NOT NULL, created_at TEXT NOT NULL,
    principal_delta TEXT NOT NULL, fee_delta TEXT NOT NULL,
    principal_after TEXT NOT NULL, fee_after TEXT NOT NULL, overpayment TEXT NOT NULL,
    description TEXT NOT NULL, reference_type TEXT NOT NULL, reference_id TEXT NOT NULL,
    metadata TEXT NOT NULL, created_by TEXT NOT NULL, notes TEXT,
    allocations TEXT NOT NULL, allocation_warning TEXT
);
CREATE INDEX IF NOT EXISTS by_account ON transactions (loan_account_id, number);
CREATE TABLE IF NOT EXISTS legs (
    transaction_number INTEGER NOT NULL REFERENCES transactions, ledger_account TEXT NOT NULL,
    debit TEXT NOT NULL, PRIMARY KEY (transaction_number, ledger_account)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS schedules (
    loan_account_id TEXT PRIMARY KEY, schedule_id TEXT NOT NULL, told_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS instalments (
    loan_account_id TEXT NOT NULL, payment_number INTEGER NOT NULL, due_date TEXT NOT NULL,
    scheduled TEXT NOT NULL, paid TEXT NOT NULL, transactions TEXT NOT NULL,
    PRIMARY KEY (loan_account_id, payment_number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keys (
    idempotency_key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, transaction_number INTEGER NOT NULL,
    reserved_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS keys_by_age ON keys (reserved_at);
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, entry TEXT NOT NULL,
    published_at TEXT
);
CREATE INDEX IF NOT EXISTS unpublished ON outbox (number) WHERE published_at IS NULL;
CREATE TABLE IF NOT EXISTS heard (message_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY AUTOINCREMENT, loan_account_id TEXT NOT NULL, at TEXT NOT NULL,
    message_id TEXT NOT NULL, balance TEXT, cause TEXT, closes_as TEXT
);
CREATE TABLE IF NOT EXISTS progress (stream TEXT PRIMARY KEY, entry_id TEXT NOT NULL);
"""

# The first release's books held only what the stream tells: they are made again from it.
_OLD_TABLES = ("accounts", "transactions", "progress")


class Database:
    """Safe to use from several threads.

    SQLite has one writer a file, whatever we do, so one lock takes the place of a lock for each account:
    a posting holds it for a millisecond, and no two postings can see the same balance.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._changed = Condition()
        self._version = 0
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        # What was answered must outlive a power cut too: the caller will not send it again.
        self._connection.execute("PRAGMA synchronous=FULL")
        if self._connection.execute("PRAGMA user_version").fetchone()[0] != _FORMAT:
            for table in _OLD_TABLES:
                self._connection.execute(f"DROP TABLE IF EXISTS {table}")
        self._connection.executescript(f"{_TABLES}; PRAGMA user_version={_FORMAT}")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed at the end, or nothing of it. Then those who follow are woken."""
        with self._changed:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._version += 1
            self._changed.notify_all()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Nothing is written meanwhile."""
        with self._changed:
            yield self._connection

    @property
    def version(self) -> int:
        """Grows with each transaction of this process."""
        with self._changed:
            return self._version

    def wait_beyond(self, version: int, give_up: Callable[[], bool]) -> None:
        """Return after a transaction later than ``version``, or when ``give_up`` holds at a :meth:`wake`."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > version or give_up())

    def wake(self) -> None:
        """Have all who wait look whether to give up."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Let go of the file."""
        with self._changed:
            self._connection.close()
