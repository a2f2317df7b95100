"""How many of our files one fact passes through: ``python tools/reading_cost.py [--files]``.

Runs each fact once under ``sys.setprofile``, on servers of its own, and counts the files of ``app/`` whose
functions were called. Exits with 1 if a limit is exceeded. ``--files`` lists the files as well.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from types import FrameType
from typing import Any

from redis import Redis

import app
from app.event_store.application import Servicing
from app.ingestion.stream.consumer import Consumer
from app.ingestion.stream.publish import publish
from app.projections.engine.projector import Projector
from app.projections.read_models.catalogue import all_projections
from app.runtime.servers.clients import mongo_client
from app.runtime.servers.embedded import embedded_mongo, embedded_redis
from app.runtime.settings.settings import Settings

ROOT = Path(app.__file__).parent
OPENED = {"typ": "account.created.v1", "id": "1", "dat": '{"account_id": "A", "customer_id": "C"}'}
UPDATED = {
    "typ": "account.updated.v1",
    "id": "2",
    "dat": '{"account_id": "A", "current_balance": "5.00"}',
}


@dataclass
class Cost:
    """The functions of ours that were called, by file."""

    files: dict[str, set[str]]


@contextmanager
def counted() -> Iterator[Cost]:
    """Count what this thread, and every thread started meanwhile, calls."""
    cost = Cost({})

    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and (path := frame.f_code.co_filename).startswith(str(ROOT)):
            cost.files.setdefault(str(Path(path).relative_to(ROOT)), set()).add(frame.f_code.co_qualname)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield cost
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def message_to_event(settings: Settings) -> Cost:
    """One ``account.updated.v1`` of a known account: read, applied, stored, acknowledged."""
    servicing = Servicing.from_url(settings.event_store_url, cache=settings.aggregate_cache)
    with Redis.from_url(settings.redis_url, protocol=2) as redis:
        consumer = Consumer(settings, redis, servicing, Event())
        publish(redis, settings.inbox_stream, [OPENED])
        consumer.run(drain=True)
        publish(redis, settings.inbox_stream, [UPDATED])
        before = servicing.max_position()
        with counted() as cost, ThreadPoolExecutor(1) as storing:
            consumer._step(storing, lambda _entries, _dead: None, block=False)
        assert servicing.max_position() == before + 1, "the update is one event"
    servicing.close()
    return cost


def event_to_document(settings: Settings) -> Cost:
    """The event of that message: read, folded into the loan account's document, written."""
    servicing = Servicing.from_url(settings.event_store_url)
    client = mongo_client(settings)
    projection = all_projections(settings)["loan-accounts"]
    projector = Projector(projection, servicing, client[settings.mongo_db])
    with Redis.from_url(settings.redis_url, protocol=2) as redis:
        for entry in (OPENED, UPDATED):
            publish(redis, settings.inbox_stream, [entry])
            Consumer(settings, redis, servicing, Event()).run(drain=True)
            with counted() as cost:
                assert projector.step()
    document = client[settings.mongo_db]["loan-accounts"].find_one({"_id": "A"})
    assert document is not None
    assert str(document["balances"]["currentBalance"]) == "5.00"
    client.close()
    servicing.close()
    return cost


FACTS: dict[str, tuple[int, Callable[[Settings], Cost]]] = {
    "a message to its stored event": (20, message_to_event),
    "an event to its document": (15, event_to_document),
    # "a repayment over the API": (18, repayment),
    # "a console page": (25, console_page),
}
"""By name: the limit of files, and what runs it once, warm, on the servers of these settings."""


def measure(directory: Path) -> dict[str, Cost]:
    """The cost of each fact, each on databases of its own."""
    redis, mongo = embedded_redis(directory / "redis"), embedded_mongo(directory / "mongo", is_synced=False)
    try:
        costs = {}
        for number, (name, (_, run)) in enumerate(FACTS.items()):
            settings = Settings(
                redis_url=redis.url,
                inbox_stream=f"inbox:{number}",
                dead_letter_stream=f"dead-letters:{number}",
                mongo_url=mongo.url,
                mongo_db=f"reading_cost_{number}",
                event_store_url=f"sqlite:///{directory}/{number}.db",
            )
            costs[name] = run(settings)
        return costs
    finally:
        redis.stop()
        mongo.stop()


def main(arguments: list[str]) -> int:
    """Print the table. Returns the exit code."""
    with TemporaryDirectory() as directory:
        costs = measure(Path(directory))
    print(f"{'fact':<32} {'files':>6} {'limit':>6} {'functions':>10}")
    is_over = False
    for name, cost in costs.items():
        limit, functions = FACTS[name][0], sum(map(len, cost.files.values()))
        is_over |= len(cost.files) > limit
        mark = "  over the limit" if len(cost.files) > limit else ""
        print(f"{name:<32} {len(cost.files):>6} {limit:>6} {functions:>10}{mark}")
        if "--files" in arguments:
            for path, called in sorted(cost.files.items()):
                print(f"    {path}: {', '.join(sorted(called))}")
    return int(is_over)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
