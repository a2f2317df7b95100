"""The swap: the moment in which a rebuild's shadow takes the place of the live collections."""

from datetime import UTC, datetime
from typing import Any

import bson
from pymongo.database import Database

from app.projections.engine.leases import Lease
from app.projections.engine.positions import COLLECTION
from app.projections.engine.projection import Projection
from app.projections.rebuild.shadow import PREFIX, Phase, options_of, record_id

_VALIDATION = ("validator", "validationLevel", "validationAction")

Mongo = Database[dict[str, Any]]


def begin_swap(
    database: Mongo, projection: Projection, lease: Lease, live_lease: Lease, figures: dict[str, Any]
) -> None:
    """From here on, the holder of the projection's lease finishes the swap, also after a crash.

    ``figures`` hold the position of the shadow, and the rebuild's statistics. Raises LeaseLostError where one
    of the leases is no longer ours: others may have moved on.
    """
    options = bson.encode(options_of(database, projection.collections()))
    lease.confirm()
    live_lease.confirm()
    figures = {**figures, "phase": Phase.SWAP.value, "options": options}
    database[COLLECTION].update_one(lease.mine, {"$set": figures})


def finish_swap(database: Mongo, projection: Projection) -> bool:
    """Finish a swap that was begun, if one was. For the holder of the projection's lease.

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
    take_over(database, projection, bson.decode(record["options"]))
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


def take_over(database: Mongo, projection: Projection, options: dict[str, dict[str, Any]]) -> None:
    """Rename the shadows over the live collections, and set the validators, which not every server keeps.

    At no moment is a collection missing, or half there. Safe to repeat after a crash.
    """
    names = projection.collections()
    for name in names:
        if database.list_collection_names(filter={"name": PREFIX + name}):
            shadow, live = f"{database.name}.{PREFIX}{name}", f"{database.name}.{name}"
            database.client.admin.command({"renameCollection": shadow, "to": live, "dropTarget": True})
        if validation := {key: options[name][key] for key in _VALIDATION if key in options.get(name, {})}:
            database.command("collMod", name, **validation)
