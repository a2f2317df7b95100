"""Callers who retry with their keys, until they know what became of each money command."""

import json
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

import httpx

from app.demo.publishers import Entry
from tests.chaos.load import Door
from tests.chaos.violations import Violations

OWED = Decimal("90100.00")
"""On each account, before the first command."""
_BETWEEN_S = 0.5
_AGAIN_AFTER_S = 0.1


@dataclass
class Outcomes:
    """The final outcomes that callers saw, by key; and the answers on the way."""

    posted: dict[str, str] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def known(self) -> int:
        return len(self.posted) + len(self.rejected)


class Callers:
    """So many at once: each asks for one command after the other, of any API that answers."""

    def __init__(
        self, doors: Sequence[Door], token: str, accounts: Sequence[str], seed: int, wrong: Violations
    ) -> None:
        self.outcomes = Outcomes()
        self.asked = 0
        self._doors, self._accounts, self._seed, self._wrong = doors, accounts, seed, wrong
        self._headers = {"Authorization": f"Bearer {token}"}
        self._numbers = count()
        self._telling = threading.Lock()

    def run(self, stop: threading.Event, give_up: threading.Event, at_once: int) -> None:
        """Ask until stopped, and then while an outcome is unknown, unless it should give up."""
        with ThreadPoolExecutor(at_once, thread_name_prefix="money") as threads:
            for done in [threads.submit(self._keep_asking, stop, give_up) for _ in range(at_once)]:
                done.result()

    def _keep_asking(self, stop: threading.Event, give_up: threading.Event) -> None:
        with httpx.Client(headers=self._headers, timeout=5) as client:
            while not stop.wait(_BETWEEN_S):
                self._ask(client, give_up)

    def _ask(self, client: httpx.Client, give_up: threading.Event) -> None:
        with self._telling:
            number = next(self._numbers)
            self.asked += 1
        chance = Random(self._seed << 20 | number)
        key, account = f"chaos-{self._seed}-{number:06}", chance.choice(self._accounts)
        amount = f"{chance.randint(1, 500) / 100:.2f}"
        if chance.random() < 0.2:
            path, body = "fees", {"amount": amount, "type": "late_fee", "daysPastDue": 3}
        elif chance.random() < 0.05:
            path, body = "repayments", {"amount": amount, "notes": "for nobody's account"}
            account = "ACC-NOWHERE"
        else:
            path, body = "repayments", {"amount": amount}
        while not give_up.is_set():
            url = f"{chance.choice(self._doors).url}/v1/ledger/accounts/{account}/{path}"
            if self._settled(key, self._post(client, url, body, key)):
                return
            give_up.wait(_AGAIN_AFTER_S)

    @staticmethod
    def _post(client: httpx.Client, url: str, body: dict[str, Any], key: str) -> httpx.Response | None:
        try:
            return client.post(url, json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            return None

    def _settled(self, key: str, answer: httpx.Response | None) -> bool:
        with self._telling:
            if answer is None:
                self.outcomes.answers["no answer"] += 1
                return False
            body = answer.json()
            code = f"{answer.status_code} {body.get('code', body.get('status'))}"
            self.outcomes.answers[code] += 1
            if answer.status_code == 201:
                self.outcomes.posted[key] = body["transactionId"]
                return True
            if answer.status_code in (404, 422) and body["retryable"] is False:
                self.outcomes.rejected[key] = body["code"]
                return True
            if answer.status_code not in (202, 503) and body["code"] != "still_running":
                self._wrong.add(f"POST with {key}: {code} {body}")
            return False


def opened(accounts: Sequence[str]) -> list[Entry]:
    """What upstream publishes of accounts that owe 90,100.00 each."""
    entries: list[Entry] = []
    for account in accounts:
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
    return entries
