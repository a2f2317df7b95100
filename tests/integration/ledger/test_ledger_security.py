"""TLS to the ledger, and the token that goes with each call."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import pytest
from pydantic import SecretStr

from app.ledger.client.channel import Security
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import LedgerSettingsError, LedgerUnreachableError
from app.ledger.client.health import health
from app.ledger.wire import accounting_ledger_pb2 as wire
from app.runtime.settings.settings import Settings
from tests.support.servers.certificates import Authority
from tests.support.servers.scripted_ledger import (
    ScriptedLedger,
    balance,
    posted,
    scripted_ledger,
    transaction,
)

WRITE_OFF = wire.WriteOffRequest(
    loan_account_id="L1", reason="r", approved_by="eve", idempotency_key="key-0001"
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def ca_file(authority: Authority) -> Path:
    return authority.file


@pytest.fixture
def ledger(authority: Authority) -> Iterator[ScriptedLedger]:
    """One that speaks TLS only."""
    pem = authority.issue("servers").read_bytes()
    credentials = grpc.ssl_server_credentials([(pem, pem)])
    script = {
        "GetBalance": balance("450.00"),
        "WriteOff": posted(),
        "WatchTransactions": lambda _: iter([transaction(1)]),
    }
    with scripted_ledger(script, credentials=credentials) as ledger:
        yield ledger


def balance_of(settings: Settings) -> Decimal:
    async def asked() -> Decimal:
        async with LedgerClient(settings) as client:
            return (await client.get_balance("L1")).total_outstanding

    return asyncio.run(asked())


def secured(ledger: ScriptedLedger, **more: Any) -> Settings:
    return Settings(ledger_target=ledger.target, ledger_tls=True, **more)


def test_a_certificate_of_our_authority_is_accepted(ledger: ScriptedLedger, ca_file: Path) -> None:
    settings = secured(ledger, ledger_ca_file=ca_file)

    assert balance_of(settings) == 450
    assert health(settings) == "SERVING"


def test_a_certificate_of_an_unknown_authority_is_refused(ledger: ScriptedLedger) -> None:
    with pytest.raises(LedgerUnreachableError):
        balance_of(secured(ledger))

    assert ledger.calls("GetBalance") == []


def test_the_token_goes_with_reads_writes_and_watches(ledger: ScriptedLedger, ca_file: Path) -> None:
    settings = secured(ledger, ledger_ca_file=ca_file, ledger_token=SecretStr("a-token"))

    async def asked() -> None:
        async with LedgerClient(settings) as client:
            await client.get_balance("L1")
            await client.post(WRITE_OFF)
            async with aclosing(client.watch_transactions("L1")) as events:  # type: ignore[type-var]
                await anext(events)

    asyncio.run(asked())
    for method in ("GetBalance", "WriteOff", "WatchTransactions"):
        assert ledger.calls(method)[0].metadata["authorization"] == "Bearer a-token"


def test_the_token_goes_in_plain_text_to_this_machine_only() -> None:
    with scripted_ledger({"GetBalance": balance("1.00")}) as ledger:
        balance_of(Settings(ledger_target=ledger.target, ledger_token=SecretStr("a-token")))
    assert ledger.calls("GetBalance")[0].metadata["authorization"] == "Bearer a-token"

    elsewhere = Settings(ledger_target="ledger.internal:50051", ledger_token=SecretStr("a-token"))
    with pytest.raises(LedgerSettingsError, match="BILLIE_LEDGER_TLS") as raised:
        Security.of(elsewhere)
    assert "a-token" not in str(raised.value)


@pytest.mark.parametrize(
    ("tls", "because"), [(True, "No such file"), (False, "BILLIE_LEDGER_TLS")], ids=["missing", "unused"]
)
def test_invalid_authorities_stop_the_start(tls: bool, because: str, ca_file: Path) -> None:
    settings = Settings(ledger_tls=tls, ledger_ca_file=ca_file.with_name("nowhere.pem"))
    with pytest.raises(LedgerSettingsError, match=because):
        Security.of(settings)
