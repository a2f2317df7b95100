"""``make bench-search``: what a search takes, against a bare read of one document by its id.

The documents are put straight into an embedded server, as the projections would make them, with the
indexes of the migrations. The API serves as its role does, in a process of its own; each question is asked
over one connection, in turns with the bare read, which goes from here to the database.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import quote

from pymongo import MongoClient
from pymongo.database import Database

from app.runtime.servers.embedded import free_port
from bench.shared.http_caller import HttpCaller
from bench.shared.mongo import measured_mongo
from bench.shared.portfolio import load
from bench.shared.served import api_environment, reader_token, started

_GOAL_MS = 50.0
_UP_WITHIN_S = 60.0


class Question(NamedTuple):
    """What is asked, what it is an example of, and how many items it has to find."""

    about: str
    text: str
    least: int


class Took(NamedTuple):
    """Milliseconds of one question, or of the bare read."""

    p50: float
    p99: float


def main() -> None:
    """Load, ask, and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--customers", type=int, default=100_000, help="and as many loan accounts")
    arguments.add_argument("--times", type=int, default=100, help="each question is asked")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="billie-bench-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        mongo = measured_mongo(folder / "mongo")
        stack.callback(mongo.stop)
        database = stack.enter_context(MongoClient[dict[str, Any]](mongo.url))["bench"]
        load(database, asked.customers)
        port = free_port()
        environment = api_environment(folder, port, mongo.url, mongo_db=database.name)
        started(stack, folder / "api.log", environment, "app.cli.main", "api")
        asyncio.run(_measure(database, port, _questions(asked.customers), asked.times))


def _questions(count: int) -> list[Question]:
    some = f"{count // 2 + 1:06}"
    return [
        Question("a rare name", "ostergard", 1),
        Question("two words of it", "Quist Wilhel", 1),
        Question("beginnings of two", "wil quis", 1),
        Question("a common beginning", "ann", 20),
        Question("a common name and a letter", "ann b", 20),
        Question("an e-mail's beginning", f"wilhelmina.østergård-quist{count // 2}", 1),
        Question("a phone number, formatted", f"04{int(some) % 100:02} {some[:3]} {some[3:]}", 1),
        Question("an id", f"cus-{some}", 1),
        Question("an id's last part", some, 2),
        Question("an account number", f"LN {7_000_000 + int(some)}", 1),
        Question("what all ids begin with", "cus0", 20),
        Question("nothing", "xyzzy", 0),
    ]


async def _measure(
    database: Database[dict[str, Any]], port: int, questions: list[Question], times: int
) -> None:
    token = reader_token()
    print(f"{'':28}{'found':>6}{'p50 ms':>9}{'p99 ms':>9}{'x bare read':>13}")
    met = True
    for about, text, least in questions:
        path = f"/v1/search?q={quote(text)}"
        caller = await HttpCaller.to(port, path, token, _UP_WITHIN_S)
        found = await asyncio.to_thread(_found, port, path, token)
        if found < least:
            msg = f"{about}: found {found}, and not {least}"
            raise RuntimeError(msg)
        took, bare = [], []
        for number in range(times):
            began = perf_counter()
            database["customers"].find_one({"_id": f"CUS-{number:06}"})
            bare.append(perf_counter() - began)
            began = perf_counter()
            await caller.get()
            took.append(perf_counter() - began)
        caller.close()
        one, other = _quantiles(took), _quantiles(bare)
        met = met and one.p50 < _GOAL_MS
        print(f"{about:28}{found:>6}{one.p50:>9.1f}{one.p99:>9.1f}{one.p50 / other.p50:>13.1f}", flush=True)
    print(f"\nThe bare read took {other.p50:.2f} ms at p50, {other.p99:.2f} at p99.")
    print(f"Goal: at most {_GOAL_MS:.0f} ms at p50: {'met' if met else 'MISSED'}")


def _found(port: int, path: str, token: str) -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request) as answer:
        return len(json.load(answer)["items"])


def _quantiles(seconds: list[float]) -> Took:
    parts = statistics.quantiles(seconds, n=100)
    return Took(parts[49] * 1000, parts[98] * 1000)


if __name__ == "__main__":
    main()
