"""Statements: dates are included, and late postings stand where they belong."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from app.ledger.sandbox.books import Books
from app.ledger.sandbox.loans import Kind
from app.ledger.sandbox.messages import statement
from app.ledger.sandbox.operations import Fee, Repayment, Waiver
from app.ledger.wire import accounting_ledger_pb2 as wire
from tests.support.servers.sandbox import open_loan


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    now = [datetime.fromisoformat("2026-03-02T09:00:00+00:00")]
    books = Books(tmp_path / "ledger.db", clock=lambda: now[0])
    open_loan(books)
    for day, operation in (
        ("2026-03-10", Repayment("L1", Decimal("120.00"))),
        ("2026-03-20", Fee("L1", Decimal("15.00"), Kind.LATE_FEE)),
        ("2026-03-31", Waiver("L1", Decimal("5.00"), "goodwill", "ann")),
    ):
        now[0] = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        books.execute(operation, None)
    yield books
    books.close()


def statement_of(books: Books, first: str, last: str) -> wire.StatementResponse:
    return statement(books.loan("L1"), wire.GetStatementRequest(period_start=first, period_end=last))


def test_both_days_are_included(books: Books) -> None:
    found = statement_of(books, "2026-03-10", "2026-03-31")
    assert (found.opening_balance, found.closing_balance) == ("600.00", "490.00")
    assert [(line.charge, line.payment, line.balance) for line in found.lines] == [
        ("", "120.00", "480.00"),
        ("15.00", "", "495.00"),
        ("", "5.00", "490.00"),
    ]
    assert (found.fees_charged, found.payments_received) == ("15.00", "120.00")


def test_the_next_statement_opens_with_the_closing_balance(books: Books) -> None:
    days = ["2026-03-01", "2026-03-09", "2026-03-10", "2026-03-19", "2026-03-31"]
    closings = [statement_of(books, "2026-01-01", day).closing_balance for day in days]
    openings = [
        statement_of(books, f"{day[:8]}{int(day[8:]) + 1:02}", "9999-12-31").opening_balance
        for day in days[:-1]
    ]
    assert closings[:-1] == openings
    assert closings == ["0.00", "600.00", "480.00", "480.00", "490.00"]


def test_a_period_without_transactions_has_no_lines(books: Books) -> None:
    found = statement_of(books, "2026-03-11", "2026-03-19")
    assert (found.opening_balance, found.closing_balance, len(found.lines)) == ("480.00", "480.00", 0)
