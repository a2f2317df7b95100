"""A worker in a process of its own: says that it is ready, waits for the word, works, tells what it took.

Started by :mod:`bench.scaling`, with settings as any role has them.
"""

import json
import sys
from threading import Event
from time import perf_counter, process_time

from redis import Redis

from app.aggregates import Servicing
from app.ingestion.consumer import Consumer
from app.ingestion.consumer_name import consumer_name
from app.projections.migrations import migrate
from app.projections.runner import mongo_client, run
from app.runtime.settings import Settings, get_settings
from app.runtime.throughput import favour_throughput


class Timed(Servicing):
    """An event store that adds up how long this process had its turn, and followed others in it."""

    turn_s = follow_s = 0.0
    _taken_at = 0.0

    def take_turn(self) -> bool:
        crowded = super().take_turn()
        self._taken_at = perf_counter()
        return crowded

    def catch_up(self) -> None:
        begun = perf_counter()
        super().catch_up()
        self.follow_s += perf_counter() - begun

    def end_turn(self) -> None:
        if self._taken_at:
            self.turn_s += perf_counter() - self._taken_at
            self._taken_at = 0.0
        super().end_turn()


def _ready() -> tuple[float, float]:
    print("ready", flush=True)
    sys.stdin.readline()
    return perf_counter(), process_time()


def _tell(begun: tuple[float, float], **more: float) -> None:
    told = {"seconds": perf_counter() - begun[0], "cpu": process_time() - begun[1], **more}
    print(json.dumps(told), flush=True)


def ingest(settings: Settings) -> None:
    """``billie ingest --drain``, without its start."""
    taken = 0

    def count(entries: int, _dead: int) -> None:
        nonlocal taken
        taken += entries

    servicing = Timed.from_url(settings.event_store_url, cache=settings.aggregate_cache)
    assert isinstance(servicing, Timed)
    with Redis.from_url(settings.redis_url, protocol=2) as client, consumer_name(settings) as name:
        begun = _ready()
        Consumer(settings, client, servicing, Event(), name).run(drain=True, on_progress=count)
        _tell(begun, turn=servicing.turn_s, follow=servicing.follow_s, entries=taken)
    servicing.close()


def project(settings: Settings, names: list[str]) -> None:
    """``billie project --drain``, without its start."""
    with mongo_client(settings) as client:
        list(migrate(client[settings.mongo_db]))
    begun = _ready()
    run(settings, names, drain=True)
    _tell(begun)


if __name__ == "__main__":
    favour_throughput()
    if sys.argv[1] == "ingest":
        ingest(get_settings())
    else:
        project(get_settings(), sys.argv[2:])
