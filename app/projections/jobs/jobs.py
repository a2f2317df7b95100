"""Rebuilds and verifications asked for over the API: kept in MongoDB for ``billie project`` to do."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from pymongo import ASCENDING, ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

COLLECTION = "projection-jobs"

Record = dict[str, Any]


class JobKind(StrEnum):
    """What is done: read models are folded anew, or compared with the events."""

    REBUILD = "rebuild"
    VERIFY = "verify"


class JobStatus(StrEnum):
    """How a job stands."""

    WAITING = "waiting"
    """For ``billie project``, and for those that were asked for before."""
    RUNNING = "running"
    DONE = "done"
    """To its end: of a verification also where it found differences."""
    FAILED = "failed"
    STOPPED = "stopped"
    """By somebody."""


OPEN = (JobStatus.RUNNING.value, JobStatus.WAITING.value)


@dataclass(frozen=True)
class Order:
    """What is asked for."""

    kind: JobKind
    projections: tuple[str, ...]
    fix: bool = False
    """Of a verification: put right what differs."""
    resume: bool = False
    """Of a rebuild: go on from what an unfinished one left."""


class Jobs:
    """The jobs of one database. Raises pymongo's errors as they are."""

    def __init__(self, database: Database[Record]) -> None:
        self._records = database[COLLECTION]

    def ask(self, order: Order, by: Mapping[str, Any]) -> tuple[Record, bool]:
        """Keep what is asked for. What waits or runs already is given instead: then the second is False."""
        told = {
            "kind": order.kind.value,
            "projections": list(order.projections),
            "fix": order.fix,
            "resume": order.resume,
        }
        now = _now()
        record = {
            "_id": str(uuid4()),
            **told,
            "open": json.dumps(told),  # Unique, and gone once it ended.
            "status": JobStatus.WAITING.value,
            "askedBy": dict(by),
            "createdAt": now,
            "updatedAt": now,
            "attempts": 0,
        }
        while (found := self._records.find_one({**told, "status": {"$in": OPEN}})) is None:
            try:
                self._records.insert_one(record)
            except DuplicateKeyError:
                # Somebody asks for the same just now; or a release that knows of no such field has ended it.
                ended = {"open": record["open"], "status": {"$nin": OPEN}}
                self._records.update_one(ended, {"$unset": {"open": ""}})
            else:
                return record, True
        return found, False

    def stop(self, job_id: str) -> Record | None:
        """Take one back that waits, or ask whoever runs it to stop. None where there is no such job.

        One that ended stays as it is.
        """
        now = _now()
        ended = {
            "$set": {"status": JobStatus.STOPPED.value, "endedAt": now, "updatedAt": now},
            "$unset": {"open": ""},
        }
        wanted = {"$set": {"stopWanted": True, "updatedAt": now}}
        waits = {"_id": job_id, "status": JobStatus.WAITING.value}
        runs = {"_id": job_id, "status": JobStatus.RUNNING.value}
        for which, change in ((waits, ended), (runs, wanted)):
            found = self._records.find_one_and_update(which, change, return_document=ReturnDocument.AFTER)
            if found is not None:
                return found
        return self._records.find_one({"_id": job_id})

    def next(self) -> Record | None:
        """The one to be done: one that somebody left unfinished, and else the one asked for first."""
        first = [("createdAt", ASCENDING), ("_id", ASCENDING)]
        for status in OPEN:
            if found := self._records.find_one({"status": status}, sort=first):
                return found
        return None

    def begin(self, job_id: str, run_by: str) -> Record | None:
        """Say who runs it, and count the attempt. None where it was stopped meanwhile."""
        now = _now()
        told = {"status": JobStatus.RUNNING.value, "runBy": run_by, "startedAt": now, "updatedAt": now}
        return self._records.find_one_and_update(
            {"_id": job_id, "status": {"$in": OPEN}},
            {"$set": told, "$inc": {"attempts": 1}},
            return_document=ReturnDocument.AFTER,
        )

    def report(self, job_id: str, progress: Sequence[Record]) -> bool:
        """Say how far it is, a record for each projection. True where somebody wants it stopped."""
        found = self._records.find_one_and_update(
            {"_id": job_id},
            {"$set": {"progress": list(progress), "updatedAt": _now()}},
            projection={"stopWanted": 1},
        )
        return bool(found and found.get("stopWanted"))

    def end(self, job_id: str, status: JobStatus, **told: Any) -> None:
        """Say what became of it."""
        now = _now()
        self._records.update_one(
            {"_id": job_id},
            {
                "$set": {**told, "status": status.value, "endedAt": now, "updatedAt": now},
                "$unset": {"open": "", "stopWanted": "", "runBy": ""},
            },
        )

    def put_back(self, job_id: str, *, counts: bool, is_begun: bool = True) -> None:
        """Leave it to whoever comes next; ``counts``: that was one of its attempts.

        Who goes on with it, where it ``is_begun``: where not, there is nothing of it to go on from.
        """
        self._records.update_one(
            {"_id": job_id, "status": JobStatus.RUNNING.value},
            {
                "$set": {
                    "status": JobStatus.WAITING.value,
                    "updatedAt": _now(),
                    **({"goesOn": True} if is_begun else {}),
                },
                "$unset": {"runBy": ""},
                "$inc": {"attempts": 0 if counts else -1},
            },
        )


def _now() -> datetime:
    """To the millisecond, as MongoDB keeps it: what is answered first is what is read afterwards."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1_000 * 1_000)
