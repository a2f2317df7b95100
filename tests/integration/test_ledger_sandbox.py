"""The sandbox ledger over real gRPC, fed as the stream feeds it."""

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import pytest

from app.demo.ledger_feed import hear
from app.ledger.client import LedgerClient
from app.ledger.errors import LedgerError
from app.ledger.sandbox.books import Books
from app.ledger.sandbox.service import serve
from app.runtime.embedded import free_port


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path / "ledger.db")
    yield books
    books.close()


@pytest.fixture
def target(books: Books) -> Iterator[str]:
    target = f"127.0.0.1:{free_port()}"
    server: grpc.Server = serve(books, target)
    yield target
    server.stop(None).wait()


def tell(books: Books, number: int, kind: str, payload: dict[str, Any]) -> None:
    fields = {b"typ": kind.encode(), b"event_id": str(number).encode(), b"dat": json.dumps(payload).encode()}
    hear(books, "inbox", f"{1_772_000_000_000 + number}-0".encode(), fields, 10_000)


def test_it_opens_pays_out_and_takes_repayments_once(books: Books, target: str) -> None:
    opened = {"account_id": "L1", "customer_id": "C1", "loan_amount": "500.00", "loan_fee": "100.00"}
    for _ in range(2):
        tell(books, 1, "account.created.v1", opened)
        tell(books, 2, "account.updated.v1", {"account_id": "L1", "current_balance": "600.00"})
        tell(books, 3, "account.updated.v1", {"account_id": "L1", "current_balance": "450.00"})

    async def ask() -> tuple[Any, Any]:
        client = LedgerClient(target)
        try:
            return await client.get_balance("L1"), await client.get_transactions("L1")
        finally:
            await client.close()

    balance, listed = asyncio.run(ask())
    assert balance.total == Decimal("450.00")
    assert balance.fees == Decimal("0.00")
    assert [item.kind for item in listed.transactions] == ["REPAYMENT", "ESTABLISHMENT_FEE", "DISBURSEMENT"]


def test_unknown_account_is_said_to_be_unknown(target: str) -> None:
    async def ask() -> None:
        client = LedgerClient(target)
        try:
            await client.get_balance("nobody")
        finally:
            await client.close()

    with pytest.raises(LedgerError, match="nobody"):
        asyncio.run(ask())
