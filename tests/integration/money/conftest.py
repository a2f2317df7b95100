"""The API beside a ledger that does as a test says."""

from collections.abc import Iterator

import httpx
import pytest

from app.runtime.settings.settings import Settings
from tests.support.api.money import client_of, open_account
from tests.support.api.serving import serving
from tests.support.servers.scripted_ledger import ScriptedLedger, posts, scripted_ledger


@pytest.fixture
def settings(settings: Settings) -> Settings:
    open_account(settings, "L1")
    return settings.model_copy(
        update={"ledger_write_seconds": 0.5, "settle_after_seconds": 1.0, "ledger_read_seconds": 0.5}
    )


@pytest.fixture
def ledger() -> Iterator[ScriptedLedger]:
    with scripted_ledger({"RecordRepayment": posts(1, allocated_to_principal="150.00")}) as ledger:
        yield ledger


@pytest.fixture
def url(settings: Settings, ledger: ScriptedLedger) -> Iterator[str]:
    with serving(settings.model_copy(update={"ledger_target": ledger.target})) as url:
        yield url


@pytest.fixture
def client(url: str, settings: Settings) -> Iterator[httpx.Client]:
    with client_of(url, settings) as client:
        yield client
