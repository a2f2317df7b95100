"""``make bench-ingest``: our consumer against a raw floor and a plain consumer, on the same servers.

Each contender is a process that consumes the same seeded backlog, from the first read to the last
acknowledgement. Rounds alternate, so that what else the machine does meets all of them; a figure is the
median of its rounds, and a ratio is of figures of this run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from redis import Redis

from app.ingestion.stream.publish import publish
from app.runtime.servers.embedded import EmbeddedServer, embedded_redis
from bench.shared.backlog import backlog
from bench.shared.mongo import measured_mongo
from tools.private_postgres import private_postgres

_STREAM, _SHORT_STREAM, _GROUP = "bench:inbox", "bench:inbox-short", "bench"


@dataclass
class Figure:
    """What a contender did, round by round."""

    rates: list[float] = field(default_factory=list)
    peak_mb: float = 0.0

    @property
    def rate(self) -> float:
        """Entries a second."""
        return statistics.median(self.rates)


class Bench:
    """The servers, and how to let contenders run on them."""

    def __init__(
        self, folder: Path, redis: EmbeddedServer, mongo: EmbeddedServer, postgres: str | None
    ) -> None:
        self.folder, self.redis, self.mongo, self.postgres = folder, redis, mongo, postgres
        self.client = Redis.from_url(redis.url, protocol=2)
        self._runs = 0

    def run(
        self, name: str, stream: str, figure: Figure, *, processes: int = 1, on_postgres: bool = False
    ) -> None:
        """Let so many processes of a contender consume a stream from its beginning."""
        self._runs += 1
        store = (
            self._new_database() if on_postgres else f"sqlite:///{self.folder / f'events-{self._runs}.db'}"
        )
        settings = {
            "BILLIE_REDIS_URL": self.redis.url,
            "BILLIE_MONGO_URL": self.mongo.url,
            "BILLIE_MONGO_DB": f"bench-{self._runs}",
            "BILLIE_INBOX_STREAM": stream,
            "BILLIE_CONSUMER_GROUP": _GROUP,
            "BILLIE_EVENT_STORE_URL": store,
        }
        entries = self.client.xlen(stream)
        self.client.xgroup_create(stream, _GROUP, id="0")
        contenders = [
            subprocess.Popen(
                [sys.executable, "-m", "bench.contenders.contender", name],
                env=os.environ | settings,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(processes)
        ]
        for each in contenders:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n", f"{name} did not start"
        for each in contenders:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        reports = [json.loads(each.communicate()[0]) for each in contenders]
        figure.rates.append(entries / max(each["seconds"] for each in reports))
        figure.peak_mb = max(figure.peak_mb, *(each["peak_mb"] for each in reports))
        self.client.xgroup_destroy(stream, _GROUP)

    def _new_database(self) -> str:
        name = f"bench_{self._runs}"
        with psycopg.connect(f"{self.postgres}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"{self.postgres}/{name}"


def main() -> None:
    """Run, and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--entries", type=int, default=100_000)
    arguments.add_argument(
        "--plain-entries", type=int, default=4_000, help="for the plain consumer: it is slow"
    )
    arguments.add_argument("--rounds", type=int, default=3)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="billie-bench-") as temporary, ExitStack() as servers:
        folder = Path(temporary)
        folder.chmod(0o755)  # PostgreSQL's account must get to its folder.
        redis, mongo = embedded_redis(folder / "redis"), measured_mongo(folder / "mongo")
        servers.callback(redis.stop)
        servers.callback(mongo.stop)
        cluster = servers.enter_context(private_postgres(folder / "postgres"))
        bench = Bench(folder, redis, mongo, cluster and cluster.url)
        publish(bench.client, _STREAM, backlog(asked.entries))
        publish(bench.client, _SHORT_STREAM, backlog(asked.plain_entries))
        _report(_measure(bench, asked.rounds), asked.entries, asked.plain_entries)


def _measure(bench: Bench, rounds: int) -> dict[str, Figure]:
    names = ["floor", "floor without hiredis", "plain", "ours", "ours, two consumers"]
    if bench.postgres is not None:
        names += ["ours, PostgreSQL", "ours, PostgreSQL, two consumers"]
    figures = {name: Figure() for name in names}
    for number in range(rounds):
        for name, figure in figures.items():
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr)
            if name == "plain":
                bench.run("plain", _SHORT_STREAM, figure)
            else:
                contender = "ours" if name.startswith("ours") else name.replace(" ", "-")
                processes = 2 if name.endswith("two consumers") else 1
                bench.run(contender, _STREAM, figure, processes=processes, on_postgres="Postgre" in name)
    return figures


def _report(figures: dict[str, Figure], entries: int, plain_entries: int) -> None:
    floor, plain = figures["floor"].rate, figures["plain"].rate
    print(
        f"{entries:,} entries ({plain_entries:,} for the plain consumer); medians, and the range of rounds\n"
    )
    print(f"{'':34}{'entries/s':>10}  {'range':>17}  {'of floor':>8}  {'x plain':>8}  {'peak MB':>7}")
    for name, figure in figures.items():
        spread = f"{min(figure.rates):,.0f} to {max(figure.rates):,.0f}"
        print(
            f"{name:34}{figure.rate:>10,.0f}  {spread:>17}  {figure.rate / floor:>8.2f}  "
            f"{figure.rate / plain:>8.1f}  {figure.peak_mb:>7.0f}"
        )
    ours, slower_floor = figures["ours"].rate, figures["floor without hiredis"].rate
    print(f"\nours is {ours / plain:.1f} times the plain consumer (goal: 25),")
    print(
        f"{ours / floor:.2f} of the raw floor (goal: 0.33), {ours / slower_floor:.2f} of one without hiredis"
    )
    if "ours, PostgreSQL" not in figures:
        print("PostgreSQL is not installed here: nothing is said of it")


if __name__ == "__main__":
    main()
