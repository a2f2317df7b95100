"""An event store with a backlog in it, without the way over Redis."""

from itertools import count, islice
from threading import Event
from typing import Any

from pymongo.database import Database

from app.aggregates import Servicing
from app.ingestion.catalogue import read_entry
from app.ingestion.landing import land
from app.projections.catalogue import all_projections
from app.projections.migrations import migrate
from app.projections.runner import run as project
from app.runtime.settings import Settings
from bench.backlog import backlog

_FIRST_MS = 1_772_300_000_000
_BATCH = 1_000


def store_backlog(settings: Settings, entries: int, seed: int = 1) -> int:
    """Land so many entries, of some twenty-five a customer. Returns the newest position."""
    servicing = Servicing.from_url(settings.event_store_url, cache=5_000)
    try:
        told, numbers = backlog(entries, seed, at_once=20), count()
        while page := list(islice(told, _BATCH)):
            messages = []
            for entry in page:
                fields = {name.encode(): text.encode() for name, text in entry.items()}
                number = f"{_FIRST_MS + next(numbers)}-{seed}".encode()
                if (message := read_entry("inbox", number, fields, settings.max_message_bytes)) is not None:
                    messages.append(message)
            land(servicing, messages, Event())
        return servicing.max_position()
    finally:
        servicing.close()


def stored_and_projected(settings: Settings, database: Database[dict[str, Any]], entries: int) -> int:
    """Migrate, land, and fold. Returns the newest position."""
    list(migrate(database))
    newest = store_backlog(settings, entries)
    project(settings, drain=True)
    return newest


def live(database: Database[dict[str, Any]], *names: str) -> dict[str, dict[str, dict[str, Any]]]:
    """All live documents by collection and ``_id``, the projector's stamps aside."""
    return {
        name: {
            each["_id"]: {field: value for field, value in each.items() if not field.startswith("_")}
            for each in database[name].find()
        }
        for name in names or all_projections(Settings())
    }
