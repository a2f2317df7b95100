"""Callers who retry with their keys, until they know what became of each money command."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

_PATIENCE_S = 240.0


@dataclass
class Outcomes:
    """What callers were told in the end, by key; and which answers they met on the way."""

    posted: dict[str, str] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def known(self) -> int:
        return len(self.posted) + len(self.rejected)


class Callers:
    """So many at once: each asks for one command after the other, of whichever API answers."""

    def __init__(self, urls: Sequence[str], token: str, accounts: Sequence[str], seed: int) -> None:
        self.outcomes = Outcomes()
        self._urls, self._token, self._accounts, self._seed = urls, token, accounts, seed
        self._pause = threading.Event()
        self._telling = threading.Lock()

    def run(self, commands: int, at_once: int) -> None:
        """Until the outcome of every command is known. Raises AssertionError for an answer that is wrong."""
        with ThreadPoolExecutor(at_once) as threads:
            for done in [threads.submit(self._ask, number) for number in range(commands)]:
                done.result()

    def give_up(self) -> None:
        """Ask no more: a test that failed must end."""
        self._pause.set()

    def _ask(self, number: int) -> None:
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
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": key}
        for _ in range(round(_PATIENCE_S / 0.05)):
            url = f"{chance.choice(self._urls)}/v1/ledger/accounts/{account}/{path}"
            if self._settled(key, self._post(url, body, headers)):
                return
            if self._pause.wait(0.05):
                return  # Nobody wants to know any more.
        raise AssertionError(f"{key}: no outcome after {_PATIENCE_S} s")

    def _post(self, url: str, body: dict[str, Any], headers: dict[str, str]) -> httpx.Response | None:
        try:
            return httpx.post(url, json=body, headers=headers, timeout=5)
        except httpx.TransportError:
            return None

    def _settled(self, key: str, answer: httpx.Response | None) -> bool:
        with self._telling:
            if answer is None:
                self.outcomes.answers["no answer"] += 1
                return False
            told = answer.json()
            code = f"{answer.status_code} {told.get('code', told.get('status'))}"
            self.outcomes.answers[code] += 1
            if answer.status_code == 201:
                self.outcomes.posted[key] = told["transactionId"]
                return True
            if answer.status_code in (404, 422):
                assert told["retryable"] is False, told
                self.outcomes.rejected[key] = told["code"]
                return True
            assert answer.status_code in (202, 503) or told["code"] == "still_running", (key, told)
            return False
