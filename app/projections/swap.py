"""A rebuild's record in ``projection-positions``, and the moment in which it takes over."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pymongo.database import Database

from app.projections.positions import COLLECTION
from app.projections.projection import Projection
from app.projections.shadow import Takeover, index_shadows, take_over, takeover_of


class Phase(StrEnum):
    """Where a rebuild is."""

    FOLD = "fold"
    CATCH_UP = "catch_up"
    SWAP = "swap"


def record_id(name: str) -> str:
    """The ``_id`` of a projection's rebuild."""
    return f"{name}#rebuild"


def prepare_swap(database: Database[dict[str, Any]], projection: Projection) -> None:
    """Do beforehand what takes its time, while the live runner goes on."""
    if takeover_of(database) == Takeover.RENAME:
        index_shadows(database, projection)


def begin_swap(database: Database[dict[str, Any]], projection: Projection, figures: dict[str, Any]) -> None:
    """From here on the swap is finished by whoever has the projection's lease, come what may.

    ``figures`` hold the position of the shadow, and what to remember of the rebuild.
    """
    figures = {**figures, "phase": Phase.SWAP.value, "takeover": takeover_of(database).value}
    database[COLLECTION].update_one({"_id": record_id(projection.name)}, {"$set": figures})


def finish_swap(database: Database[dict[str, Any]], projection: Projection) -> bool:
    """Finish a swap that was begun, if one was: for whoever has the projection's lease."""
    records = database[COLLECTION]
    record = records.find_one({"_id": record_id(projection.name), "phase": Phase.SWAP.value})
    if record is None:
        return False
    take_over(database, projection, Takeover(record["takeover"]))
    now, aside = datetime.now(UTC), record.get("setAside")
    rebuilt = {name: record[name] for name in ("seconds", "events", "documents") if name in record}
    records.update_one(
        {"_id": projection.name},
        {
            "$max": {"position": record["position"]},
            "$set": {
                "version": record["version"],
                "updatedAt": now,
                "rebuilt": {"at": now, **rebuilt},
                **({"setAside": aside} if aside else {}),
            },
            "$unset": {"standstill": "", **({} if aside else {"setAside": ""})},
            "$setOnInsert": {"projection": projection.name, "application": record["application"]},
        },
        upsert=True,
    )
    records.delete_one({"_id": record_id(projection.name)})
    return True
