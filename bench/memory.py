"""``make bench-memory``: what one ``billie ingest --drain`` needs of memory for a long backlog, on SQLite.

Shapes of backlog: ``normal`` is the one of the other benchmarks; ``large`` holds messages of 200 kB each.
The resident set is looked at four times a second. Its peak is the kernel's own, from ``/proc``; where there
is none, the highest of these looks. Redis holds the whole backlog: 1.2 GB for a million entries.
"""

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import psutil
from redis import Redis

from app.ingestion.stream.publish import publish
from app.runtime.servers.embedded import embedded_redis, tail
from app.runtime.settings.settings import get_settings
from bench.shared.backlog import Entry, backlog, large_backlog
from bench.shared.footprint import Footprint, Sample

_STREAM, _GROUP = "bench:inbox", "bench"
_LOOK_EVERY_S = 0.25
_SAY_EVERY_S = 10.0
_MB = 1_000_000

SHAPES: dict[str, tuple[Callable[[int], Iterator[Entry]], int, int]] = {
    "normal": (backlog, 1_000_000, 50_000),
    "large": (large_backlog, 6_000, 100),
}
"""Each shape's entries, their default number, and how many to publish in one go."""


def main() -> None:
    """Publish, let it be consumed, print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--shape", choices=SHAPES, default="normal")
    arguments.add_argument("--entries", type=int, help="1,000,000 of the normal shape, 6,000 large ones")
    asked = arguments.parse_args()
    make, usual, at_once = SHAPES[asked.shape]
    entries = usual if asked.entries is None else asked.entries
    with tempfile.TemporaryDirectory(prefix="billie-bench-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        redis = embedded_redis(folder / "redis")
        stack.callback(redis.stop)
        client = stack.enter_context(Redis.from_url(redis.url, protocol=2))
        _fill(client, make(entries), at_once)
        client.xgroup_create(_STREAM, _GROUP, id="0")
        store = folder / "events.db"
        footprint, peak_mb = _watch(client, _ingest(redis.url, store, folder / "ingest.log", stack), entries)
        _report(footprint, peak_mb, asked.shape, _cache_full_at(store))


def _fill(client: Redis, entries: Iterator[Entry], at_once: int) -> None:
    """Publish piece by piece: this process never holds more than one."""
    published, progress = 0, Progress()
    while more := publish(client, _STREAM, islice(entries, at_once)):
        published += more
        progress.show(f"{published:,} entries published")
    held: Any = client.info("memory")
    progress.show(
        f"{published:,} entries published; Redis holds {held['used_memory'] / _MB:,.0f} MB", last=True
    )


def _ingest(redis_url: str, store: Path, log: Path, stack: ExitStack) -> subprocess.Popen[bytes]:
    settings = {
        "BILLIE_REDIS_URL": redis_url,
        "BILLIE_INBOX_STREAM": _STREAM,
        "BILLIE_CONSUMER_GROUP": _GROUP,
        "BILLIE_EVENT_STORE_URL": f"sqlite:///{store}",
    }
    output = stack.enter_context(log.open("wb"))
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli.main", "ingest", "--drain"],
        env=os.environ | settings,
        stdout=output,
        stderr=output,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    stack.callback(lambda: process.returncode and print(tail(log), file=sys.stderr))
    return process


def _watch(client: Redis, process: subprocess.Popen[bytes], entries: int) -> tuple[Footprint, float]:
    """The samples until the process ends, and its peak in MB. Raises RuntimeError where it failed."""
    seen, peak, start = psutil.Process(process.pid), 0.0, perf_counter()
    progress = Progress()
    samples = [Sample(0.0, 0, 0.0, 0.0)]
    while process.poll() is None:
        try:
            mb, cpu = seen.memory_info().rss / _MB, seen.cpu_times()
            peak = max(peak, mb, _high_water_mb(process.pid))
        except psutil.NoSuchProcess:
            break
        samples.append(Sample(perf_counter() - start, _done(client), cpu.user + cpu.system, mb))
        progress.show(f"{samples[-1].done:,} of {entries:,} entries ingested, {mb:,.0f} MB")
        sleep(_LOOK_EVERY_S)
    progress.show(f"ended after {perf_counter() - start:,.0f} s", last=True)
    if process.wait() or _done(client) != entries:
        msg = f"billie ingest ended with {process.returncode} after {_done(client):,} of {entries:,} entries"
        raise RuntimeError(msg)
    samples.append(Sample(perf_counter() - start, entries, *samples[-1][2:]))
    return Footprint(samples, entries), peak


def _done(client: Redis) -> int:
    """Entries that are acknowledged."""
    groups: Any = client.xinfo_groups(_STREAM)
    return int(groups[0]["entries-read"] or 0) - int(groups[0]["pending"])


def _high_water_mb(pid: int) -> float:
    """The most that the process ever held, as the kernel knows it; 0 where there is no ``/proc``.

    What ``getrusage`` says of a child may be its parent's, until the child's program is loaded.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return max(
        (int(line.split()[1]) * 1_024 / _MB for line in lines if line.startswith("VmHWM:")), default=0.0
    )


def _cache_full_at(store: Path) -> float | None:
    """The part of the backlog after which so many aggregates were stored as the cache has room for."""
    first_event_of_the_last = (
        "SELECT rowid * 1.0 / (SELECT max(rowid) FROM stored_events) FROM stored_events "
        "WHERE originator_version = 1 ORDER BY rowid LIMIT 1 OFFSET ?"
    )
    database = sqlite3.connect(store)
    found = database.execute(first_event_of_the_last, (get_settings().aggregate_cache - 1,)).fetchone()
    database.close()
    return found[0] if found else None


def _report(footprint: Footprint, peak_mb: float, shape: str, full_at: float | None) -> None:
    room = get_settings().aggregate_cache
    print(f"{footprint.entries:,} entries, {shape} shape; one `billie ingest --drain` on SQLite\n")
    print(f"{'done':>5}  {'entries':>10}  {'MB':>6}  {'entries/s':>9}  {'CPU, us/entry':>13}")
    for each in footprint.tenths():
        done = footprint.entries * each.percent // 100
        print(f"{each.percent:>4}%  {done:>10,}  {each.mb:>6,.0f}  {each.rate:>9,.0f}  {each.cpu_us:>13,.0f}")
    print(f"\npeak {peak_mb:,.0f} MB; from 20 % to 100 % it grew {footprint.growth(20):.2f}-fold")
    if full_at is None:
        print(f"there were fewer aggregates than the cache has room for ({room:,})")
        return
    print(f"the cache of {room:,} aggregates was full at {full_at:.0%}", end="")
    since = min(int(full_at * 10) * 10 + 20, 100)  # The first whole tenth afterwards.
    print(f"; from {since} % on it grew {footprint.growth(since):.2f}-fold" if since < 100 else "")


class Progress:
    """How far it is, on stderr: one live line on a terminal, elsewhere a line every ten seconds."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._said_at = perf_counter()

    def show(self, text: str, *, last: bool = False) -> None:
        """Show how things are; ``last``: this line stays."""
        if self._live:
            print(f"\r\033[K{text}", end="\n" if last else "", file=sys.stderr, flush=True)
        elif last or perf_counter() - self._said_at > _SAY_EVERY_S:
            self._said_at = perf_counter()
            print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
