"""The API beside a ledger that does as a test says."""

from collections.abc import Iterator

import httpx
import pytest

from app.runtime.settings.settings import Settings
from tests.support.api.money import Deadlines, client_of, open_account
from tests.support.api.serving import serving
from tests.support.servers.scripted_ledger import ScriptedLedger, posts, scripted_ledger
from tests.support.waiting import LONG_S


@pytest.fixture
def deadlines() -> Deadlines:
    """Long ones, which nothing meets on a busy machine either; ``short_deadlines`` takes their place."""
    return Deadlines(read=LONG_S, write=LONG_S, settle_after=2 * LONG_S)


@pytest.fixture
def settings(settings: Settings, deadlines: Deadlines) -> Settings:
    open_account(settings, "L1")
    return settings.model_copy(
        update={
            "ledger_read_seconds": deadlines.read,
            "ledger_write_seconds": deadlines.write,
            "settle_after_seconds": deadlines.settle_after,
        }
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
