"""``make bench-latency``: from XADD to readable in MongoDB, at 200 messages a second, with real processes.

Every tenth message creates a customer of its own, and its document is looked for until it is there. The
figure holds the ingesting, the projecting, both their pauses, and the looking itself (every 10 ms).
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from threading import Event, Thread
from time import perf_counter
from typing import Any

import orjson
from pymongo import MongoClient
from redis import Redis

from app.runtime.servers.embedded import embedded_redis
from bench.shared.backlog import backlog
from bench.shared.mongo import measured_mongo

_STREAM = "bench:inbox"
_PROBE_EVERY = 10
_LOOK_EVERY_S = 0.01
_LONGEST_S = 30.0


def main() -> None:
    """Offer messages at a steady rate, and print how long until they could be read."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rate", type=int, default=200, help="messages a second")
    arguments.add_argument("--seconds", type=int, default=30)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="billie-bench-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        redis, mongo = embedded_redis(folder / "redis"), measured_mongo(folder / "mongo")
        stack.callback(redis.stop)
        stack.callback(mongo.stop)
        settings = {
            "BILLIE_REDIS_URL": redis.url,
            "BILLIE_INBOX_STREAM": _STREAM,
            "BILLIE_MONGO_URL": mongo.url,
            "BILLIE_EVENT_STORE_URL": f"sqlite:///{folder / 'events.db'}",
        }
        _billie("migrate", settings).wait()
        for role in ("ingest", "project"):
            process = _billie(role, settings)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        client = stack.enter_context(Redis.from_url(redis.url, protocol=2))
        database = stack.enter_context(MongoClient[dict[str, Any]](mongo.url))["billie-servicing"]
        lookout = Lookout(database["customers"])
        _offer(client, lookout, rate=50, messages=100)  # Until both roles are at work.
        lookout.wait()
        warmed_up = len(lookout.latencies)
        _offer(client, lookout, rate=asked.rate, messages=asked.rate * asked.seconds)
        lookout.wait()
        _report(lookout.latencies[warmed_up:], asked.rate, asked.seconds)


class Lookout:
    """Looks for the documents of customers, and notes when each was there."""

    def __init__(self, customers: Any) -> None:
        self.latencies: list[float] = []
        self._customers = customers
        self._sent: dict[str, float] = {}
        self._numbers = count()

    def probe(self) -> dict[str, str]:
        """An entry that creates a customer nobody else speaks of. It counts as sent now."""
        name = f"PROBE-{next(self._numbers)}"
        self._sent[name] = perf_counter()
        payload = orjson.dumps({"customer_id": name, "first_name": "Ann"}).decode()
        return {"event_type": "customer.created.v1", "event_id": name, "payload": payload}

    def look(self) -> None:
        """Note which of those that were sent are there."""
        found = self._customers.find({"_id": {"$in": list(self._sent)}}, {"_id": 1})
        for document in list(found):
            self.latencies.append(perf_counter() - self._sent.pop(document["_id"]))

    def wait(self) -> None:
        """Until all are there. Raises TimeoutError."""
        until = perf_counter() + _LONGEST_S
        while self._sent:
            self.look()
            if perf_counter() > until:
                msg = f"{len(self._sent)} customers are not there after {_LONGEST_S:.0f} s"
                raise TimeoutError(msg)


def _billie(role: str, settings: dict[str, str]) -> subprocess.Popen[bytes]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", "app.cli.main", role], env=os.environ | settings, **quiet)


def _entries(lookout: Lookout, messages: int) -> Iterator[dict[str, str]]:
    for number, entry in enumerate(backlog(messages)):
        yield lookout.probe() if number % _PROBE_EVERY == 0 else entry


def _offer(client: Redis, lookout: Lookout, *, rate: int, messages: int) -> None:
    start, done = perf_counter(), Event()

    def look() -> None:
        while not done.wait(_LOOK_EVERY_S):
            lookout.look()

    looking = Thread(target=look)
    looking.start()
    for number, entry in enumerate(_entries(lookout, messages)):
        if (early := start + number / rate - perf_counter()) > 0:
            done.wait(early)
        client.xadd(_STREAM, entry)  # type: ignore[arg-type]
    done.set()
    looking.join()


def _report(latencies: list[float], rate: int, seconds: int) -> None:
    cuts = statistics.quantiles([latency * 1_000 for latency in latencies], n=100)
    print(f"{rate} messages/s for {seconds} s; {len(latencies):,} of them looked for, from XADD to readable:")
    print(f"p50 {cuts[49]:.0f} ms, p90 {cuts[89]:.0f} ms, p99 {cuts[98]:.0f} ms (goal: below 250 ms)")


if __name__ == "__main__":
    main()
