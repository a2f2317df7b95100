"""``make bench-scaling``: what a message and an event cost, and whether one worker foretells four.

Small by default: a few minutes. Figures of seconds are of the machine; what the model foretells is
compared with what the same run measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from pymongo import MongoClient
from redis import Redis

from app.event_store.application import Servicing
from app.ingestion.stream.publish import publish
from app.projections.migrations import migrate
from app.projections.read_models.catalogue import all_projections
from app.runtime.servers.embedded import EmbeddedServer, embedded_redis
from app.runtime.settings.settings import Settings
from bench.shared.backlog import backlog
from bench.shared.event_stores import make_stores
from bench.shared.mongo import measured_mongo
from bench.shared.scaling_model import IngestCosts, ProjectCosts, Rate, ingest_rate, project_rate

_STREAM, _GROUP = "bench:inbox", "bench"
_MODELS = tuple(all_projections(Settings()))


@dataclass(frozen=True)
class Ran:
    """Several processes that worked through one backlog: seconds of the clock, and the report of each."""

    seconds: float
    servers_s: float
    reports: Sequence[Mapping[str, float]]

    def total(self, what: str) -> float:
        """Of all of them."""
        return sum(each[what] for each in self.reports)


def together(arguments: Sequence[Sequence[str]], environment: Mapping[str, str], server_pid: int) -> Ran:
    """Start a process for each of these, let them go at the same moment, and wait for all."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.contenders.scaling_worker", *each],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for each in arguments
    ]
    for each in processes:
        assert each.stdout is not None
        if each.stdout.readline() != "ready\n":
            msg = "A worker did not start: see its output above"
            raise RuntimeError(msg)
    server = _computed(server_pid)
    for each in processes:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    reports = [json.loads(each.communicate()[0]) for each in processes]
    return Ran(max(each["seconds"] for each in reports), _computed(server_pid) - server, reports)


def ingest(folder: Path, redis: EmbeddedServer, entries: int, workers: int) -> Ran:
    """So many consumers of one backlog, into one new SQLite store."""
    with Redis.from_url(redis.url, protocol=2) as client:
        client.flushall()
        publish(client, _STREAM, backlog(entries))
        client.xgroup_create(_STREAM, _GROUP, id="0")
    environment = {
        "BILLIE_REDIS_URL": redis.url,
        "BILLIE_INBOX_STREAM": _STREAM,
        "BILLIE_CONSUMER_GROUP": _GROUP,
        "BILLIE_EVENT_STORE_URL": f"sqlite:///{folder / f'ingested-{workers}.db'}",
    }
    return together([("ingest",)] * workers, environment, redis.pid)


def project(store: str, mongo: EmbeddedServer, database: str, shares: Sequence[Sequence[str]]) -> Ran:
    """A projector for each share of the read models, into a new database."""
    with MongoClient[dict[str, Any]](mongo.url) as client:
        list(migrate(client[database]))
    environment = {
        "BILLIE_MONGO_URL": mongo.url,
        "BILLIE_MONGO_DB": database,
        "BILLIE_EVENT_STORE_URL": store,
    }
    return together([("project", *share) for share in shares], environment, mongo.pid)


def ingest_costs(alone: Ran, two: Ran, entries: int) -> IngestCosts:
    """What one worker's run says of a message; and of two, what it takes that there is another one."""
    turn, process = alone.total("turn") / entries, alone.total("cpu") / entries
    return IngestCosts(
        turn=turn,
        follow=max(0.0, two.total("cpu") / entries - process) * 2,
        beside=max(0.0, process - turn),
        servers=alone.servers_s / entries,
    )


def project_costs(each: Mapping[str, Ran], events: int) -> ProjectCosts:
    """What each read model on its own takes of an event."""
    models = {name: ran.total("cpu") / events for name, ran in each.items()}
    return ProjectCosts(models, sum(ran.servers_s for ran in each.values()) / events)


def bytes_by_type(url: str) -> Iterator[tuple[str, int, float]]:
    """Each type of event in a store: its name, how many there are, and the mean size of its state."""
    sizes: dict[str, list[int]] = defaultdict(list)
    with closing(Servicing.from_url(url)) as servicing:
        position, newest = 0, servicing.max_position()
        while position < newest:
            page = servicing.page(position, newest, 5_000)
            for row in page:
                sizes[row.topic.rpartition(":")[2]].append(len(row.state))
            position = page[-1].position
    for name, found in sorted(sizes.items(), key=lambda item: -sum(item[1])):
        yield name, len(found), sum(found) / len(found)


def document_bytes(mongo: EmbeddedServer, database: str) -> Iterator[tuple[str, int, float]]:
    """Each read model: how many documents it has, and their mean size as BSON."""
    with MongoClient[dict[str, Any]](mongo.url) as client:
        for name in _MODELS:
            sized = [{"$group": {"_id": None, "n": {"$sum": 1}, "bytes": {"$sum": {"$bsonSize": "$$ROOT"}}}}]
            for found in client[database][name].aggregate(sized):
                yield name, found["n"], found["bytes"] / found["n"]


def main() -> None:
    """Measure, foretell, compare."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--entries", type=int, default=20_000)
    arguments.add_argument("--events", type=int, default=20_000)
    arguments.add_argument("--workers", type=int, default=4)
    asked = arguments.parse_args()
    cores = float(psutil.cpu_count() or 1)
    print(f"{cores:.0f} processors, load average {psutil.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="billie-bench-") as temporary, ExitStack() as servers:
        folder = Path(temporary)
        redis, mongo = embedded_redis(folder / "redis"), measured_mongo(folder / "mongo")
        servers.callback(redis.stop)
        servers.callback(mongo.stop)
        alone = ingest(folder, redis, asked.entries, 1)
        two = ingest(folder, redis, asked.entries, 2)
        several = ingest(folder, redis, asked.entries, asked.workers)
        costs = ingest_costs(alone, two, asked.entries)
        print(f"ingestion, microseconds a message: {_microseconds(costs.__dict__)}")
        for workers, ran in ((1, alone), (asked.workers, several)):
            _compare(f"{workers} ingest", ingest_rate(costs, workers, cores), ran, asked.entries)
        store = make_stores(folder, [asked.events])[asked.events]
        each = {name: project(store, mongo, f"alone-{name}", [[name]]) for name in _MODELS}
        found = project_costs(each, asked.events)
        costs = _microseconds({**found.models, "MongoDB": found.servers})
        print(f"projection, microseconds an event: {costs}")
        for shares in ([[*_MODELS]], [[*_MODELS[place :: asked.workers]] for place in range(asked.workers)]):
            ran = project(store, mongo, f"by-{len(shares)}", shares)
            _compare(f"{len(shares)} project", project_rate(found, shares, cores), ran, asked.events)
        for name, number, size in bytes_by_type(store):
            print(f"event {name:50}{number:>8,}{size:>8,.0f} bytes")
        for name, number, size in document_bytes(mongo, "by-1"):
            print(f"document {name:47}{number:>8,}{size:>8,.0f} bytes")


def _compare(what: str, foretold: Rate, ran: Ran, number: int) -> None:
    """The rate as measured is of free processors only; processor time is the same on a busy machine."""
    rate, computed = number / ran.seconds, (ran.total("cpu") + ran.servers_s) / number
    print(
        f"{what:10} foretold {foretold.a_second:>7,.0f} a second ({foretold.limit}), measured {rate:>7,.0f}, "
        f"{rate / foretold.a_second:.2f} of it; processor time foretold {foretold.computed * 1e6:.0f} us, "
        f"measured {computed * 1e6:.0f}, {computed / foretold.computed:.2f} of it"
    )


def _microseconds(costs: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {seconds * 1e6:.0f}" for name, seconds in costs.items())


def _computed(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
