"""An event store with a backlog in it, without the way over Redis."""

from contextlib import closing
from typing import Any

from pymongo.database import Database

from app.event_store.application import Servicing
from app.projections.migrations import migrate
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings
from bench.shared.backlog import backlog
from bench.shared.event_stores import land_entries
from tests.support.roles import project


def store_backlog(settings: Settings, entries: int, seed: int = 1) -> int:
    """Land so many entries, of some twenty-five a customer. Returns the newest position."""
    with closing(Servicing.from_url(settings.event_store_url, cache=5_000)) as servicing:
        for _ in land_entries(
            servicing, backlog(entries, seed, at_once=20), seed, settings.max_message_bytes
        ):
            pass
        return servicing.max_position()


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
