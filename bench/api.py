"""``make bench-api``: what the API's reads take under load, against a bare FastAPI route in the same run.

100,000 customers and as many loan accounts are put straight into an embedded server. The API serves as its
role does, and so does a bare app that does the same single read of a document; both, the database, the
sandbox ledger and the load generator (autocannon) share the machine. The ways take turns at each number of
connections, and ask for other documents all the time.
"""

import argparse
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple

from pymongo import MongoClient

from app.ledger.sandbox.books import Books
from app.ledger.sandbox.feed import Heard
from app.ledger.sandbox.loans import Balance, Opened
from app.runtime.servers.embedded import embedded_redis, free_port
from bench.shared.mongo import measured_mongo
from bench.shared.portfolio import load
from bench.shared.served import api_environment, reader_token, started

_LOAD = Path(__file__).parents[1] / "tools" / "node" / "load.mjs"
_AT_ONCE = (1, 8, 32)
_ASKED_FOR = 1_000
"""Different documents; those whose loans are in the ledger's books too."""
_NAMES = ("ann%20bar", "annabel", "jose%20den")
_GOAL_READ, _GOAL_OVERVIEW_MS, _GOAL_AT = 1.5, 150.0, 8
_UP_WITHIN_S = 30.0


class Way(NamedTuple):
    """Something to ask for, again and again."""

    name: str
    url: str
    paths: list[str]


class Seen(NamedTuple):
    """Answers a second of all connections together, and milliseconds of one."""

    rate: float
    p50: float
    p99: float


def main() -> None:
    """Load, ask, and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--customers", type=int, default=100_000, help="and as many loan accounts")
    arguments.add_argument("--seconds", type=int, default=8, help="of each way, each time")
    arguments.add_argument("--rounds", type=int, default=3)
    asked = arguments.parse_args()
    if not (_LOAD.parent / "node_modules").exists():
        sys.exit("The load generator is not there: npm ci in tools/node (Node.js 20 or newer).")
    with tempfile.TemporaryDirectory(prefix="billie-bench-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        mongo = measured_mongo(folder / "mongo")
        stack.callback(mongo.stop)
        redis = embedded_redis(folder / "redis")
        stack.callback(redis.stop)
        with MongoClient[dict[str, Any]](mongo.url) as client:
            load(client["bench"], asked.customers)
        numbers = random.Random(7).sample(range(asked.customers), min(_ASKED_FOR, asked.customers))
        _open_loans(folder / "ledger.db", numbers)
        ledger, api, bare = free_port(), free_port(), free_port()
        environment = api_environment(
            *(folder, api, mongo.url),
            mongo_db="bench",
            redis_url=redis.url,
            ledger_target=f"127.0.0.1:{ledger}",
        )
        for port, command in (
            (ledger, ("app.cli.main", "ledger-sandbox", "--data", str(folder / "ledger.db"))),
            (api, ("app.cli.main", "api")),
            (bare, ("bench.contenders.bare_api", mongo.url, "bench", str(bare))),
        ):
            _wait_for(port, started(stack, folder / f"{port}.log", environment, *command))
        _measure(_ways(api, bare, numbers), asked.seconds, asked.rounds)


def _ways(api: int, bare: int, numbers: list[int]) -> list[Way]:
    base, ids = f"http://127.0.0.1:{api}", [f"{number:06}" for number in numbers]
    return [
        Way("bare read", f"http://127.0.0.1:{bare}", [f"/v1/customers/CUS-{each}" for each in ids]),
        Way("customer", base, [f"/v1/customers/CUS-{each}" for each in ids]),
        Way("loan account", base, [f"/v1/loan-accounts/ACC-{each}" for each in ids]),
        Way("search by id", base, [f"/v1/search?q=CUS-{each}" for each in ids]),
        Way("search by name", base, [f"/v1/search?q={each}" for each in _NAMES]),
        Way("overview", base, [f"/v1/customers/CUS-{each}/overview" for each in ids]),
    ]


def _measure(ways: list[Way], seconds: int, rounds: int) -> None:
    token = reader_token()
    print(f"{'':20}{'at once':>8}{'answers/s':>11}{'p50 ms':>9}{'p99 ms':>9}{'x bare':>9}")
    met = True
    for at_once in _AT_ONCE:
        seen: dict[str, list[Seen]] = {way.name: [] for way in ways}
        for number in range(rounds + 1):
            for way in ways:
                report = _ask(way, token, at_once, seconds if number else 2)
                if number:  # The first is for all to get warm.
                    seen[way.name].append(report)
        for way in ways:
            it = _median(seen[way.name])
            slower = statistics.median(
                other.rate / one.rate for one, other in zip(seen[way.name], seen["bare read"], strict=True)
            )
            if way.name in ("customer", "loan account"):
                met = met and slower <= _GOAL_READ
            if way.name == "overview" and at_once == _GOAL_AT:
                met = met and it.p99 <= _GOAL_OVERVIEW_MS
            print(
                f"{way.name:20}{at_once:>8}{it.rate:>11,.0f}{it.p50:>9.1f}{it.p99:>9.1f}{slower:>9.2f}",
                flush=True,
            )
    print(
        f"\nGoals: reads within {_GOAL_READ:g} of bare; p99 of overview under {_GOAL_OVERVIEW_MS:.0f} ms "
        f"with {_GOAL_AT} at once: {'met' if met else 'MISSED'}"
    )


def _ask(way: Way, token: str, at_once: int, seconds: int) -> Seen:
    asked = {
        "url": way.url,
        "paths": way.paths,
        "headers": {"Authorization": f"Bearer {token}"},
        "connections": at_once,
        "seconds": seconds,
    }
    done = subprocess.run(
        ["node", str(_LOAD)], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    report = json.loads(done.stdout)
    if report["failed"]:
        msg = f"{way.name}, {at_once} at once: {report['failed']} answers were not 2xx"
        raise RuntimeError(msg)
    return Seen(report["rate"], report["p50"], report["p99"])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until somebody listens there. Raises RuntimeError where the process ended, or took too long."""
    until = monotonic() + _UP_WITHIN_S
    while process.poll() is None and monotonic() < until:
        with closing(socket.socket()) as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.05)
    msg = f"{process.args!r} does not listen: exit code {process.poll()}"
    raise RuntimeError(msg)


def _median(seen: list[Seen]) -> Seen:
    return Seen(*(statistics.median(each) for each in zip(*seen, strict=True)))


def _open_loans(path: Path, numbers: list[int]) -> None:
    with closing(Books(path)) as books:
        books.hear(
            Heard(
                f"id:open-{number}",
                datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
                [
                    Opened(f"ACC-{number:06}", Decimal(500), Decimal(120), f"CUS-{number:06}", f"LN{number}"),
                    Balance(f"ACC-{number:06}", Decimal(620), "DISBURSEMENT"),
                ],
            )
            for number in numbers
        )


if __name__ == "__main__":
    main()
