"""Empties the read models, so that ``billie project`` folds them again from the first event."""

from collections.abc import Iterable, Mapping
from time import monotonic, sleep
from typing import Any

from pymongo.database import Database

from app.errors import BillieError
from app.projections.engine.leases import GONE_AFTER_S, LOOK_EVERY_S
from app.projections.engine.positions import COLLECTION
from app.projections.engine.projection import Projection
from app.projections.rebuild.shadow import drop_shadows, record_id


def refuse_if_in_use(database: Database[dict[str, Any]], names: Iterable[str]) -> None:
    """Raises BillieError, with the processes that run one of the read models, or rebuild it.

    One that was killed still holds its lease: it is not counted once it has not beaten for six seconds.
    """
    ids = [each for name in names for each in (name, record_id(name))]
    first, ends_at = _beats(database, ids), monotonic() + GONE_AFTER_S
    while first and monotonic() < ends_at:
        sleep(LOOK_EVERY_S)
        if alive := {owner for _, owner, _ in _beats(database, ids) - first}:
            who = "; ".join(sorted(alive))
            raise BillieError(f"These processes use the documents: {who}. Stop all roles, and try again")


def _beats(database: Database[dict[str, Any]], ids: list[str]) -> set[tuple[str, str, int]]:
    held = database[COLLECTION].find({"_id": {"$in": ids}, "lease.owner": {"$type": "string"}}, {"lease": 1})
    return {(each["_id"], each["lease"]["owner"], each["lease"].get("beat", 0)) for each in held}


def forget_documents(database: Database[dict[str, Any]], projections: Mapping[str, Projection]) -> None:
    """Empty all read models, and begin each at position 0. Raises pymongo's errors: then repeat it.

    Until the last step each counts as one of another event store, and its projection stalls: after a kill,
    none continues with a part of its documents.
    """
    records = database[COLLECTION]
    for record in records.find({"_id": {"$in": list(projections)}}, {"position": 1}):
        of_no_store = {"position": record["position"], "originator": "", "version": 0}
        records.update_one({"_id": record["_id"]}, {"$set": {"lastEvent": of_no_store}})
    records.delete_many({"_id": {"$in": [record_id(name) for name in projections]}})
    for projection in projections.values():
        drop_shadows(database, projection)
        for collection in projection.collections():
            database[collection].delete_many({})
    records.delete_many({"_id": {"$in": list(projections)}})
