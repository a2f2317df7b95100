"""The settler: which commands it sends again, which it leaves to a person, and what an answer settles."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import grpc
import pytest

from app.aggregates import Actor, CommandKind, Intent, LedgerCommand
from app.event_store.application import Servicing
from app.ledger.client.client import LedgerClient
from app.ledger.money.command_store import CommandStore
from app.ledger.money.movements import Money
from app.ledger.money.open_commands import OpenCommands
from app.ledger.money.settler import Settler
from app.runtime.settings.settings import Settings
from tests.support.servers.scripted_ledger import ScriptedLedger, posts, refuses, scripted_ledger
from tests.support.waiting import LONG_S, until

ANN = Actor("ann", "Ann", "operations")
INTENT = Intent(CommandKind.LATE_FEE, "L1", "intent-00000001", amount=Decimal(15))


@pytest.fixture
def servicing(settings: Settings) -> Iterator[Servicing]:
    servicing = Servicing.from_url(settings.event_store_url)
    yield servicing
    servicing.close()


@pytest.fixture
def ledger() -> Iterator[ScriptedLedger]:
    with scripted_ledger({"ApplyFee": posts(1)}) as ledger:
        yield ledger


@pytest.fixture
def store(servicing: Servicing) -> CommandStore:
    return CommandStore(lambda: servicing)


def asked(store: CommandStore) -> LedgerCommand:
    return store.request(INTENT, ANN)[0]


def settle(store: CommandStore, servicing: Servicing, target: str, times: int = 1, **how: float) -> Settler:
    """Let a settler look so many times, each at once after the other."""

    async def look() -> Settler:
        async with LedgerClient(Settings(ledger_target=target, ledger_write_seconds=LONG_S)) as client:
            money = Money(store, client, running_s=how.get("running_s", 0.0))
            settler = Settler(
                money,
                OpenCommands(lambda: servicing),
                running_s=how.get("running_s", 0.0),
                first_wait_s=0.0,
                key_hours=how.get("key_hours", 23.0),
            )
            for _ in range(times):
                await asyncio.gather(*await settler.settle_due())
                for tries in settler._tries.values():
                    tries.next_at = 0.0
            return settler

    return asyncio.run(look())


def test_an_unanswered_command_is_sent_again_with_its_key(
    store: CommandStore, servicing: Servicing, ledger: ScriptedLedger
) -> None:
    command = asked(store)
    settle(store, servicing, ledger.target, running_s=60.0)
    assert ledger.calls("ApplyFee") == [], "it may be in somebody's hands"
    settle(store, servicing, ledger.target)
    [call] = ledger.calls("ApplyFee")
    assert (call.request.idempotency_key, call.request.fee_amount) == ("intent-00000001", "15.00")
    found = store.load(command.business_id)
    assert found is not None
    assert found.status == "posted"
    settle(store, servicing, ledger.target)
    assert len(ledger.calls("ApplyFee")) == 1, "what is settled is left alone"


def test_a_refused_token_settles_nothing_that_was_sent_before(
    store: CommandStore, servicing: Servicing, ledger: ScriptedLedger
) -> None:
    command = asked(store)
    ledger.script["ApplyFee"] = [
        refuses(grpc.StatusCode.UNAVAILABLE),
        refuses(grpc.StatusCode.UNAUTHENTICATED),
        posts(3, idempotent_replay=True),
    ]
    settle(store, servicing, ledger.target, times=3)
    found = store.load(command.business_id)
    assert found is not None
    assert (found.status, found.outcome.transaction_id) == ("posted", "T-3")


def test_a_rejection_settles(store: CommandStore, servicing: Servicing, ledger: ScriptedLedger) -> None:
    command = asked(store)
    ledger.script["ApplyFee"] = [
        refuses(grpc.StatusCode.INTERNAL),
        refuses(grpc.StatusCode.FAILED_PRECONDITION, "closed"),
    ]
    settle(store, servicing, ledger.target, times=3)
    found = store.load(command.business_id)
    assert found is not None
    assert (found.status, found.outcome.message) == ("rejected", "closed")
    assert len(ledger.calls("ApplyFee")) == 2


def test_a_key_that_the_ledger_may_have_forgotten_is_not_sent_again(
    store: CommandStore,
    servicing: Servicing,
    ledger: ScriptedLedger,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It could post a second time: a person has to look."""
    command = asked(store)
    later = datetime.now(UTC) + timedelta(hours=23, minutes=1)

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # noqa: ARG003
            return later

    monkeypatch.setattr("app.ledger.money.settler.datetime", Later)
    settler = settle(store, servicing, ledger.target, times=2)
    assert ledger.calls("ApplyFee") == []
    assert [record.getMessage().count("settle it by hand") for record in caplog.records] == [1], "said once"
    assert not settler.will_send(command)


def test_two_concurrent_settlers_leave_one_outcome(
    store: CommandStore, servicing: Servicing, ledger: ScriptedLedger
) -> None:
    command = asked(store)

    async def both() -> None:
        settings = Settings(ledger_target=ledger.target, ledger_write_seconds=LONG_S)
        async with LedgerClient(settings) as one, LedgerClient(settings) as two:
            settlers = [
                Settler(
                    Money(store, client, running_s=0.0),
                    OpenCommands(lambda: servicing),
                    running_s=0.0,
                    first_wait_s=0.0,
                    key_hours=23.0,
                )
                for client in (one, two)
            ]
            for begun in await asyncio.gather(*(settler.settle_due() for settler in settlers)):
                await asyncio.gather(*begun)

    asyncio.run(both())
    names = [type(event).__name__ for event in store.events(command.business_id)]
    assert names == ["Registered", "Requested", "OutcomeUnknown", "Posted"]


def test_commands_that_never_settle_block_no_other(
    store: CommandStore, servicing: Servicing, ledger: ScriptedLedger
) -> None:
    """More of them than are sent at once: they take their turns."""

    def post(call: Any) -> Any:
        if call.request.loan_account_id == "ILL":
            raise refuses(grpc.StatusCode.INTERNAL)
        return posts(1)(call)

    ledger.script["ApplyFee"] = post
    for number in range(70):
        store.request(replace(INTENT, loan_account_id="ILL", idempotency_key=f"ill-{number:06}"), ANN)
    good = asked(store)

    def posted() -> bool:
        # A look takes any 64 of them.
        settle(store, servicing, ledger.target, times=2)
        found = store.load(good.business_id)
        return found is not None and found.status == "posted"

    until(posted)


def test_a_token_refused_after_a_sleep_settles_nothing(
    store: CommandStore, servicing: Servicing, ledger: ScriptedLedger
) -> None:
    """Another process has sent it meanwhile, and what it sent may be posted."""
    command = asked(store)
    ledger.script["ApplyFee"] = [
        refuses(grpc.StatusCode.UNAVAILABLE, "posted, and the answer is lost"),
        refuses(grpc.StatusCode.UNAUTHENTICATED),
        posts(7, idempotent_replay=True),
    ]
    settle(store, servicing, ledger.target)

    async def wake() -> LedgerCommand:
        async with LedgerClient(Settings(ledger_target=ledger.target)) as client:
            return await Money(store, client, running_s=0.0).send(command, is_first=True)

    assert asyncio.run(wake()).status == "unknown"
    settle(store, servicing, ledger.target)
    found = store.load(command.business_id)
    assert found is not None
    assert found.status == "posted"
