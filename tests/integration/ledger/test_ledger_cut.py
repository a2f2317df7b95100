"""A connection to the ledger that something on its way forgot: calls come to their deadlines, and go on."""

import asyncio

import pytest

from app.ledger.client.calls import Breaker
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import LedgerDownError, LedgerTimeoutError
from app.runtime.settings.settings import Settings
from tests.chaos.faults.links import Links, Mode
from tests.support.servers.scripted_ledger import balance, scripted_ledger
from tests.support.waiting import LONG_S


def test_a_silent_connection_is_abandoned() -> None:
    async def asked(client: LedgerClient) -> str:
        try:
            await client.get_balance("L1")
        except LedgerTimeoutError:
            return "late"
        except LedgerDownError:
            return "not asked"
        return "answered"

    async def story(target: str) -> list[str]:
        breaker = Breaker(rest_seconds=0.1)
        settings = Settings(ledger_target=target, ledger_read_seconds=1, ledger_write_seconds=1)
        async with LedgerClient(settings, breaker) as client:
            outcomes = [await asked(client)]
            link.set(Mode.CUT)
            link.set(Mode.OPEN)
            while outcomes[-1] != "answered" or len(outcomes) == 1:
                outcomes.append(await asked(client))
                await asyncio.sleep(0.05)
            return outcomes

    with scripted_ledger({"GetBalance": balance("1.00")}) as ledger, Links() as links:
        link = links.to(int(ledger.target.rpartition(":")[2]))
        outcomes = asyncio.run(asyncio.wait_for(story(f"127.0.0.1:{link.port}"), LONG_S))
    assert outcomes[:4] == ["answered", "late", "late", "late"], (
        "a few that are late may be the ledger's doing"
    )
    assert outcomes.count("late") == 3, "then the first one that is let through has a new connection"


@pytest.mark.parametrize("times", [1, 2])
def test_an_occasional_late_call_keeps_the_connection(times: int) -> None:
    async def story(client: LedgerClient) -> None:
        for _ in range(times):
            with pytest.raises(LedgerTimeoutError):
                await client.get_balance("L1")
        assert client._channel is channel

    async def run() -> None:
        nonlocal channel
        async with LedgerClient(
            Settings(ledger_target=f"127.0.0.1:{link.port}", ledger_read_seconds=1)
        ) as client:
            await client.get_balance("L1")
            channel = client._channel
            link.set(Mode.CUT)
            await story(client)

    channel = None
    with scripted_ledger({"GetBalance": balance("1.00")}) as ledger, Links() as links:
        link = links.to(int(ledger.target.rpartition(":")[2]))
        asyncio.run(asyncio.wait_for(run(), LONG_S))
