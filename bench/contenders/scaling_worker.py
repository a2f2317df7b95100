"""A worker in a process of its own: says that it is ready, waits for the word, works, tells what it took.

Started by :mod:`bench.scaling`, with settings as any role has them.
"""

import json
import sys
from collections.abc import Sequence
from threading import Event
from time import perf_counter, process_time, thread_time

from redis import Redis

from app.event_store.application import Servicing
from app.ingestion.messages.catalogue import Message
from app.ingestion.stream import consumer
from app.ingestion.stream.apply import AppliedBatch
from app.ingestion.stream.consumer_name import consumer_name
from app.runtime.bootstrap import Process, Project
from app.runtime.servers.gc_tuning import favour_throughput
from app.runtime.settings.settings import Settings, get_settings


class TimedBatch(AppliedBatch):
    """Adds up what was computed in turns: nobody else can do that at the same time."""

    turn_s = 0.0

    def __init__(self, servicing: Servicing, messages: Sequence[Message]) -> None:
        begun = thread_time()
        super().__init__(servicing, messages)
        TimedBatch.turn_s += thread_time() - begun

    def store(self, stop: Event) -> None:
        begun = thread_time()
        super().store(stop)
        TimedBatch.turn_s += thread_time() - begun


def _ready() -> tuple[float, float]:
    print("ready", flush=True)
    sys.stdin.readline()
    return perf_counter(), process_time()


def _tell(begun: tuple[float, float], **more: float) -> None:
    report = {"seconds": perf_counter() - begun[0], "cpu": process_time() - begun[1], **more}
    print(json.dumps(report), flush=True)


def ingest(settings: Settings) -> None:
    """``billie ingest --drain``, without its start."""
    taken = 0

    def count(entries: int, _dead: int) -> None:
        nonlocal taken
        taken += entries

    consumer.AppliedBatch = TimedBatch  # type: ignore[misc]
    servicing = Servicing.from_url(settings.event_store_url, cache=settings.aggregate_cache)
    with Redis.from_url(settings.redis_url, protocol=2) as client, consumer_name(settings) as name:
        begun = _ready()
        consumer.Consumer(settings, client, servicing, Event(), name).run(drain=True, on_progress=count)
        _tell(begun, turn=TimedBatch.turn_s, entries=taken)
    servicing.close()


def project(settings: Settings, names: list[str]) -> None:
    """``billie project --drain``, without its start."""
    begun = _ready()
    Project(Process(settings), names).run(drain=True)
    _tell(begun)


if __name__ == "__main__":
    favour_throughput()
    if sys.argv[1] == "ingest":
        ingest(get_settings())
    else:
        project(get_settings(), sys.argv[2:])
