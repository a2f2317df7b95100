"""Money under fire: whoever is killed, each intent is in the ledger's books once, or not at all."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from decimal import Decimal
from pathlib import Path
from random import Random
from threading import Thread

import httpx
import pytest
from pydantic import SecretStr
from redis import Redis

from app.aggregates import LedgerCommand, Servicing, command_id_of
from app.api.auth import issue_token
from app.ingestion.publish import publish
from app.ledger.open_commands import OpenCommands
from app.ledger.sandbox.books import Books
from app.runtime.embedded import EmbeddedServer, embedded_redis, free_port, tail
from app.runtime.settings import Settings
from tests.chaos.clients import Callers
from tests.chaos.stores import store_under_fire
from tests.commands import Billie
from tests.waiting import until

ACCOUNTS = [f"ACC-{number:03}" for number in range(8)]
AT_ONCE = 16
FAULTS = ("*:drop-after-commit:0.03", "*:unavailable:0.02", "*:delay=0.3:0.05")


class Process:
    """One that is killed, and started again at the same place."""

    def __init__(
        self, name: str, arguments: tuple[str, ...], billie: Billie, logs: Path, **settings: str
    ) -> None:
        self.name = name
        self._arguments, self._billie, self._settings = arguments, billie, settings
        self._log = logs / f"{name}.log"
        self.start()

    def start(self) -> None:
        with self._log.open("a") as log:
            self._process: subprocess.Popen[str] = self._billie.start(
                *self._arguments, log=log, **self._settings
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """``kill -9``. Fails the test if it had ended by itself."""
        if self._process.poll() is not None:
            pytest.fail(f"{self.name} ended by itself. The end of its log:\n{tail(self._log)}")
        self._process.kill()
        self._process.wait()


class Scene:
    """Two APIs over one event store, and a ledger that fails on demand."""

    def __init__(self, folder: Path, running: ExitStack, seed: int, kind: str) -> None:
        self.store = running.enter_context(store_under_fire(kind, folder))
        Servicing.from_url(self.store.url).close()
        redis = embedded_redis(folder / "redis")
        running.callback(redis.stop)
        self.settings = _settings(redis, self.store.url)
        self.books = folder / "ledger.db"
        billie = Billie.of(self.settings)
        faults = [part for fault in FAULTS for part in ("--fault", fault)]
        self.ledger = Process(
            "ledger",
            ("ledger-sandbox", "--data", str(self.books), "--fault-seed", str(seed), *faults),
            billie,
            folder,
        )
        ports = [free_port(), free_port()]
        self.apis = [
            Process(f"api-{port}", ("api",), billie, folder, BILLIE_API_PORT=str(port)) for port in ports
        ]
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]
        for each in (self.ledger, *self.apis):
            running.callback(each.kill)
        _open_accounts(redis, self.settings)
        self.token = issue_token(self.settings, "ann", "operations")
        self.callers = Callers(self.urls, self.token, ACCOUNTS, seed)
        running.callback(self.callers.give_up)

    def wait_until_all_is_open(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}

        def is_open(account: str) -> bool:
            try:
                answer = httpx.get(f"{self.urls[0]}/v1/ledger/accounts/{account}/balance", headers=headers)
            except httpx.TransportError:
                return False
            return answer.status_code == 200 and answer.json()["totalOutstanding"] != "0.00"

        until(lambda: all(map(is_open, ACCOUNTS)), 60, "the ledger to hear of the accounts")

    def strike(self, number: int, chance: Random) -> None:
        """Kill one of them, or let the event store fail."""
        victim = chance.choice(["store", self.ledger, *self.apis])
        if isinstance(victim, str):
            before = self.refusals()
            for each in self.apis:
                self.store.writer_started(each.pid)
            with self.store.fault(number):
                until(lambda: self.refusals() > before, 120, "an API to meet the fault")
        else:
            victim.kill()
            victim.start()

    def refusals(self) -> int:
        """How often a caller was told that the event store is away."""
        return self.callers.outcomes.answers["503 event_store_unavailable"]


@pytest.fixture
def scene(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    with ExitStack() as running:
        kind = request.config.getoption("--event-store")
        yield Scene(tmp_path, running, request.config.getoption("--seed"), kind)


def test_each_intent_is_posted_once_or_not_at_all(scene: Scene, request: pytest.FixtureRequest) -> None:
    commands, strikes, seed = (
        request.config.getoption(name) for name in ("--money-commands", "--money-strikes", "--seed")
    )
    scene.wait_until_all_is_open()
    with closing(Books(scene.books)) as books:
        owed_before = {account: sum(books.balance(account)) for account in ACCOUNTS}
    callers = scene.callers
    calling = Thread(target=callers.run, args=(commands, AT_ONCE))
    calling.start()
    chance, outcomes = Random(seed), callers.outcomes
    for number in range(strikes):
        until(
            lambda number=number: outcomes.known >= commands * (number + 1) // (strikes + 1),  # type: ignore[misc]
            240,
            f"strike {number}: {outcomes.known} known",
        )
        scene.strike(number, chance)
    calling.join(300)
    assert not calling.is_alive()
    assert outcomes.known == commands
    sys.stdout.write(
        f"\n{commands} commands, {strikes} strikes: {len(outcomes.posted)} posted, "
        f"{len(outcomes.rejected)} rejected; answers {dict(outcomes.answers.most_common())}\n"
    )
    servicing = Servicing.from_url(scene.store.url)
    until(lambda: not OpenCommands(lambda: servicing).look(), 60, "every command to be settled")
    for key in outcomes.posted.keys() | outcomes.rejected.keys():
        command = servicing.load(LedgerCommand, command_id_of(key))
        assert command is not None
        assert (command.status == "posted") == (key in outcomes.posted)
    servicing.close()
    _books_hold_each_once(scene.books, outcomes.posted, owed_before)
    assert outcomes.answers["202 unknown"] > 0, "no outcome was ever unknown: the test is too gentle"
    assert outcomes.answers["no answer"] > 0, "no API was killed at work"


def _books_hold_each_once(path: Path, posted: dict[str, str], owed_before: dict[str, Decimal]) -> None:
    with closing(sqlite3.connect(path)) as database:
        held = dict(database.execute("SELECT idempotency_key, transaction_number FROM keys"))
        by_call = database.execute(
            "SELECT loan_account_id, principal_delta, fee_delta FROM transactions "
            "WHERE number IN (SELECT transaction_number FROM keys)"
        ).fetchall()
        after_opening = database.execute(
            "SELECT COUNT(*) FROM transactions WHERE kind IN ('REPAYMENT', 'LATE_FEE')"
        ).fetchone()[0]
    assert held.keys() == posted.keys()
    assert len(set(held.values())) == len(held) == after_opening
    with closing(Books(path)) as books:
        assert sum(books.trial_balance().values()) == 0
        for account, before in owed_before.items():
            moved = sum(Decimal(row[1]) + Decimal(row[2]) for row in by_call if row[0] == account)
            assert sum(books.balance(account)) == before + moved


def _settings(redis: EmbeddedServer, store_url: str) -> Settings:
    return Settings(
        redis_url=redis.url,
        event_store_url=store_url,
        mongo_url="mongodb://127.0.0.1:1",
        ledger_target=f"127.0.0.1:{free_port()}",
        ledger_write_seconds=1,
        settle_after_seconds=2,
        jwt_secret=SecretStr("a secret for tests, of more than 32 bytes"),
        rate_per_second=0,
    )


def _open_accounts(redis: EmbeddedServer, settings: Settings) -> None:
    entries = []
    for account in ACCOUNTS:
        created = {
            "account_id": account,
            "customer_id": f"C-{account}",
            "loan_amount": "90000.00",
            "loan_fee": "100.00",
        }
        updated = {"account_id": account, "status": "ACTIVE", "current_balance": "90100.00"}
        entries += [
            {"typ": "account.created.v1", "event_id": f"{account}-1", "payload": json.dumps(created)},
            {"typ": "account.updated.v1", "event_id": f"{account}-2", "payload": json.dumps(updated)},
        ]
    with Redis.from_url(redis.url, protocol=2) as client:
        publish(client, settings.inbox_stream, entries)
