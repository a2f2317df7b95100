"""Repayment schedules as the books keep them: one for each account, the newest that was heard of."""

import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from app.ledger.sandbox.allocation import Allocation, Instalment, Split, plan
from app.ledger.sandbox.amounts import NOTHING, text
from app.ledger.sandbox.journal import Kind, postings


def schedule_of(database: sqlite3.Connection, loan_account_id: str) -> tuple[str | None, list[Instalment]]:
    """The schedule's id and its instalments by number; None and none where no schedule is known."""
    known = database.execute(
        "SELECT schedule_id FROM schedules WHERE loan_account_id = ?", (loan_account_id,)
    ).fetchone()
    rows = database.execute(
        "SELECT * FROM instalments WHERE loan_account_id = ? ORDER BY payment_number", (loan_account_id,)
    )
    instalments = [
        Instalment(
            row["payment_number"],
            row["due_date"],
            Decimal(row["scheduled"]),
            Decimal(row["paid"]),
            tuple(json.loads(row["transactions"])),
        )
        for row in rows
    ]
    return (None if known is None else str(known[0])), instalments


def keep_schedule(
    database: sqlite3.Connection,
    loan_account_id: str,
    schedule_id: str,
    told_at: datetime,
    instalments: Iterable[Instalment],
) -> None:
    """Take over a schedule that was made at ``told_at``; an older one, or the same again, changes nothing.

    The first schedule of an account also takes what was repaid before it was heard of. A later one is
    a new agreement on what is still owed: it starts unpaid.
    """
    known = database.execute(
        "SELECT schedule_id, told_at FROM schedules WHERE loan_account_id = ?", (loan_account_id,)
    ).fetchone()
    if known is not None and (known[0] == schedule_id or datetime.fromisoformat(known[1]) > told_at):
        return
    database.execute("DELETE FROM instalments WHERE loan_account_id = ?", (loan_account_id,))
    database.executemany(
        "INSERT OR IGNORE INTO instalments VALUES (?, ?, ?, ?, ?, '[]')",
        [
            (loan_account_id, each.payment_number, each.due_date, text(each.scheduled), text(NOTHING))
            for each in instalments
        ],
    )
    database.execute(
        "INSERT OR REPLACE INTO schedules VALUES (?, ?, ?)",
        (loan_account_id, schedule_id, told_at.isoformat()),
    )
    if known is None:
        for paid in postings(database, loan_account_id):
            if paid.kind is Kind.REPAYMENT:
                money = Split(-paid.fee_delta, -paid.principal_delta, NOTHING)
                owed = paid.total_after - paid.total_delta
                open_ones = schedule_of(database, loan_account_id)[1]
                applied = plan(money, owed, schedule_id, open_ones).allocations
                pay_instalments(database, loan_account_id, paid.transaction_id, applied)


def pay_instalments(
    database: sqlite3.Connection, loan_account_id: str, transaction_id: str, allocations: Iterable[Allocation]
) -> None:
    """Note what a repayment paid."""
    for each in allocations:
        database.execute(
            "UPDATE instalments SET paid = ?, transactions = json_insert(transactions, '$[#]', ?)"
            " WHERE loan_account_id = ? AND payment_number = ?",
            (text(each.scheduled - each.remaining), transaction_id, loan_account_id, each.payment_number),
        )
