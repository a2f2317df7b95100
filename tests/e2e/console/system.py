"""The whole system with its console, and browsers in front of it."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr
from redis import Redis

from app.api.auth.development_tokens import issue_token
from app.demo.lender import Lender
from app.ingestion.stream.publish import publish
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie, Process
from tests.support.data.given import NOON
from tests.support.waiting import LONG_S, until

SEED = 7
CUSTOMERS = 7
_WAIT_MS = 60_000
THEMES = [
    pytest.param({"color_scheme": "light"}, id="light"),
    pytest.param({"color_scheme": "dark"}, id="dark"),
    pytest.param({"color_scheme": "light", "viewport": {"width": 390, "height": 844}}, id="narrow"),
]


class System:
    """Roles as processes; a test may stop and start each."""

    def __init__(self, settings: Settings, logs: Path) -> None:
        self.settings, self._logs = settings, logs
        self.url = f"http://127.0.0.1:{settings.api_port}"
        self._billie = Billie.of(settings)
        self._running: dict[str, Process] = {}
        headers = {"Authorization": f"Bearer {issue_token(settings, 'test', 'admin')}"}
        self.api = httpx.Client(base_url=self.url, headers=headers, timeout=LONG_S)

    def start(self, name: str) -> None:
        """Start a role without waiting for it."""
        arguments = {"ledger-sandbox": ("--data", str(self._logs / "ledger.db"))}.get(name, ())
        with (self._logs / f"{name}.log").open("a") as log:
            self._running[name] = self._billie.start(name, *arguments, log=log)

    def stop(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Stop a role: kill it, or let it end."""
        self.signal(name, number)
        self._running[name].wait(LONG_S)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a role a signal."""
        self._running[name].send_signal(number)

    def up(self) -> None:
        """Wait until it serves."""
        until(lambda: self._answers("/readyz"), what="the API")

    def story(self, number: int) -> None:
        """Publish the messages of the simulated lender's customer of that number."""
        with Redis.from_url(self.settings.redis_url, protocol=2) as redis:
            publish(redis, self.settings.inbox_stream, _story(number))

    def tell(self, kind: str, **payload: Any) -> None:
        """Publish one message."""
        entry = {"typ": kind, "event_id": f"test-{Random().random()}", "payload": json.dumps(payload)}
        with Redis.from_url(self.settings.redis_url, protocol=2) as redis:
            publish(redis, self.settings.inbox_stream, [entry])

    def put(self, entry: dict[str, str]) -> None:
        """Publish one entry, valid or not."""
        with Redis.from_url(self.settings.redis_url, protocol=2) as redis:
            publish(redis, self.settings.inbox_stream, [entry])

    def transactions(self, account: str) -> list[dict[str, Any]]:
        """The ledger's postings on an account."""
        answer = self.api.get(f"/v1/ledger/accounts/{account}/transactions")
        assert answer.is_success, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def _answers(self, path: str) -> bool:
        try:
            return self.api.get(path).is_success
        except httpx.TransportError:
            return False

    def close(self) -> None:
        """Stop every role."""
        self.api.close()
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait(LONG_S)


def settings_of(redis_url: str, mongo_url: str, logs: Path, name: str) -> Settings:
    """Settings of a separate system that soon notices an unavailable ledger."""
    return Settings(
        redis_url=redis_url,
        mongo_url=mongo_url,
        mongo_db=name,
        event_store_url=f"sqlite:///{logs / 'events.db'}",
        inbox_stream=f"inbox:{name}",
        dead_letter_stream=f"dlq:{name}",
        jwt_secret=SecretStr("a secret for tests, of more than 32 bytes"),
        console="development",
        session_secret=SecretStr("another secret for tests, of more than 32 bytes"),
        ledger_write_seconds=1,
        ledger_read_seconds=1,
        settle_after_seconds=1,
        rate_per_second=0,
    )


@contextmanager
def running_system(settings: Settings, logs: Path) -> Iterator[System]:
    """All roles, and a few customers; the first is in arrears and vulnerable."""
    Billie.of(settings).run("migrate")
    with ExitStack() as stack:
        running = System(settings, logs)
        stack.callback(running.close)
        for name in ("ledger-sandbox", "ingest", "project", "api"):
            running.start(name)
        first = late()
        for number in {first, *range(1, CUSTOMERS)}:
            running.story(number)
        running.up()
        running.tell(
            "customer.changed.v1", customer_id=customer_of(first), vulnerable=True, preferred_name="Mia"
        )
        until(lambda: _is_known(running, first), what="the customers")
        yield running


def late() -> int:
    """The number of a customer with an active loan in arrears."""
    return next(number for number in range(1, 500) if _is_late(number))


def customer_of(number: int) -> str:
    """The customer's id."""
    return f"CUS-{number:06}"


def account_of(number: int) -> str:
    """The id of the customer's loan."""
    return f"ACC-{number:06}"


def sign_in(browser: Browser, url: str, name: str, role: str, **context: Any) -> Page:
    """A signed-in person's browser on the start page. No page may fail a script or violate the policy."""
    given = {"viewport": {"width": 1280, "height": 860}, "timezone_id": "Australia/Sydney", "locale": "en-AU"}
    page = browser.new_context(**given | context).new_page()
    page.set_default_timeout(_WAIT_MS)
    expect.set_options(timeout=_WAIT_MS)
    page.on("pageerror", lambda error: _failed.append(str(error)))
    page.on("console", lambda said: _failed.append(said.text) if "Content Security" in said.text else None)
    page.goto(f"{url}/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label(role).check()
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/")
    return page


_failed: list[str] = []


def failures() -> list[str]:
    """Errors of scripts since the last call."""
    found = list(_failed)
    _failed.clear()
    return found


def _story(number: int) -> list[dict[str, str]]:
    lender = Lender(SEED)
    return [each.entry for each in lender.story(number, lender.applied_at(number, NOON), NOON)]


def _is_late(number: int) -> bool:
    entries = [str(each) for each in _story(number)]
    return any("late_arrears" in each for each in entries) and not any("writeoff" in each for each in entries)


def _is_known(running: System, number: int) -> bool:
    customer = running.api.get(f"/v1/customers/{customer_of(number)}")
    account = running.api.get(f"/v1/loan-accounts/{account_of(number)}")
    owed = running.api.get(f"/v1/ledger/accounts/{account_of(number)}/balance")
    if not (customer.is_success and account.is_success and owed.is_success):
        return False
    flags, aging = customer.json().get("flags", {}), account.json().get("aging", {})
    is_paid_out = owed.json()["totalOutstanding"] == account.json()["balances"]["totalOutstanding"]
    return bool(flags.get("vulnerable") and aging.get("isInArrears") and is_paid_out)
