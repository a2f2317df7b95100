"""How far each projection has come: a position in the event store, kept in MongoDB."""

from datetime import UTC, datetime
from typing import Any

from eventsourcing.persistence import IntegrityError, Tracking, TrackingRecorder
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from app.aggregates import Servicing

COLLECTION = "projection-positions"


class MongoTrackingRecorder(TrackingRecorder):
    """The positions of one projection: a document in ``projection-positions``.

    Its ``_id`` is the projection's name; where it follows another application than ours, the
    application's name is added.
    """

    def __init__(self, database: Database[dict[str, Any]], projection: str) -> None:
        self._positions = database[COLLECTION]
        self._projection = projection

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move on to a position. Raises IntegrityError where it was passed already."""
        name, position = tracking.application_name, tracking.notification_id
        try:
            self._positions.update_one(
                {"_id": self._id(name), "position": {"$lt": position}},
                {
                    "$set": {"position": position, "updatedAt": datetime.now(UTC)},
                    "$setOnInsert": {"projection": self._projection, "application": name},
                },
                upsert=True,
            )
        except DuplicateKeyError as error:
            msg = f"{self._projection} has passed position {position} of {name} already"
            raise IntegrityError(msg) from error

    def max_tracking_id(self, application_name: str) -> int | None:
        """The position reached, or None before the first."""
        document = self._positions.find_one({"_id": self._id(application_name)}, {"position": 1})
        return None if document is None else int(document["position"])

    def _id(self, application_name: str) -> str:
        if application_name == Servicing.name:
            return self._projection
        return f"{self._projection}@{application_name}"
