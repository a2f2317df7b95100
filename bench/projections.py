"""``make bench-projections``: following, rebuilding and verifying read models, against two others.

The one is a floor: the events read as rows, and the documents as they are in the end inserted once. The
other is the eventsourcing library's own ``ProjectionRunner`` with a plain projection. All of them are
processes that work on one embedded MongoDB server and on the same events; rounds alternate, so that
what else the machine does meets all of them, and a ratio is of one round.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from pymongo import MongoClient

from app.projections.read_models.catalogue import all_projections
from app.runtime.servers.embedded import EmbeddedServer
from app.runtime.settings.settings import Settings
from bench.shared.event_stores import make_stores
from bench.shared.measured import Figure, Run
from bench.shared.mongo import measured_mongo
from bench.shared.projection_tables import CHANGED, LIBRARY, TOGETHER, WAYS, Table, report, report_growth

_ALL = tuple(all_projections(Settings()))
_THREE = ("customers", "loan-accounts", "conversations")
_SETS: dict[str, tuple[str, ...]] = {**{name: (name,) for name in _THREE}, TOGETHER: _THREE, "all": _ALL}
_SIZES = (50_000, 100_000, 200_000, 500_000)


class Bench:
    """The server, the event stores, and how to let a contender run on them."""

    def __init__(self, mongo: EmbeddedServer, stores: dict[int, str]) -> None:
        self._mongo, self._stores = mongo, stores
        self._server = psutil.Process(mongo.pid)
        self._client = MongoClient[dict[str, Any]](mongo.url)
        self._databases = 0

    def new_database(self) -> str:
        """The name of one that is not there yet."""
        self._databases += 1
        return f"bench-{self._databases}"

    def run(self, way: str, events: int, names: Sequence[str], database: str, source: str = "-") -> Run:
        """Let one process work through so many events. Raises RuntimeError where it fails."""
        environment = os.environ | {
            "BILLIE_MONGO_URL": self._mongo.url,
            "BILLIE_MONGO_DB": database,
            "BILLIE_EVENT_STORE_URL": self._stores[events],
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.contenders.projection_contender", way, source, *names],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        ready = process.stdout.readline()
        computed = self._computed()
        output, _ = process.communicate("go\n")
        if ready != "ready\n" or process.returncode:
            msg = f"{way} of {', '.join(names)} failed: see its output above"
            raise RuntimeError(msg)
        took = json.loads(output)
        cpu_s = took["cpu_s"] + self._computed() - computed
        return Run(events, took["seconds"], cpu_s, took["peak_mb"])

    def change_all(self, database: str) -> None:
        """Make every document another than the events say."""
        for name in _THREE:
            self._client[database][name].update_many({}, {"$set": {"_changed": True}})

    def _computed(self) -> float:
        times = self._server.cpu_times()
        return float(times.user + times.system)


def main() -> None:
    """Make the events, run, print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=200_000)
    arguments.add_argument("--library-events", type=int, default=3_000, help="for the library: it is slow")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--most", type=int, default=200_000, help="where the table of growth ends")
    arguments.add_argument("--no-growth", action="store_true", help="leave that table out")
    asked = arguments.parse_args()
    sizes = [] if asked.no_growth else [*(each for each in _SIZES if each < asked.most), asked.most]
    with tempfile.TemporaryDirectory(prefix="billie-bench-") as temporary:
        folder = Path(temporary)
        _say("making the events")
        stores = make_stores(folder, [asked.library_events, asked.events, *sizes])
        mongo = measured_mongo(folder / "mongo")
        try:
            bench = Bench(mongo, stores)
            report(_measure(bench, asked.events, asked.library_events, asked.rounds), asked.events)
            if sizes:
                report_growth({size: _grow(bench, size) for size in sizes})
        finally:
            mongo.stop()


def _measure(bench: Bench, events: int, library_events: int, rounds: int) -> Table:
    figures: Table = {(way, chosen): Figure() for way in WAYS for chosen in _SETS}
    figures |= {(way, TOGETHER): Figure() for way in (CHANGED, LIBRARY)}
    for number in range(rounds):
        for chosen, names in _SETS.items():
            _say(f"round {number + 1} of {rounds}: {chosen}")
            live, other = bench.new_database(), bench.new_database()
            for way in WAYS:
                database = other if way == "floor" else live
                figures[way, chosen].runs.append(bench.run(way, events, names, database, live))
            if chosen == TOGETHER:
                bench.change_all(live)
                figures[CHANGED, chosen].runs.append(bench.run("rebuild", events, names, live))
        _say(f"round {number + 1} of {rounds}: the library")
        library = bench.run(LIBRARY, library_events, _THREE, bench.new_database())
        figures[LIBRARY, TOGETHER].runs.append(library)
    return figures


def _grow(bench: Bench, events: int) -> dict[str, Run]:
    _say(f"{events:,} events")
    live, other = bench.new_database(), bench.new_database()
    return {way: bench.run(way, events, _ALL, other if way == "floor" else live, live) for way in WAYS}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
