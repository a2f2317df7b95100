"""Steady load: a lender that publishes, and staff who read, while everything else is under fire."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from threading import Event
from time import monotonic

import httpx
from redis import Redis
from redis.exceptions import RedisError

from app.demo.publishers import Entry
from tests.chaos.faults.processes import Struck
from tests.chaos.violations import Violations

_READ_WITHIN_S = 30.0
_EVERY_S = 0.1


class Publisher:
    """Publishes so many entries a second, and each again until Redis has acknowledged it."""

    def __init__(self, client: Redis, stream: str, entries: Sequence[Entry], rate: float) -> None:
        self._client, self._stream, self._entries, self._rate = client, stream, entries, rate
        self.acknowledged: list[bytes] = []

    def run(self, stop: Event) -> None:
        """Run until stopped, or until all are sent."""
        began, sent = monotonic(), 0
        while sent < len(self._entries) and not stop.wait(_EVERY_S):
            due = min(len(self._entries), int((monotonic() - began) * self._rate))
            # What waited through a fault comes in parts, as from a publisher with many callers.
            sent += self._publish(self._entries[sent : min(due, sent + 500)], stop)

    def _publish(self, part: Sequence[Entry], stop: Event) -> int:
        while part and not stop.is_set():
            pipeline = self._client.pipeline(transaction=True)
            for entry in part:
                pipeline.xadd(self._stream, entry)  # type: ignore[arg-type]
            try:
                self.acknowledged += pipeline.execute()
            except RedisError:
                stop.wait(_EVERY_S)  # Perhaps it was added: then it comes twice, as from any publisher.
            else:
                return len(part)
        return 0


@dataclass
class Door:
    """A way to one API; ``parts``: what on it may be struck."""

    name: str
    url: str
    parts: Sequence[Struck]

    def answers(self) -> bool:
        """Whether there is an API behind it, and ready."""
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def was_struck(self, since: float) -> bool:
        """Whether anything on the way was, after that moment of ``monotonic``."""
        return any(part.since(since) for part in self.parts)


@dataclass
class Reader:
    """Reads documents: an answer is the document, or 503, or 404 for one that never existed."""

    doors: Sequence[Door]
    token: str
    accounts: Sequence[str]
    seed: int
    violations: Violations
    answers: dict[str, int] = field(default_factory=dict)

    def run(self, stop: Event) -> None:
        """Run until stopped."""
        chance = Random(self.seed)
        known: dict[str, set[str]] = {"customers": set(), "loan-accounts": set(), "conversations": set()}
        # A connection each: one that was cut is dead for ever, and a reader that kept it would wait on it.
        with httpx.Client(
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=_READ_WITHIN_S,
            limits=httpx.Limits(max_keepalive_connections=0),
        ) as client:
            while not stop.wait(_EVERY_S):
                self._read(client, chance, known)

    def _read(self, client: httpx.Client, chance: Random, known: dict[str, set[str]]) -> None:
        door = chance.choice(self.doors)
        kind = chance.choice(list(known))
        path = self._path(chance, kind, known[kind])
        began = monotonic()
        try:
            answer = client.get(door.url + path)
        except httpx.TransportError as error:
            self._count("no answer")
            if not door.was_struck(began):
                took = f"{type(error).__name__} after {monotonic() - began:.1f} s"
                self.violations.add(f"GET {path} of {door.name}, which nothing had struck: {took}")
            return
        self._count(str(answer.status_code))
        if answer.status_code == 200:
            found = answer.json()
            items = found.get("items", []) if isinstance(found, dict) else []
            if path.startswith(f"/v1/{kind}?"):
                known[kind].update(each[_ID[kind]] for each in items)
        elif not self._is_allowed(path, answer.status_code):
            self.violations.add(f"GET {path} of {door.name}: {answer.status_code} {answer.text[:300]}")

    @staticmethod
    def _is_allowed(path: str, status: int) -> bool:
        # What was listed must be found ever after, so 404 is none of these. The ledger's own answers come
        # by their deadline: 504 is documented for them alone.
        return status == 503 or (status == 504 and "/ledger/" in path)

    def _path(self, chance: Random, kind: str, known: set[str]) -> str:
        if not known or chance.random() < 0.2:
            return f"/v1/{kind}?limit=20"
        identifier = chance.choice(sorted(known))
        return chance.choice(
            (
                f"/v1/{kind}/{identifier}",
                f"/v1/{kind}/{identifier}",
                f"/v1/{kind}/{identifier}/history",
                f"/v1/search?q={identifier}",
                f"/v1/ledger/accounts/{chance.choice(self.accounts)}/transactions",
                "/v1/ledger-commands?limit=20",
                "/v1/status",
            )
        )

    def _count(self, answer: str) -> None:
        self.answers[answer] = self.answers.get(answer, 0) + 1


_ID = {"customers": "customerId", "loan-accounts": "loanAccountId", "conversations": "conversationId"}
