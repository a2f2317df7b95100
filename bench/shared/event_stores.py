"""Event stores that hold a backlog's events, made without the way over Redis."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import count, islice
from pathlib import Path
from threading import Event

from app.event_store.application import Servicing
from app.ingestion.messages.catalogue import Message, read_entry
from app.ingestion.stream.apply import apply_messages
from app.runtime.settings.settings import Settings
from bench.shared.backlog import Entry, backlog

_FIRST_MS = 1_772_300_000_000
_BATCH = 1_000
_AGGREGATES_IN_MEMORY = 5_000


def land_entries(
    servicing: Servicing, entries: Iterable[Entry], seed: int, max_message_bytes: int
) -> Iterator[int]:
    """Land entries a thousand at a time, and yield the newest position after each time.

    ``seed`` goes into the ids of the stream entries, so that two backlogs in one store have their own.
    """
    stream, numbers = iter(entries), count()
    while page := list(islice(stream, _BATCH)):
        messages: list[Message] = []
        for entry in page:
            fields = {name.encode(): text.encode() for name, text in entry.items()}
            entry_id = f"{_FIRST_MS + next(numbers)}-{seed}".encode()
            if (message := read_entry("inbox", entry_id, fields, max_message_bytes)) is not None:
                messages.append(message)
        apply_messages(servicing, messages, Event())
        yield servicing.max_position()


def make_stores(folder: Path, sizes: Sequence[int], seed: int = 1, at_once: int = 200) -> dict[int, str]:
    """SQLite stores of just so many events, by size, as URLs: each one the beginning of the next.

    ``at_once`` stories run at a time, as in :func:`bench.shared.backlog.backlog`.
    """
    stores: dict[int, str] = {}
    growing = folder / "growing.db"
    left = sorted(set(sizes))
    with closing(Servicing.from_url(f"sqlite:///{growing}", cache=_AGGREGATES_IN_MEMORY)) as servicing:
        # An entry leads to one event at least, so there are enough of them.
        stream = backlog(left[-1], seed, at_once)
        for newest in land_entries(servicing, stream, seed, Settings().max_message_bytes):
            while left and newest >= left[0]:
                size = left.pop(0)
                stores[size] = f"sqlite:///{_beginning(growing, folder / f'events-{size}.db', size)}"
            if not left:
                break
    return stores


def _beginning(store: Path, copy: Path, events: int) -> Path:
    with closing(sqlite3.connect(store)) as whole, closing(sqlite3.connect(copy)) as part:
        whole.backup(part)
        with part:
            part.execute("DELETE FROM stored_events WHERE rowid > ?", (events,))
    return copy
