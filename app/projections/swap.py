"""A rebuild's record in ``projection-positions``, and the moment in which it takes over."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pymongo.database import Database

from app.projections.positions import COLLECTION
from app.projections.projection import Projection
from app.projections.shadow import drop_shadows, rename_shadows


class Phase(StrEnum):
    """Where a rebuild is."""

    FOLD = "fold"
    CATCH_UP = "catch_up"
    SWAP = "swap"


def record_id(name: str) -> str:
    """The ``_id`` of a projection's rebuild."""
    return f"{name}#rebuild"


def begin_swap(database: Database[dict[str, Any]], projection: Projection, figures: dict[str, Any]) -> None:
    """From here on the swap is finished by whoever has the projection's lease, come what may.

    ``figures`` hold the position of the shadow, and what to remember of the rebuild.
    """
    database[COLLECTION].update_one(
        {"_id": record_id(projection.name)}, {"$set": {**figures, "phase": Phase.SWAP.value}}
    )


def finish_swap(database: Database[dict[str, Any]], projection: Projection) -> bool:
    """Finish a swap that was begun, if one was: for whoever has the projection's lease."""
    records = database[COLLECTION]
    record = records.find_one({"_id": record_id(projection.name), "phase": Phase.SWAP.value})
    if record is None:
        return False
    rename_shadows(database, projection)
    now = datetime.now(UTC)
    rebuilt = {name: record[name] for name in ("seconds", "events", "documents") if name in record}
    records.update_one(
        {"_id": projection.name},
        {
            "$max": {"position": record["position"]},
            "$set": {"version": record["version"], "updatedAt": now, "rebuilt": {"at": now, **rebuilt}},
            "$unset": {"standstill": ""},
            "$setOnInsert": {"projection": projection.name, "application": record["application"]},
        },
        upsert=True,
    )
    records.delete_one({"_id": record_id(projection.name)})
    return True


def discard(database: Database[dict[str, Any]], projection: Projection) -> None:
    """Drop what an unfinished rebuild left, but for one that is swapping: that one has won already."""
    drop_shadows(database, projection)
    database[COLLECTION].delete_one({"_id": record_id(projection.name)})
