"""Money of who was erased: sent again as it was, found again by its key, and never sent with words gone."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from app.aggregates import (
    CommandKind,
    CommandStatus,
    Customer,
    Intent,
    LedgerCommand,
    LoanAccount,
    WriteOffRequest,
)
from app.event_store.application import Servicing
from app.event_store.unit_of_work import UnitOfWork
from app.ledger.client.client import LedgerClient
from app.ledger.money.command_store import CommandStore, said
from app.ledger.money.movements import Money
from app.ledger.money.sending import is_erased, send
from app.ledger.money.write_offs import WriteOffs
from app.ledger.sandbox.books import Books
from app.runtime.settings.settings import Settings
from tests.support.api.money import KEY, REPAYMENTS
from tests.support.data.erasing import ANN, BOB, SECRET, erase, know
from tests.support.data.given import absorb, message
from tests.support.data.projecting import On
from tests.support.servers.sandbox import open_loan, serving

T = TypeVar("T")
AMOUNTS = {"principal_delta": Decimal("-5.00"), "fee_delta": Decimal("0.00")}
REPAYMENT = Intent(
    CommandKind.REPAYMENT, "L1", "key-00000001", amount=Decimal("20.00"), details={"notes": f"by {SECRET}"}
)
ADJUSTMENT = Intent(CommandKind.ADJUSTMENT, "L1", "key-00000002", reason=f"{SECRET} is ill", **AMOUNTS)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    with closing(Books(tmp_path / "ledger.db")) as books:
        open_loan(books)
        yield books


@pytest.fixture
def servicing(event_store_url: str) -> Iterator[Servicing]:
    """The event store of a loan account whose customer was erased."""
    with closing(Servicing.from_url(event_store_url)) as servicing:
        know(servicing, "C1", "L1")
        erase(servicing)
        yield servicing


@pytest.fixture
def store(servicing: Servicing) -> CommandStore:
    return CommandStore(lambda: servicing)


def with_money(store: CommandStore, books: Books, what: Callable[[Money], T]) -> T:
    async def call() -> T:
        async with LedgerClient(Settings(ledger_target=target)) as client:
            return await what(Money(store, client, running_s=1.0))  # type: ignore[misc,no-any-return]

    with serving(books) as target:
        return asyncio.run(call())


@pytest.mark.parametrize("intent", [REPAYMENT, ADJUSTMENT], ids=["repayment", "adjustment"])
def test_a_posting_without_a_stored_outcome_is_found(
    store: CommandStore, servicing: Servicing, books: Books, intent: Intent
) -> None:
    command, _ = store.request(intent, ANN)

    async def ask_twice(money: Money) -> LedgerCommand:
        await send(money.client, command)  # The process dies before it stores the answer.
        known = store.load(intent.command_id)
        assert known is not None
        return await money.send(known, is_first=False)

    found = with_money(store, books, ask_twice)
    assert (found.status, found.fault) == (CommandStatus.POSTED, None)
    settled = store.load(intent.command_id)
    assert settled is not None
    assert settled.erased is not None
    assert is_erased(settled)
    assert servicing.privacy.tables.keys_of([settled.id]) == []


def test_an_adjustment_that_awaits_its_approval_is_posted(store: CommandStore, books: Books) -> None:
    intent = Intent(CommandKind.ADJUSTMENT, "L1", "key-00000003", reason=SECRET, **AMOUNTS)
    store.request(intent, ANN, lambda *_: True)

    def approve(unit: UnitOfWork) -> None:
        source = said(intent.command_id, "approved")
        unit.obtain(LedgerCommand, intent.command_id, source).approve(
            source, actor=BOB, limits={BOB.role: None}
        )

    store.change(approve)
    known = store.load(intent.command_id)
    assert known is not None
    found = with_money(store, books, lambda money: money.send(known, is_first=True))
    assert found.status is CommandStatus.POSTED  # type: ignore[attr-defined]


def test_an_erased_command_is_not_sent_and_waits_for_a_person(
    store: CommandStore, servicing: Servicing, books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    store.request(ADJUSTMENT, ANN)

    def erase_it(unit: UnitOfWork) -> None:  # As no release does while it is not settled.
        source = message("erasure:C1")
        erasure = LedgerCommand.PersonalDataErased(erased_with="C1")
        unit.obtain(LedgerCommand, ADJUSTMENT.command_id, source).erase(source, erasure=erasure)

    servicing.change(erase_it)
    known, before = store.load(ADJUSTMENT.command_id), books.loan("L1").postings
    assert known is not None
    found = with_money(store, books, lambda money: money.send(known, is_first=True))
    assert (found.status, found.fault[0]) == (CommandStatus.UNKNOWN, "ERASED")  # type: ignore[attr-defined]
    assert books.loan("L1").postings == before
    assert [each.levelname for each in caplog.records if ADJUSTMENT.command_id in each.message] == ["ERROR"]


@pytest.mark.parametrize("settled_before", [True, False])
def test_a_retry_finds_its_command(
    store: CommandStore, servicing: Servicing, books: Books, settled_before: bool
) -> None:
    async def ask_twice(money: Money) -> None:
        first = await money.ask(REPAYMENT_2, ANN)
        if settled_before:
            absorb(servicing, [On(LoanAccount, "L2").close(at=9, reason="PAID_OFF")])
            erase(servicing, "C2")
        again = await money.ask(REPAYMENT_2, ANN)
        assert (first.is_replay, again.is_replay) == (False, True)
        assert again.command.erased is not None
        assert again.command.outcome == first.command.outcome

    account = "L2" if settled_before else "L1"
    REPAYMENT_2 = Intent(  # noqa: N806
        CommandKind.REPAYMENT, account, "key-00000004", amount=Decimal(20), details={"notes": SECRET}
    )
    if settled_before:
        open_loan(books, "L2")
        absorb(servicing, [On(Customer, "C2").report_details(at=1, first_name=SECRET)])
        absorb(servicing, [On(LoanAccount, "L2").open(at=2, customer_id="C2", status="ACTIVE")])
    with_money(store, books, ask_twice)


def test_an_erased_intent_is_compared_by_its_remaining_facts(store: CommandStore) -> None:
    store.request(REPAYMENT, ANN)
    facts = {"transaction_id": "T1", "ledger_event_id": "E1", "result": {}}
    erased = store.record(
        REPAYMENT.command_id,
        "posted",
        lambda command, source: command.settle(source, outcome=LedgerCommand.Posted(**facts)),
    )
    known = store.load(erased.business_id)
    assert known is not None
    assert known.asks_for(REPAYMENT)
    for other in (
        {"amount": Decimal("21.00")},
        {"reason": "a reason"},
        {"details": None},
        {"details": {"notes": "n", "payment_reference": "r"}},
        {"details": {"payment_reference": "r"}},
    ):
        assert not known.asks_for(replace(REPAYMENT, **other))


def test_a_write_off_request_is_found_again(store: CommandStore, servicing: Servicing, books: Books) -> None:
    know(servicing, "C2", "L2")
    asked = {"loan_account_id": "L2", "amount": Decimal("20.00"), "reason": "hardship", "notes": SECRET}
    absorb(servicing, [On(WriteOffRequest, "W2").request(requested_by="ann", customer_name=SECRET, **asked)])
    absorb(servicing, [On(WriteOffRequest, "W2").decide(outcome="Rejected", by="bob", comment=SECRET)])
    erase(servicing, "C2")

    async def ask_again(money: Money) -> tuple[WriteOffRequest, bool]:
        return await WriteOffs(money, {}).request("W2", ANN, customer_name=SECRET, **asked)

    request, is_replay = with_money(store, books, ask_again)  # type: ignore[misc]
    assert is_replay
    assert request.erased is not None


def test_over_http_a_retry_is_a_replay(settings: Settings, client: httpx.Client) -> None:
    with closing(Servicing.from_url(settings.event_store_url)) as servicing:
        absorb(servicing, [On(Customer, "C1").report_details(at=1, first_name=SECRET)])
        absorb(servicing, [On(LoanAccount, "L1").close(at=99, reason="WRITTEN_OFF")])
        erase(servicing)
    body = {"amount": "150.00", "notes": f"recovered from {SECRET}"}
    first, again = (client.post(REPAYMENTS, json=body, headers=KEY) for _ in range(2))
    assert (first.status_code, "Idempotent-Replay" in first.headers) == (again.status_code, False)
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json()["transactionId"] == first.json()["transactionId"]
