"""The books of the sandbox ledger: accounts, journal, keys and outbox, in one SQLite file."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from app.ledger.sandbox import idempotency, outbox
from app.ledger.sandbox.accounts import Account, account_of, change_account
from app.ledger.sandbox.allocation import Instalment
from app.ledger.sandbox.amounts import NOTHING
from app.ledger.sandbox.announcements import announcements
from app.ledger.sandbox.database import Database
from app.ledger.sandbox.feed import Heard, take_over
from app.ledger.sandbox.journal import LedgerAccount, Posting, balance, closes_as, post, postings
from app.ledger.sandbox.operations import Operation
from app.ledger.sandbox.schedules import pay_instalments, schedule_of
from app.ledger.sandbox.situation import situation_of

KEYS_KEPT = timedelta(hours=24)
"""How long a key stands for its request (contract: "Behaviour")."""


class Outcome(NamedTuple):
    """What a request posted; ``replay``: an earlier request with the same key did so."""

    posting: Posting
    replay: bool


class Record(NamedTuple):
    """An account with all its transactions, as of one moment."""

    account: Account
    postings: list[Posting]
    schedule_id: str | None


class Books:
    """All accounts. Safe to use from several threads; every method is one transaction."""

    def __init__(
        self,
        path: Path,
        *,
        keep_keys: timedelta = KEYS_KEPT,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Open the file, or make it. ``clock`` gives aware times in UTC."""
        self.database = Database(path)
        self._keep_keys, self._clock = keep_keys, clock

    def execute(self, operation: Operation, key: str | None) -> Outcome:
        """Post what the operation means, once a key.

        The posting, the key with a fingerprint of the request, and what is to be published are stored in one
        transaction: of two calls with one key, the second waits for the first and then finds its result.
        Raises UnknownAccountError, RejectedError and KeyReusedError; then nothing is stored.
        """
        content = idempotency.fingerprint(operation)
        with self.database.writing() as database:
            now = self._clock()
            account = account_of(database, operation.loan_account_id)
            if key is not None:
                before = idempotency.posted_before(database, key, content, now, self._keep_keys)
                if before is not None:
                    return Outcome(before, replay=True)
            # A clock that was set back must not make this posting's announcement a stale one.
            now = max(now, account.updated_at + timedelta(microseconds=1))
            draft = operation.draft(situation_of(database, account))
            posted = post(database, account.loan_account_id, draft, at=now, now=now)
            pay_instalments(database, account.loan_account_id, posted.transaction_id, posted.allocations)
            closed_as = None if posted.total_after else closes_as(posted.kind)
            change_account(database, account.loan_account_id, now, kept_here=1, closed_as=closed_as)
            outbox.put(database, announcements(database, posted, closed_as))
            if key is not None:
                idempotency.reserve(database, key, content, posted, now)
        return Outcome(posted, replay=False)

    def hear(self, heard: Iterable[Heard], *, stream: str = "", position: str = "") -> None:
        """Take over what the stream tells, and how far it was heard, in one transaction."""
        with self.database.writing() as database:
            for message in heard:
                take_over(database, message, self._clock())
            if stream:
                database.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (stream, position))

    def progress(self, stream: str) -> str:
        """The last entry of a stream that was heard; ``0`` before the first."""
        with self.database.reading() as database:
            row = database.execute("SELECT entry_id FROM progress WHERE stream = ?", (stream,)).fetchone()
        return "0" if row is None else str(row[0])

    def balance(self, loan_account_id: str) -> tuple[Decimal, Decimal]:
        """Principal and fees owed now. Raises UnknownAccountError."""
        with self._reading(loan_account_id) as database:
            return balance(database, loan_account_id)

    def record(self, loan_account_id: str) -> Record:
        """The account with all its transactions, in the order of posting. Raises UnknownAccountError."""
        with self._reading(loan_account_id) as database:
            account = account_of(database, loan_account_id)
            schedule_id, _ = schedule_of(database, loan_account_id)
            return Record(account, postings(database, loan_account_id), schedule_id)

    def postings_after(self, loan_account_id: str, number: int) -> list[Posting]:
        """Its transactions later than a number, in the order of posting. Raises UnknownAccountError."""
        with self._reading(loan_account_id) as database:
            return postings(database, loan_account_id, after=number)

    def instalments(self, loan_account_id: str) -> list[Instalment]:
        """The account's schedule, by payment number. Raises UnknownAccountError."""
        with self._reading(loan_account_id) as database:
            return schedule_of(database, loan_account_id)[1]

    def trial_balance(self) -> dict[LedgerAccount, Decimal]:
        """The debit balance of each of the lender's accounts, AUD. They sum to zero."""
        totals = dict.fromkeys(LedgerAccount, NOTHING)
        with self.database.reading() as database:
            for account, debit in database.execute("SELECT ledger_account, debit FROM legs"):
                totals[LedgerAccount(account)] += Decimal(debit)
        return totals

    def legs(self) -> dict[int, dict[LedgerAccount, Decimal]]:
        """The legs of each transaction, by its number: debits, in AUD."""
        found: dict[int, dict[LedgerAccount, Decimal]] = {}
        with self.database.reading() as database:
            for number, account, debit in database.execute("SELECT * FROM legs"):
                found.setdefault(number, {})[LedgerAccount(account)] = Decimal(debit)
        return found

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()

    @contextmanager
    def _reading(self, loan_account_id: str) -> Iterator[sqlite3.Connection]:
        with self.database.reading() as database:
            account_of(database, loan_account_id)
            yield database
