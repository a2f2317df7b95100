"""What a test can see of the system from outside: documents, positions, pending entries."""

from collections.abc import Iterable
from typing import Any

from pymongo.database import Database
from redis import Redis

from app.event_store.application import Servicing
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings

READ_MODELS = tuple(all_projections(Settings()))
FROM_MESSAGES = tuple(name for name in READ_MODELS if name not in ("contact-notes", "ledger-commands"))
HISTORIES = ("portfolio-daily", "customer-timeline")
"""They show the events as they were recorded, and older news that arrives after newer is no event.

So they depend on the order of arrival, as the others do not: what they hold is verified against the events.
"""
IN_ANY_ORDER = tuple(name for name in READ_MODELS if name not in HISTORIES)


def documents(
    database: Database[dict[str, Any]], names: Iterable[str] = READ_MODELS
) -> dict[str, list[dict[str, Any]]]:
    """All documents as analysts see them: without the position that they have come to."""
    return {
        name: [
            {key: value for key, value in document.items() if key != "_position"}
            for document in database[name].find().sort("_id")
        ]
        for name in names
    }


def newest_position(settings: Settings) -> int:
    """How many events the store holds."""
    servicing = Servicing.from_url(settings.event_store_url)
    try:
        return servicing.max_position()
    finally:
        servicing.close()


def pending(client: Redis, settings: Settings) -> int:
    """How many entries were read and not acknowledged."""
    answer: Any = client.xpending(settings.inbox_stream, settings.consumer_group)
    return int(answer["pending"])


def dead_letters(client: Redis, settings: Settings) -> list[dict[str, str]]:
    """The dead letters, oldest first."""
    dead_letters: Any = client.xrange(settings.dead_letter_stream)
    return [
        {name.decode(): value.decode() for name, value in fields.items()}
        for _entry_id, fields in dead_letters
    ]


def all_read(client: Redis, settings: Settings) -> bool:
    """Whether the group was given all entries of the stream."""
    groups: Any = client.xinfo_groups(settings.inbox_stream)
    last: Any = client.xinfo_stream(settings.inbox_stream)["last-generated-id"]
    mine = [group for group in groups if group["name"].decode() == settings.consumer_group]
    return bool(mine) and mine[0]["last-delivered-id"] == last


def least_position(database: Database[dict[str, Any]]) -> int:
    """How far the projection is that is furthest behind; 0 until all have begun."""
    positions = [item["position"] for item in database["projection-positions"].find()]
    return min(positions) if len(positions) == len(READ_MODELS) else 0
