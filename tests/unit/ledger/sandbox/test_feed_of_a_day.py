"""A whole day's stream, and a wild one, taken over by the books: they always balance."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.demo.ledger_feed import read_facts
from app.ledger.sandbox.books import Books
from tests.support.wild import CHOICES, entry, extremes
from tools.lender_day import sample

Fields = dict[bytes, bytes]


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path / "ledger.db")
    yield books
    books.close()


def hear(books: Books, entries: list[Fields]) -> None:
    read = (
        read_facts("inbox", f"{1_772_000_000_000 + number}-0".encode(), fields, 256 * 1024)
        for number, fields in enumerate(entries)
    )
    books.hear([each for each in read if each is not None])


def assert_right(books: Books) -> None:
    loans = [books.loan(account) for account in books.loans()]
    for loan in loans:
        assert loan.principal == sum(each.principal_delta for each in loan.postings)
        assert loan.fees == sum(each.fee_delta for each in loan.postings)
    assert all(loan.principal >= 0 and loan.fees >= 0 for loan in loans)


def test_a_day_of_the_demos_lender(books: Books) -> None:
    day = [{name.encode(): value.encode() for name, value in fields.items()} for fields in sample()]
    hear(books, day)
    assert_right(books)
    found = {account: books.loan(account) for account in books.loans()}
    assert len(found) > 30
    assert {each.closed_as for each in found.values()} == {
        None,
        "PAID_OFF",
        "WRITTEN_OFF",
        "ADMIN_CLOSED",
    }
    postings: dict[str, Any] = {account: each.postings for account, each in found.items()}
    hear(books, day)
    assert {account: books.loan(account).postings for account in found} == postings


def test_a_wild_stream(books: Books) -> None:
    chance = Random(20_260_306)
    wild = [*extremes(), *(entry(chance.randbytes(CHOICES)) for _ in range(3_000))]
    chance.shuffle(wild)
    hear(books, [dict(each) for each in wild])
    assert books.loans()
    assert_right(books)
