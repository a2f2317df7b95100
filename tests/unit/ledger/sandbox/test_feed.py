"""What the sandbox ledger makes of the inbox stream, and how its own announcements change nothing there."""

import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.demo.ledger_feed import read_facts
from app.ingestion.messages.parsers import Parsers, TypeParser
from app.ledger.sandbox.books import Books
from app.ledger.sandbox.loans import Kind
from app.ledger.sandbox.operations import Adjustment, Fee, Operation, Repayment, Waiver, WriteOff
from app.ledger.sandbox.outbox import announcements
from app.sdk import Accepted, validate

Heard = tuple[int, str, dict[str, Any]]
OPENED = {"account_id": "L1", "customer_id": "C1", "loan_amount": "500.00", "loan_fee": "100.00"}
PLAN = {
    "account_id": "L1",
    "schedule_id": "S1",
    "payments": [
        {"payment_number": number, "due_date": f"2026-04-{number:02}", "amount": "200.00"}
        for number in (1, 2, 3)
    ],
}


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path / "ledger.db")
    yield books
    books.close()


def balance(owed: str, at: str | None = None, **more: str) -> dict[str, Any]:
    payload = {"account_id": "L1", "current_balance": owed, **more}
    return payload if at is None else payload | {"timestamp": f"{at}T10:00:00Z"}


def tell(books: Books, *messages: Heard) -> None:
    for number, kind, payload in messages:
        fields = {"typ": kind, "event_id": str(number), "dat": json.dumps(payload)}
        hear(books, number, fields)


def hear(books: Books, number: int, fields: dict[str, str]) -> None:
    entry = {name.encode(): value.encode() for name, value in fields.items()}
    heard = read_facts("inbox", f"{1_776_000_000_000 + number}-0".encode(), entry, 10_000)
    books.hear([] if heard is None else [heard])


def kinds(books: Books) -> list[str]:
    return [str(each.kind) for each in books.loan("L1").postings]


def owed(books: Books) -> str:
    return str(books.loan("L1").owed)


LIFE: list[Heard] = [
    (1, "account.created.v1", OPENED),
    (2, "account.schedule.created.v1", PLAN),
    (3, "account.updated.v1", balance("600.00", "2026-03-01", triggered_by_transaction_type="DISBURSEMENT")),
    (4, "account.updated.v1", balance("400.00", "2026-03-15", triggered_by_transaction_type="REPAYMENT")),
    (5, "account.updated.v1", balance("250.00", "2026-03-29")),
]


def test_a_message_of_an_adapter_is_read_with_its_parser() -> None:
    parsers = Parsers(
        [TypeParser("account.", "private-sdk 1.0", lambda _kind, payload: {**OPENED, **payload})]
    )
    entry = {b"typ": b"account.created.v1", b"dat": b'{"loan_fee": "50.00"}'}
    assert read_facts("inbox", b"1772000000000-0", entry, 10_000) is None
    assert read_facts("inbox", b"1772000000000-0", entry, 10_000, parsers) is not None


@pytest.mark.parametrize("order", list(permutations(range(5))))
def test_a_loan_comes_out_the_same_in_every_order_of_its_messages(books: Books, order: list[int]) -> None:
    for _ in range(2):
        tell(books, *(LIFE[place] for place in order))
    assert owed(books) == "250.00"
    assert kinds(books)[:2] == ["DISBURSEMENT", "ESTABLISHMENT_FEE"]
    assert [str(each.paid) for each in books.loan("L1").instalments] == ["200.00", "150.00", "0.00"]
    assert books.loan("L1").schedule_id == "S1"


def test_a_transaction_takes_effect_at_its_upstream_time(books: Books) -> None:
    tell(books, *LIFE)
    days = [each.effective_date for each in books.loan("L1").postings]
    assert days == ["2026-03-01", "2026-03-01", "2026-03-15", "2026-03-29"]


@pytest.mark.parametrize(
    ("cause", "now", "posted"),
    [
        ("LATE_FEE", "415.00", "LATE_FEE"),
        ("DISHONOUR_FEE", "410.00", "DISHONOUR_FEE"),
        ("ADJUSTMENT", "420.00", "ADJUSTMENT"),
        ("ADJUSTMENT", "380.00", "ADJUSTMENT"),
        ("WRITE_OFF", "0.00", "WRITE_OFF"),
        ("REPAYMENT", "300.00", "REPAYMENT"),
        ("REPAYMENT", "500.00", None),
    ],
)
def test_a_difference_from_the_books_is_posted_by_its_cause(
    books: Books, cause: str, now: str, posted: str | None
) -> None:
    tell(books, *LIFE[:4])
    payload = balance(now, "2026-04-01", triggered_by_transaction_type=cause)
    tell(books, (9, "account.updated.v1", payload))
    assert kinds(books)[3:] == ([] if posted is None else [posted])
    assert owed(books) == (now if posted else "400.00")


@pytest.mark.parametrize(
    ("reason", "posted"),
    [("PAID_OFF", "REPAYMENT"), ("WRITTEN_OFF", "WRITE_OFF"), ("ADMIN_CLOSED", "ADJUSTMENT")],
)
def test_a_loan_closed_elsewhere_is_closed_at_zero(books: Books, reason: str, posted: str) -> None:
    closure = {"account_id": "L1", "closure_reason": reason, "final_balance": "400.00"}
    tell(books, *LIFE[:4], (9, "account.closed.v1", closure), LIFE[4])
    assert (owed(books), kinds(books)[3:]) == ("0.00", [posted])
    assert books.loan("L1").closed_as == reason


def test_a_loan_without_a_balance_is_not_disbursed(books: Books) -> None:
    opened = OPENED | {"current_balance": "0.00"}
    tell(books, (1, "account.created.v1", opened), (2, "account.updated.v1", balance("0.00")))
    assert not books.loan("L1").paid_out
    tell(books, (3, "account.updated.v1", balance("600.00")))
    assert owed(books) == "600.00"


OPERATIONS: list[Operation] = [
    Repayment("L1", Decimal("120.00")),
    Fee("L1", Decimal("15.00"), Kind.LATE_FEE),
    Waiver("L1", Decimal("5.00"), "goodwill", "ann"),
    Adjustment("L1", Decimal("-10.00"), Decimal("0.00"), "rounding", "ann"),
    Repayment("L1", Decimal("50.00"), target_payment_number=3),
    WriteOff("L1", "hardship", "ann"),
]


def outbox(books: Books) -> list[dict[str, str]]:
    postings = books.postings_after(0)
    return [entry for each in postings for entry in announcements(books.loan(each.loan_account_id), each)]


@pytest.mark.parametrize("seed", range(5))
def test_its_own_announcements_and_old_news_never_move_its_books(books: Books, seed: int) -> None:
    tell(books, *LIFE[:4])
    chance = Random(seed)
    for operation in OPERATIONS:
        books.execute(operation, None)
        before = kinds(books)
        echoes = [(100 + place, entry) for place, entry in enumerate(outbox(books))]
        chance.shuffle(echoes)
        for number, entry in echoes:
            hear(books, number, entry)
        for number, kind, payload in LIFE[3:]:
            tell(books, (200 + number, kind, payload))  # Published again, as another message.
        assert kinds(books) == before


def test_lost_books_are_rebuilt_from_their_announcements(books: Books, tmp_path: Path) -> None:
    tell(books, *LIFE[:4])
    for operation in OPERATIONS[:3]:
        books.execute(operation, None)
    again = Books(tmp_path / "other.db")
    tell(again, *LIFE[:4])
    for number, entry in enumerate(outbox(books)):
        hear(again, 100 + number, entry)
    assert (kinds(again), owed(again)) == (kinds(books), owed(books))
    again.close()


def test_the_feed_publishes_messages_of_the_contract(books: Books) -> None:
    tell(books, *LIFE[:4])
    for operation in OPERATIONS:
        books.execute(operation, None)
    entries = outbox(books)
    assert all(isinstance(validate(entry), Accepted) for entry in entries)
    assert len({entry["event_id"] for entry in entries}) == len(entries)
    assert [entry["event_type"] for entry in entries] == [
        "account.updated.v1",
        "account.schedule.updated.v1",
        "account.updated.v1",
        "account.updated.v1",
        "account.updated.v1",
        "account.updated.v1",
        "account.schedule.updated.v1",
        "account.updated.v1",
        "account.closed.v1",
    ]
    paid, news, closed = (json.loads(entries[place]["payload"]) for place in (0, 1, -1))
    assert paid.pop("timestamp") == news.pop("timestamp")
    day = books.loan("L1").postings[3].effective_date
    assert paid == {
        "account_id": "L1",
        "current_balance": "280.00",
        "triggered_by_transaction_type": "REPAYMENT",
        "triggered_by_transaction_id": "SBX-00000004",
        "last_payment_date": day,
        "last_payment_amount": "120.00",
    }
    assert news["schedule_id"] == "S1"
    assert news["payments"][0] | {"last_updated": ""} == {
        "payment_number": 2,
        "status": "PARTIAL",
        "paid_date": day,
        "amount_paid": "120.00",
        "amount_remaining": "80.00",
        "linked_transaction_ids": ["SBX-00000004"],
        "last_updated": "",
    }
    assert (closed["closure_reason"], closed["final_balance"], closed["total_paid"]) == (
        "WRITTEN_OFF",
        "0.00",
        "370.00",
    )
    assert closed["loan_total_payable"] == "600.00"
