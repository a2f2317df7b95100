"""Shadows of a rebuild that nobody goes on with: they would keep personal data that is erased meanwhile.

Whoever follows the projection drops them, as soon as nobody beats for that rebuild; it begins anew then. A
rebuild that goes on folds the erasure itself.
"""

import logging
from typing import Any

from pymongo.database import Database

from app.projections.engine.leases import Lease, owner_name
from app.projections.engine.positions import COLLECTION
from app.projections.engine.projection import Projection
from app.projections.rebuild.shadow import drop_shadows
from app.projections.rebuild.swap import ERASED_UP_TO, Phase, holds_erased, record_id

log = logging.getLogger(__name__)


class AbandonedShadows:
    """Those of one projection. Raises pymongo's errors: then it is still due."""

    def __init__(self, database: Database[dict[str, Any]], projection: Projection) -> None:
        self._database, self._projection = database, projection
        self._records = database[COLLECTION]
        self._id = record_id(projection.name)
        self._lease = Lease(database, self._id, owner_name("project"))
        self._due = True
        """Somebody may have marked a rebuild before this process was started."""

    def erased(self, position: int) -> None:
        """Mark an unfinished rebuild, if there is one: before the projection's position moves."""
        self._records.update_one({"_id": self._id}, {"$max": {ERASED_UP_TO: position}})
        self._due = True

    def drop_if_due(self) -> None:
        """Drop them where they may hold what is erased, unless somebody rebuilds."""
        if not self._due:
            return
        record = self._records.find_one({"_id": self._id})
        if record is None or not holds_erased(record):
            self._due = False
        elif record.get("phase") != Phase.SWAP and self._lease.take(record):
            try:
                self._drop()
            finally:
                self._lease.release()

    def _drop(self) -> None:
        name = self._projection.name
        begins_anew = {"phase": Phase.PREPARE.value, "position": 0}
        self._records.update_one(self._lease.mine, {"$set": begins_anew})
        drop_shadows(self._database, self._projection)
        # Not before: a crash on the way must leave it marked.
        self._records.update_one(self._lease.mine, {"$unset": {ERASED_UP_TO: ""}})
        log.warning(
            "%s: personal data was erased, so what an unfinished rebuild left is dropped: "
            "`billie rebuild %s` begins anew",
            *(name, name),
        )
