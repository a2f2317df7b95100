"""The position of each projection in the event store, kept in MongoDB."""

from asyncio import sleep
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from eventsourcing.persistence import IntegrityError, Tracking, TrackingRecorder
from pymongo import timeout
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, PyMongoError

from app.event_store.application import Servicing
from app.event_store.recorder import Mark
from app.projections.engine.faults import Cause, ProjectionFault, SetAside

COLLECTION = "projection-positions"
_MOST_SET_ASIDE = 1_000
_SHORTEST_WAIT_S, _LONGEST_WAIT_S = 0.005, 0.1


class MongoTrackingRecorder(TrackingRecorder):
    """The positions of one projection: a document in ``projection-positions``.

    Its ``_id`` is the projection's name; where it follows another application than ours, the
    application's name is added. Beside the position it holds the ``version`` of the projection that
    folded the documents, the ``lastEvent`` up to there, the ``lease``, the documents that are ``setAside``,
    and, while the projection stalls, the reason (``standstill``).
    """

    def __init__(self, database: Database[dict[str, Any]], projection: str) -> None:
        self._positions = database[COLLECTION]
        self._projection = projection

    def begin(self, version: int) -> None:
        """Create the document if it is missing: at position 0, folded by this version."""
        at_first = {"projection": self._projection, "application": Servicing.name, "position": 0}
        at_first["version"] = version
        self._positions.update_one({"_id": self._projection}, {"$setOnInsert": at_first}, upsert=True)

    def record(self) -> dict[str, Any]:
        """The whole document; empty if it is missing."""
        return self._positions.find_one({"_id": self._projection}) or {}

    def position(self) -> int:
        """The position reached in our store; 0 before the first."""
        return self.max_tracking_id(Servicing.name) or 0

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move on to a position. Raises IntegrityError if it was passed already."""
        self.move(tracking, None)

    def move(self, tracking: Tracking, mark: Mark | None) -> None:
        """The same, with the mark of the last event up to there, which identifies the event store."""
        name, position = tracking.application_name, tracking.notification_id
        try:
            self._positions.update_one(
                {"_id": self._id(name), "position": {"$lt": position}},
                {
                    "$set": {"position": position, "updatedAt": datetime.now(UTC), **marked(position, mark)},
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
        return int(document["position"]) or None if document else None

    def stand_still(self, fault: ProjectionFault) -> None:
        """Store why the projection does not move, and since when."""
        facts = {"cause": fault.cause, "detail": str(fault), "position": fault.position, "event": fault.event}
        standstill: dict[str, Any] = {name: value for name, value in facts.items() if value is not None}
        known = {f"standstill.{name}": value for name, value in standstill.items()}
        if not self._positions.count_documents({"_id": self._projection, **known}, limit=1):
            standstill["since"] = datetime.now(UTC)
            self._positions.update_one({"_id": self._projection}, {"$set": {"standstill": standstill}})

    def set_aside(self, documents: Mapping[str, SetAside]) -> None:
        """List documents that cannot follow: at most a thousand, the newest."""
        at = datetime.now(UTC)
        entries = [{"id": each, **aside._asdict(), "at": at} for each, aside in documents.items()]
        self.healed(list(documents))
        self._positions.update_one(
            {"_id": self._projection}, {"$push": {"setAside": {"$each": entries, "$slice": -_MOST_SET_ASIDE}}}
        )

    def healed(self, identifiers: Sequence[str]) -> None:
        """Those documents are correct again."""
        self._positions.update_one(
            {"_id": self._projection}, {"$pull": {"setAside": {"id": {"$in": list(identifiers)}}}}
        )

    def recovered(self) -> None:
        """It moves again."""
        self._positions.update_one({"_id": self._projection}, {"$unset": {"standstill": ""}})

    def _id(self, application_name: str) -> str:
        if application_name == Servicing.name:
            return self._projection
        return f"{self._projection}@{application_name}"


def marked(position: int, mark: Mark | None) -> dict[str, Any]:
    """A record's fields for the mark of the last event up to a position; none without a mark."""
    if mark is None:
        return {}
    last = {"position": position, "originator": mark.originator_id.hex, "version": mark.originator_version}
    return {"lastEvent": last}


def is_of_other_store(record: dict[str, Any], servicing: Servicing) -> bool:
    """Whether the store has another event at the position of a projection's record than it had then."""
    last = record.get("lastEvent")
    if last is None or last["position"] != record.get("position"):
        return False
    position = int(last["position"])
    return position > 0 and marked(position, servicing.mark(position)) != {"lastEvent": last}


def refuse_other_store(projection: str, position: int, newest: int) -> None:
    """Raises ProjectionFault where the events end before the position that documents were folded to."""
    if newest < position:
        msg = (
            f"{projection} has reached position {position}, and the event store ends at "
            f"{newest}: it is not the store that the documents came from. "
            "Check BILLIE_EVENT_STORE_URL and BILLIE_MONGO_DB"
        )
        raise ProjectionFault(msg, Cause.OTHER_STORE, position)


def refuse_another_event(projection: str, record: dict[str, Any], servicing: Servicing) -> None:
    """Raises ProjectionFault where the store was restored, and has grown beyond the position again."""
    if is_of_other_store(record, servicing):
        position = int(record["position"])
        msg = (
            f"{projection} has reached position {position}, and the event store has another event there: it "
            "was restored to an earlier time and written to since, or is another one. See `billie reconcile`"
        )
        raise ProjectionFault(msg, Cause.OTHER_STORE, position)


async def comes_to(
    database: AsyncDatabase[dict[str, Any]], projection: str, position: int, seconds: float
) -> bool:
    """Whether a projection reaches a position of our store within so many seconds.

    The recorder's ``wait`` for an event loop: it occupies no thread, and polls more often. Raises pymongo's
    errors, except for a server that does not answer in time.
    """
    deadline, wait = monotonic() + seconds, _SHORTEST_WAIT_S
    try:
        with timeout(seconds):  # The driver's own: to cancel it would leave its connection open.
            while True:
                reached = await database[COLLECTION].find_one({"_id": projection}, {"position": 1})
                if reached is not None and reached["position"] >= position:
                    return True
                if (remaining := deadline - monotonic()) <= 0:
                    return False
                await sleep(min(wait, remaining))
                wait = min(_LONGEST_WAIT_S, wait * 2)
    except PyMongoError as error:
        if error.timeout:
            return False
        raise
