"""The simulated lender: a burst of history, then what happens now, until it is stopped.

``python -m app.demo.simulator --customers N --rate R --state-file PATH``, with
stream and time zone of the settings.
"""

import json
import secrets
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from pydantic import BaseModel
from redis import Redis

from app.demo.lender import Lender
from app.demo.publishers import Entry
from app.ingestion.stream.consumer import connect
from app.ingestion.stream.publish import publish
from app.ledger.sandbox.outbox import AGENT
from app.runtime.servers.stopping import StopSignal
from app.runtime.settings.settings import Settings

_AHEAD = timedelta(days=30)
"""How far ahead a running simulator knows its stories."""


class State(BaseModel):
    """What a second start continues with: a story is a function of the seed, its number and its start."""

    seed: int
    began_at: datetime
    published_until: datetime
    burst: int
    """The number of customers whose history was published first."""
    applications: list[datetime] = []
    """When each later customer applied."""
    heard: str = "0-0"
    """The newest entry of the stream that was read."""
    ledger_accounts: set[str] = set()
    """Accounts that somebody has posted on in the ledger, which reports on them from then on."""


class Simulator:
    """Publishes what is due. Whenever nothing is, somebody new applies."""

    def __init__(self, redis: Redis, stream: str, zone: ZoneInfo, state: State) -> None:
        self._redis, self._stream, self.state = redis, stream, state
        self._lender = Lender(state.seed, zone, state.began_at.astimezone(zone).time())
        self._tie_breaks = count()
        self._agenda: list[tuple[datetime, int, Entry]] = []
        applied = [self._lender.applied_at(number, state.began_at) for number in self._burst]
        for number, applied_at in enumerate(applied + state.applications, 1):
            self._expect(number, applied_at, state.published_until)

    @property
    def _burst(self) -> range:
        return range(1, self.state.burst + 1)

    def burst(self) -> None:
        """Publish the history of the first customers."""
        history = self._lender.history(self._burst, self.state.began_at)
        publish(self._redis, self._stream, [each.entry for each in history])

    def catch_up(self, now: datetime) -> None:
        """Publish what became due while the simulator was stopped."""
        self._listen()
        while self._agenda and self._agenda[0][0] <= now:
            self._publish_next()

    def step(self, now: datetime) -> None:
        self._listen()
        if not self._agenda or self._agenda[0][0] > now:
            self.state.applications.append(now)
            self._expect(self.state.burst + len(self.state.applications), now, now)
        self._publish_next()

    def _expect(self, number: int, applied_at: datetime, after: datetime) -> None:
        for at, entry in self._lender.story(number, applied_at, datetime.now(UTC) + _AHEAD):
            if at >= after:  # What came at that moment may be repeated: it has the same identity.
                heappush(self._agenda, (at, next(self._tie_breaks), entry))

    def _publish_next(self) -> None:
        self.state.published_until, _, entry = heappop(self._agenda)
        if _account(entry) not in self.state.ledger_accounts:
            publish(self._redis, self._stream, [entry])

    def _listen(self) -> None:
        """Note the accounts that the ledger reports on."""
        entries: Any = [()]
        while entries:
            entries = self._redis.xrange(self._stream, f"({self.state.heard}", count=1_000)
            for entry_id, fields in entries:
                self.state.heard = entry_id.decode()
                if fields.get(b"agt") == AGENT.encode():
                    self.state.ledger_accounts.add(json.loads(fields[b"payload"])["account_id"])


def _account(entry: Entry) -> str | None:
    payload = json.loads(entry["payload"]) if "payload" in entry else {}
    account: str | None = payload.get("account_id") or payload.get("loanAccountId")
    return account


def main(
    state_file: Annotated[Path, typer.Option()],
    customers: Annotated[int, typer.Option()] = 40,
    rate: Annotated[float, typer.Option()] = 2.0,
) -> None:
    """Publish until SIGTERM: a burst at the first start, then so many entries a second."""
    settings, now, is_first = Settings(), datetime.now(UTC), not state_file.exists()
    if is_first:
        state = State(seed=secrets.randbits(32), began_at=now, published_until=now, burst=customers)
    else:
        state = State.model_validate_json(state_file.read_bytes())
    with StopSignal() as stop, connect(settings) as redis:
        simulator = Simulator(redis, settings.inbox_stream, ZoneInfo(settings.business_time_zone), state)
        if is_first:
            simulator.burst()
        else:
            simulator.catch_up(now)
        while not stop.is_set():
            state_file.write_text(state.model_dump_json())
            stop.wait(1 / rate)
            simulator.step(datetime.now(UTC))


if __name__ == "__main__":
    typer.run(main)
