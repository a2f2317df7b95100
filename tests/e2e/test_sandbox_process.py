"""``billie ledger-sandbox`` as a process: killed between posting and publishing, it loses nothing."""

import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from redis import Redis

from app.ingestion.stream.publish import publish
from app.ledger.wire import accounting_ledger_pb2 as wire
from app.runtime.servers.embedded import free_port
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie, Process
from tests.support.servers.sandbox import calling, serves
from tests.support.stream_accounts import accounts
from tests.support.waiting import LONG_S, until

OPENED = {"account_id": "L1", "customer_id": "C1", "loan_amount": "500.00", "loan_fee": "100.00"}
PAID_OUT = {"account_id": "L1", "current_balance": "600.00"}
REPAYMENT = wire.RecordRepaymentRequest(loan_account_id="L1", amount="50.00", idempotency_key="key-1")


class Sandbox:
    """The command, on a port and books that outlive it."""

    def __init__(self, billie: Billie, folder: Path) -> None:
        self._billie, self._books = billie, folder / "ledger.db"
        self.target = f"127.0.0.1:{free_port()}"

    @contextmanager
    def running(self, *options: str) -> Iterator[Process]:
        process = self._billie.start(
            "ledger-sandbox", "--data", str(self._books), *options, BILLIE_LEDGER_TARGET=self.target
        )
        try:
            until(lambda: serves(self.target))
            yield process
        finally:
            process.kill()
            process.communicate()

    def unpublished(self) -> int:
        with closing(sqlite3.connect(self._books)) as seen:
            waiting = seen.execute(
                "SELECT count(*) FROM postings WHERE number >"
                " coalesce((SELECT CAST(position AS INTEGER) FROM progress WHERE of = 'announced'), 0)"
                " AND json_extract(body, '$.created_by') <> 'upstream'"
            ).fetchone()
        return int(waiting[0])

    def owed(self) -> str | None:
        """None while the account is not known."""
        with calling(self.target) as ledger:
            try:
                answer = ledger.GetBalance(wire.GetBalanceRequest(loan_account_id="L1"), timeout=LONG_S)
            except grpc.RpcError:
                return None
        return str(answer.total_outstanding)


@pytest.fixture
def sandbox(billie: Billie, redis_client: Redis, settings: Settings, tmp_path: Path) -> Sandbox:
    life = (("account.created.v1", OPENED), ("account.updated.v1", PAID_OUT))
    entries = ({"typ": kind, "event_id": kind, "dat": json.dumps(each)} for kind, each in life)
    publish(redis_client, settings.inbox_stream, entries)
    return Sandbox(billie, tmp_path)


@contextmanager
def no_writes(client: Redis) -> Iterator[None]:
    """Redis holds back what would write, and answers reads."""
    client.execute_command("CLIENT", "PAUSE", "120000", "WRITE")
    try:
        yield
    finally:
        client.execute_command("CLIENT", "UNPAUSE")


def published(client: Redis, settings: Settings) -> list[str]:
    entries: Any = client.xrange(settings.inbox_stream)
    return [fields[b"event_id"].decode() for _entry_id, fields in entries if b"event_type" in fields]


def test_kill_9_between_posting_and_publishing(
    sandbox: Sandbox, billie: Billie, redis_client: Redis, settings: Settings
) -> None:
    with sandbox.running() as process:
        until(lambda: sandbox.owed() == "600.00")
        with no_writes(redis_client):
            with calling(sandbox.target) as ledger:
                first = ledger.RecordRepayment(REPAYMENT, timeout=LONG_S)
            assert (sandbox.unpublished(), published(redis_client, settings)) == (1, [])
            process.kill()
            process.wait()
    with sandbox.running():
        until(lambda: sandbox.unpublished() == 0)
        with calling(sandbox.target) as ledger:
            again = ledger.RecordRepayment(REPAYMENT, timeout=LONG_S)
        assert (again.idempotent_replay, again.transaction) == (True, first.transaction)
        assert sandbox.owed() == "550.00"
    assert set(published(redis_client, settings)) == {first.event_id}
    billie.run("ingest", "--drain")
    counted = accounts(redis_client, settings)
    assert (counted.landed - counted.repeats, counted.dead) == (3, 0), (
        "two of upstream's, and the ledger's own"
    )


def test_the_process_announces_a_sandbox_and_stops_on_sigterm(
    sandbox: Sandbox, billie: Billie, redis_client: Redis, settings: Settings
) -> None:
    with sandbox.running("--fault", "RecordRepayment:drop-after-commit", "--without", "ApplyFee") as process:
        until(lambda: sandbox.owed() == "600.00")
        with calling(sandbox.target) as ledger:
            with pytest.raises(grpc.RpcError, match="Socket closed"):
                ledger.RecordRepayment(REPAYMENT, timeout=LONG_S)
            with pytest.raises(grpc.RpcError, match="UNIMPLEMENTED"):
                ledger.ApplyFee(wire.ApplyFeeRequest(loan_account_id="L1", fee_amount="1"), timeout=LONG_S)
        assert sandbox.owed() == "550.00"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=LONG_S)
        assert process.returncode == 0, errors
        assert "SANDBOX LEDGER, NO REAL MONEY MOVES" in errors
        assert "RecordRepayment:drop-after-commit" in errors
    assert (sandbox.unpublished(), len(published(redis_client, settings))) == (0, 1)
