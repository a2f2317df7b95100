"""Announcements of the sandbox ledger on a real stream: in order, at least once, absorbed once."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pymongo.database import Database
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from app.demo.ledger_feed import listen
from app.ingestion.stream.publish import publish
from app.ledger.sandbox.books import Books
from app.ledger.sandbox.operations import Repayment
from app.ledger.sandbox.outbox import Publisher
from app.projections.migrations import migrate
from app.runtime.settings.settings import Settings
from tests.support.roles import ingest, project
from tests.support.servers.sandbox import open_loan
from tests.support.stream_accounts import accounts
from tests.support.waiting import LONG_S, until


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path / "ledger.db")
    yield books
    books.close()


def repay(books: Books, amount: str, account: str = "L1") -> str:
    return books.execute(Repayment(account, Decimal(amount)), None).posting.event_id


def event_ids(client: Redis, settings: Settings, kind: str = "account.updated.v1") -> list[str]:
    entries: Any = client.xrange(settings.inbox_stream)
    return [
        fields[b"event_id"].decode()
        for _entry_id, fields in entries
        if fields[b"event_type"] == kind.encode()
    ]


@contextmanager
def beside(role: Callable[[Event], None], stop: Event, books: Books) -> Iterator[None]:
    """A role in a thread of its own, until it ends in any way."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(role, stop)
        try:
            yield
        finally:
            stop.set()
            books.wake()
        running.result(LONG_S)


class Crashing:
    """A client whose process dies when the stream has the entries, before anybody learns it."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def pipeline(self, *, transaction: bool) -> Any:
        pipeline = self._client.pipeline(transaction=transaction)
        execute = pipeline.execute

        def dying() -> None:
            execute()
            raise RedisConnectionError

        pipeline.execute = dying
        return pipeline


def test_the_outbox_publishes_once_in_posting_order(
    books: Books, redis_client: Redis, settings: Settings
) -> None:
    open_loan(books)
    posted = [repay(books, "10.00") for _ in range(3)]
    publisher = Publisher(books, redis_client, settings.inbox_stream)
    assert publisher.publish() == 6, "balances and instalments"
    assert publisher.publish() == 0
    assert event_ids(redis_client, settings) == posted


def test_a_crash_between_publishing_and_marking_repeats_the_same_identity(
    books: Books, redis_client: Redis, settings: Settings
) -> None:
    open_loan(books)
    posted = repay(books, "10.00")
    crashing: Any = Crashing(redis_client)
    with pytest.raises(RedisConnectionError):
        Publisher(books, crashing, settings.inbox_stream).publish()
    Publisher(books, redis_client, settings.inbox_stream).publish()
    assert event_ids(redis_client, settings) == [posted, posted]
    ingest(settings, drain=True, stop=Event())
    counted = accounts(redis_client, settings)
    assert (counted.landed, counted.repeats, counted.dead) == (4, 2, 0)


def test_the_outbox_publishes_until_it_is_stopped(
    books: Books, redis_client: Redis, settings: Settings
) -> None:
    open_loan(books)
    stop = Event()
    publisher = Publisher(books, redis_client, settings.inbox_stream)
    with beside(publisher.run, stop, books):
        for count in (1, 2):
            repay(books, "10.00")
            until(lambda count=count: len(event_ids(redis_client, settings)) == count)


def test_a_repayment_comes_back_as_a_projected_balance(
    books: Books, redis_client: Redis, settings: Settings, mongo_db: Database[dict[str, Any]]
) -> None:
    opened = {
        "account_id": "L1",
        "customer_id": "C1",
        "loan_amount": "500.00",
        "loan_fee": "100.00",
        "status": "PENDING_DISBURSEMENT",
    }
    plan = {
        "account_id": "L1",
        "schedule_id": "S1",
        "payments": [
            {"payment_number": n, "due_date": f"2026-04-0{n}", "amount": "200.00"} for n in (1, 2, 3)
        ],
    }
    life = (
        ("account.created.v1", opened),
        ("account.schedule.created.v1", plan),
        ("account.updated.v1", {"account_id": "L1", "current_balance": "600.00"}),
    )
    entries = ({"typ": kind, "event_id": kind, "dat": json.dumps(each)} for kind, each in life)
    publish(redis_client, settings.inbox_stream, entries)
    list(migrate(mongo_db))
    stop = Event()
    listening = partial(listen, redis_client, settings.inbox_stream, settings.max_message_bytes, books)
    with beside(listening, stop, books):
        until(lambda: books.progress(settings.inbox_stream) != "0")
        for amount, status, balance in (("250.00", "active", "350.00"), ("400.00", "paid_off", "0.00")):
            repay(books, amount)
            Publisher(books, redis_client, settings.inbox_stream).publish()
            ingest(settings, drain=True, stop=Event())
            project(settings, drain=True, stop=Event())
            document: Any = mongo_db["loan-accounts"].find_one({"_id": "L1"})
            assert (document["accountStatus"], str(document["balances"]["currentBalance"])) == (
                status,
                balance,
            )
    assert len(books.loan("L1").postings) == 4, "its own announcements are no repayments"
