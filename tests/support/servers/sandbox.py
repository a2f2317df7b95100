"""Sandbox ledgers for tests: a loan in their books, and a server on a free port."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import grpc

from app.ledger.sandbox.books import Books
from app.ledger.sandbox.faults import Faults
from app.ledger.sandbox.feed import Heard, Schedule
from app.ledger.sandbox.loans import Balance, Instalment, Opened
from app.ledger.sandbox.service import serve
from app.ledger.wire.accounting_ledger_pb2_grpc import AccountingLedgerServiceStub
from app.runtime.servers.embedded import free_port

PAID_OUT_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def open_loan(
    books: Books, account: str = "L1", principal: str = "500.00", fee: str = "100.00", instalments: int = 6
) -> None:
    """A loan that was paid out on 2026-03-02; its schedule ``S-<account>`` has equal instalments."""
    total = Decimal(principal) + Decimal(fee)
    each = (total / instalments).quantize(Decimal("0.01")) if instalments else total
    plan = tuple(
        Instalment(
            number,
            f"2026-{number + 3:02}-02",
            each if number < instalments else total - each * (instalments - 1),
            Decimal("0.00"),
        )
        for number in range(1, instalments + 1)
    )
    facts: list[Any] = [Opened(account, Decimal(principal), Decimal(fee), f"C-{account}", f"BL-{account}")]
    if plan:
        facts.append(Schedule(account, f"S-{account}", plan))
    facts.append(Balance(account, total, "DISBURSEMENT"))
    books.hear([Heard(f"id:open-{account}", PAID_OUT_AT, facts)])


@contextmanager
def serving(books: Books, faults: Faults | None = None, without: Sequence[str] = ()) -> Iterator[str]:
    """Serve the books; yields ``host:port``."""
    target = f"127.0.0.1:{free_port()}"
    server = serve(books, target, faults=faults, without=without)
    try:
        yield target
    finally:
        server.stop(grace=None).wait()


@contextmanager
def calling(target: str) -> Iterator[Any]:
    """A plain client of the contract, with nothing of ours between it and the wire."""
    with grpc.insecure_channel(target) as channel:
        yield cast(Any, AccountingLedgerServiceStub)(channel)


def serves(target: str) -> bool:
    """Whether one listens there already."""
    with grpc.insecure_channel(target) as channel:
        try:
            grpc.channel_ready_future(channel).result(1)
        except grpc.FutureTimeoutError:
            return False
    return True
