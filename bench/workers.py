"""``make bench-workers``: 1, 2 and 4 consumers, and 1, 2 and 4 projectors, on PostgreSQL.

Each run works through the same backlog: consumers into a new event store, projectors of one store into a new
database. All consumers' stores have to lead to the same documents, and so have all projectors: those read
models aside that depend on the order of arrival by design, which differs between runs of consumers.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import psycopg
from pymongo import MongoClient
from redis import Redis

from app.ingestion.stream.publish import publish
from app.projections.migrations import migrate
from app.projections.read_models.catalogue import all_projections
from app.runtime.servers.embedded import embedded_redis
from app.runtime.settings.settings import Settings
from bench.shared.backlog import backlog
from bench.shared.mongo import measured_mongo
from tools.private_postgres import private_postgres

_STREAM, _GROUP = "bench:inbox", "bench"
_WORKERS = (1, 2, 4)
_ALL = tuple(all_projections(Settings()))
_HISTORIES = ("portfolio-daily", "customer-timeline")

Reports = list[dict[str, Any]]


class Bench:
    """The servers, and how to let workers run on them."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        """Exits with 1 where PostgreSQL is not installed."""
        redis, mongo = embedded_redis(folder / "redis"), measured_mongo(folder / "mongo")
        running.callback(redis.stop)
        running.callback(mongo.stop)
        cluster = running.enter_context(private_postgres(folder / "postgres"))
        if cluster is None:
            sys.exit("PostgreSQL is not installed: apt-get install --no-install-recommends postgresql")
        self._cluster = cluster.url
        self.client = Redis.from_url(redis.url, protocol=2)
        self._mongo = MongoClient[dict[str, Any]](mongo.url)
        self._settings = {
            "BILLIE_REDIS_URL": redis.url,
            "BILLIE_MONGO_URL": mongo.url,
            "BILLIE_INBOX_STREAM": _STREAM,
            "BILLIE_CONSUMER_GROUP": _GROUP,
        }
        self._made = 0

    def ingest(self, workers: int) -> tuple[str, float]:
        """Into a new store: its URL, and how long it took."""
        store = self._new_store()
        self.client.xgroup_create(_STREAM, _GROUP, id="0")
        reports = self._run(["bench.contenders.contender", "ours"], workers, BILLIE_EVENT_STORE_URL=store)
        self.client.xgroup_destroy(_STREAM, _GROUP)
        return store, max(each["seconds"] for each in reports)

    def project(self, workers: int, store: str) -> tuple[str, float]:
        """Into a new database: its name, and how long it took."""
        self._made += 1
        name = f"bench-{self._made}"
        list(migrate(self._mongo[name]))  # Each would do it, and only one at a time can.
        reports = self._run(
            ["bench.contenders.projection_contender", "live", "-", *_ALL],
            workers,
            BILLIE_EVENT_STORE_URL=store,
            BILLIE_MONGO_DB=name,
        )
        return name, max(each["seconds"] for each in reports)

    def checksum(self, database: str, names: Sequence[str]) -> str:
        """Of all documents of some read models, our own stamps aside."""
        summed = sha256()
        for name in names:
            for document in self._mongo[database][name].find().sort("_id"):
                plain = {key: value for key, value in document.items() if not key.startswith("_")}
                row = orjson.dumps([name, document["_id"], plain], default=str, option=orjson.OPT_SORT_KEYS)
                summed.update(row)
        return summed.hexdigest()

    def events_of(self, store: str) -> int:
        """How many events a store holds."""
        with psycopg.connect(store) as connection:
            found = connection.execute("SELECT COUNT(*) FROM servicing_events").fetchone()
        assert found is not None
        return int(found[0])

    def _run(self, command: list[str], workers: int, **settings: str) -> Reports:
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", *command],
                env=os.environ | self._settings | settings,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(workers)
        ]
        for each in processes:
            assert each.stdout is not None
            if each.stdout.readline() != "ready\n":
                msg = f"{command[0]} did not start: see its output above"
                raise RuntimeError(msg)
        for each in processes:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        reports = [each.communicate()[0] for each in processes]
        if any(each.returncode for each in processes):
            msg = f"{command[0]} failed: see its output above"
            raise RuntimeError(msg)
        return [json.loads(each) for each in reports]

    def _new_store(self) -> str:
        self._made += 1
        name = f"bench_{self._made}"
        with psycopg.connect(f"{self._cluster}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"{self._cluster}/{name}"


def main() -> None:
    """Run, and print the table. Exits with 1 where documents differ."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--entries", type=int, default=50_000)
    arguments.add_argument("--rounds", type=int, default=3)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="billie-bench-") as temporary, ExitStack() as running:
        folder = Path(temporary)
        folder.chmod(0o755)  # PostgreSQL's account must get to its folder.
        bench = Bench(folder, running)
        publish(bench.client, _STREAM, backlog(asked.entries))
        ingested, projected, same = _measure(bench, asked.entries, asked.rounds)
    print("| workers | consumers: entries/s | times one | projectors: events/s | times one |")
    print("|---|---|---|---|---|")
    for workers in _WORKERS:
        one, other = (statistics.median(rates[workers]) for rates in (ingested, projected))
        of_one = [
            statistics.median(rates[workers]) / statistics.median(rates[1]) for rates in (ingested, projected)
        ]
        print(f"| {workers} | {one:,.0f} | {of_one[0]:.2f} | {other:,.0f} | {of_one[1]:.2f} |")
    print("The documents of all runs are the same." if same else "DOCUMENTS DIFFER between runs.")
    sys.exit(0 if same else 1)


Rates = dict[int, list[float]]


def _measure(bench: Bench, entries: int, rounds: int) -> tuple[Rates, Rates, bool]:
    in_any_order = [name for name in _ALL if name not in _HISTORIES]
    ingested: Rates = {workers: [] for workers in _WORKERS}
    projected: Rates = {workers: [] for workers in _WORKERS}
    of_consumers, of_projectors = set(), set()
    for number in range(rounds):
        for workers in _WORKERS:
            _say(f"round {number + 1} of {rounds}: {workers} consumers")
            store, seconds = bench.ingest(workers)
            ingested[workers].append(entries / seconds)
            database, _ = bench.project(1, store)
            of_consumers.add(bench.checksum(database, in_any_order))
        store, _ = bench.ingest(1)
        events = bench.events_of(store)
        for workers in _WORKERS:
            _say(f"round {number + 1} of {rounds}: {workers} projectors")
            database, seconds = bench.project(workers, store)
            projected[workers].append(events / seconds)
            of_projectors.add((number, bench.checksum(database, _ALL)))
    return ingested, projected, len(of_consumers) == 1 and len(of_projectors) == rounds


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
