"""The books of the sandbox ledger: loans, postings and idempotency keys, in one SQLite file."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Condition
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from app.ledger.sandbox.errors import KeyReusedError, UnknownAccountError
from app.ledger.sandbox.feed import Heard, take_over
from app.ledger.sandbox.loans import Loan, Posting, closes_as
from app.ledger.sandbox.operations import Operation, check_open

_TABLES = """
CREATE TABLE IF NOT EXISTS loans (loan_account_id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS postings (
    number INTEGER PRIMARY KEY, loan_account_id TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS by_loan ON postings (loan_account_id, number);
CREATE TABLE IF NOT EXISTS keys (
    idempotency_key TEXT PRIMARY KEY, content TEXT NOT NULL, posting INTEGER NOT NULL, kept_from TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heard (message_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS progress (of TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
"""
_LOAN, _POSTING = TypeAdapter(Loan), TypeAdapter(Posting)
_BATCH = 500


class Outcome(NamedTuple):
    """What a request posted; ``replay``: an earlier request with the same key did so."""

    posting: Posting
    replay: bool


class Books:
    """All loans. Safe to use from several threads.

    SQLite has one writer a file, so one lock takes the place of one for each account: every change is one
    transaction, and no two postings see the same balance.
    """

    def __init__(
        self,
        path: Path,
        *,
        keep_keys: timedelta = timedelta(hours=24),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Open the file, or make it. A key belongs to its request for ``keep_keys``; ``clock`` is in UTC."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._keep_keys, self._clock = keep_keys, clock
        self._changed = Condition()
        self._version = 0
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        # What was answered must survive a power cut: the caller will not send it again.
        self._database.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {_TABLES}")

    def execute(self, operation: Operation, key: str | None) -> Outcome:
        """Post what the operation means, once a key.

        The posting and the key with the request's content are stored in one transaction: of two calls with
        one key, the second waits for the first and then finds its result. Raises UnknownAccountError,
        RejectedError and KeyReusedError; then nothing is stored, the key neither.
        """
        with self._changing():
            now = self._clock()
            loan = self.loan(operation.loan_account_id)
            if key is not None and (before := self._posted_before(key, operation, now)) is not None:
                return Outcome(before, replay=True)
            # A clock that was set back must not make this posting's announcement a stale one.
            now = max(now, loan.updated_at + timedelta(microseconds=1))
            check_open(loan)
            posted = loan.post(operation.draft(loan), at=now, now=now)
            loan.posted_here = True
            loan.closed_as = None if posted.total_after else closes_as(posted.kind)
            self._save(loan, now)
            if key is not None:
                self._keep(key, operation, posted, now)
        return Outcome(posted, replay=False)

    def hear(self, heard: Iterable[Heard], *, stream: str = "", position: str = "") -> None:
        """Post a message of the stream and note its position, in one transaction."""
        with self._changing():
            for message in heard:
                row = (message.message_id,)
                is_new = self._database.execute("INSERT OR IGNORE INTO heard VALUES (?)", row).rowcount
                for fact in message.facts if is_new else ():
                    now = self._clock()
                    loan = self._loan(fact.loan_account_id) or Loan(fact.loan_account_id, now, now)
                    take_over(loan, fact, message, now)
                    self._save(loan, now)
            if stream:
                self.note_progress(stream, position)

    def progress(self, of: str) -> str:
        """The last entry of a stream that was heard, or number that was announced; ``0`` before the first."""
        rows = self._rows("SELECT position FROM progress WHERE of = ?", of)
        return rows[0][0] if rows else "0"

    def note_progress(self, of: str, position: str) -> None:
        """Note a reader's position."""
        with self._changing():
            self._database.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (of, position))

    def loan(self, loan_account_id: str) -> Loan:
        """The loan with all its postings, as of one moment. Raises UnknownAccountError."""
        loan = self._loan(loan_account_id)
        if loan is None or loan.terms is None:
            raise UnknownAccountError(f"No account {loan_account_id}")
        return loan

    def loans(self) -> list[str]:
        """The ids of all accounts that were opened."""
        rows = self._rows("SELECT loan_account_id FROM loans WHERE json_extract(body, '$.terms') NOT NULL")
        return [row[0] for row in rows]

    def postings_after(self, number: int, loan_account_id: str | None = None) -> list[Posting]:
        """The next postings later than a number, of one loan or of all; not too many at once."""
        rows = self._rows(
            "SELECT body FROM postings WHERE number > ? AND loan_account_id = coalesce(?, loan_account_id)"
            " ORDER BY number LIMIT ?",
            *(number, loan_account_id, _BATCH),
        )
        return [_POSTING.validate_json(row[0]) for row in rows]

    @property
    def version(self) -> int:
        """Grows with each change that this process makes."""
        with self._changed:
            return self._version

    def wait_beyond(self, version: int, give_up: Callable[[], bool]) -> None:
        """Return after a change later than ``version``, or when ``give_up`` holds at a :meth:`wake`."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > version or give_up())

    def wake(self) -> None:
        """Have all who wait check whether to give up."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Close the file."""
        with self._changed:
            self._database.close()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One transaction: committed at the end, or nothing of it. Then those who wait are woken."""
        with self._changed:
            if self._database.in_transaction:  # A part of another change.
                yield
                return
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
            self._version += 1
            self._changed.notify_all()

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._changed:
            return self._database.execute(query, values).fetchall()

    def _loan(self, loan_account_id: str) -> Loan | None:
        with self._changed:
            rows = self._rows("SELECT body FROM loans WHERE loan_account_id = ?", loan_account_id)
            if not rows:
                return None
            loan = _LOAN.validate_json(rows[0][0])
            postings = "SELECT body FROM postings WHERE loan_account_id = ? ORDER BY number"
            loan.postings = [_POSTING.validate_json(row[0]) for row in self._rows(postings, loan_account_id)]
            loan.next_number = self._last_number() + 1
            return loan

    def _last_number(self) -> int:
        return int(self._rows("SELECT coalesce(max(number), 0) FROM postings")[0][0])

    def _save(self, loan: Loan, now: datetime) -> None:
        loan.updated_at = now
        body = _LOAN.dump_json(loan, exclude={"postings"}).decode()
        self._database.execute("INSERT OR REPLACE INTO loans VALUES (?, ?)", (loan.loan_account_id, body))
        last = self._last_number()
        for each in (each for each in loan.postings if each.number > last):
            row = (each.number, each.loan_account_id, _POSTING.dump_json(each).decode())
            self._database.execute("INSERT INTO postings VALUES (?, ?, ?)", row)

    def _posted_before(self, key: str, operation: Operation, now: datetime) -> Posting | None:
        """What the key's first request posted; None for a new key."""
        forgotten = (now - self._keep_keys).isoformat()
        self._database.execute("DELETE FROM keys WHERE kept_from <= ?", (forgotten,))
        rows = self._rows(
            "SELECT content, body FROM keys JOIN postings ON number = posting WHERE idempotency_key = ?", key
        )
        if not rows:
            return None
        content, posting = rows[0]
        if content != repr(operation):
            raise KeyReusedError("The idempotency key was used for another request: nothing was posted")
        return _POSTING.validate_json(posting)

    def _keep(self, key: str, operation: Operation, posted: Posting, now: datetime) -> None:
        """Have the key stand for this request and its posting.

        ApplyFee and the specific call for the same fee are one operation: a caller that falls back from one
        to the other after an unknown outcome must not charge twice.
        """
        row = (key, repr(operation), posted.number, now.isoformat())
        self._database.execute("INSERT INTO keys VALUES (?, ?, ?, ?)", row)
