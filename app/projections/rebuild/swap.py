"""A rebuild's record in ``projection-positions``, and the moment in which it takes over."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pymongo.database import Database

from app.projections.engine.leases import Lease
from app.projections.engine.positions import COLLECTION
from app.projections.engine.projection import Projection
from app.projections.rebuild.shadow import Takeover, index_shadows, take_over, takeover_of

ERASED_UP_TO = "erasedUpTo"
"""In a rebuild's record: personal data was erased up to this position, and its shadow may still hold it."""


class Phase(StrEnum):
    """Where a rebuild is."""

    PREPARE = "prepare"
    """Shadows are made, or dropped: there is nothing to go on from."""
    FOLD = "fold"
    CATCH_UP = "catch_up"
    SWAP = "swap"


def holds_erased(record: dict[str, Any]) -> bool:
    """Whether a rebuild's shadow may hold personal data that was erased since: it has not come so far."""
    return int(record.get(ERASED_UP_TO, 0)) > int(record.get("position", 0))


def record_id(name: str) -> str:
    """The ``_id`` of a projection's rebuild."""
    return f"{name}#rebuild"


def prepare_swap(database: Database[dict[str, Any]], projection: Projection) -> None:
    """Do beforehand what takes its time, while the live runner goes on."""
    if takeover_of(database) == Takeover.RENAME:
        index_shadows(database, projection)


def begin_swap(
    database: Database[dict[str, Any]], lease: Lease, live_lease: Lease, figures: dict[str, Any]
) -> None:
    """From here on the swap is finished by whoever has the projection's lease, come what may.

    ``figures`` hold the position of the shadow, and what to remember of the rebuild. Raises LeaseLostError
    where one of the leases is not ours any more: others may have gone on then.
    """
    figures = {**figures, "phase": Phase.SWAP.value, "takeover": takeover_of(database).value}
    lease.confirm()
    live_lease.confirm()
    database[COLLECTION].update_one(lease.mine, {"$set": figures})


def finish_swap(database: Database[dict[str, Any]], projection: Projection) -> bool:
    """Finish a swap that was begun, if one was: for whoever has the projection's lease.

    A shadow that the live collection has overtaken is no use: its rebuild is unfinished then.
    """
    records = database[COLLECTION]
    record = records.find_one({"_id": record_id(projection.name), "phase": Phase.SWAP.value})
    if record is None:
        return False
    live = records.find_one({"_id": projection.name}) or {}
    if int(live.get("position", 0)) > record["position"]:
        records.update_one({"_id": record["_id"]}, {"$set": {"phase": Phase.CATCH_UP.value}})
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
                **({"lastEvent": record["lastEvent"]} if "lastEvent" in record else {}),
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
