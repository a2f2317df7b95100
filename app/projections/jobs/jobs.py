"""The jobs in MongoDB: requested rebuilds and verifications, which ``billie project`` runs."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import uuid4

from pymongo import ASCENDING, ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

COLLECTION = "projection-jobs"

Record = dict[str, Any]


class JobKind(StrEnum):
    """What a job does: rebuild read models, or compare them with the events."""

    REBUILD = "rebuild"
    VERIFY = "verify"


class JobStatus(StrEnum):
    """The status of a job."""

    WAITING = "waiting"
    """For ``billie project``, and for the jobs before it."""
    RUNNING = "running"
    DONE = "done"
    """Completed: of a verification also where it found differences."""
    FAILED = "failed"
    STOPPED = "stopped"
    """On request."""


OPEN = (JobStatus.RUNNING.value, JobStatus.WAITING.value)


class Order(NamedTuple):
    """What a job is to do."""

    kind: JobKind
    projections: tuple[str, ...]
    fix: bool = False
    """Of a verification: correct what differs."""
    resume: bool = False
    """Of a rebuild: resume an unfinished one."""


class Jobs:
    """The jobs of one database. Raises pymongo's errors as they are."""

    def __init__(self, database: Database[Record]) -> None:
        self._records = database[COLLECTION]

    def ask(self, order: Order, by: Mapping[str, Any]) -> tuple[Record, bool]:
        """Store a new job. If the same is open already, that one is returned, and False."""
        wanted = {**order._asdict(), "projections": list(order.projections)}
        record = {
            "_id": str(uuid4()),
            **wanted,
            "open": json.dumps(wanted),  # Unique; removed when the job ends.
            "status": JobStatus.WAITING,
            "askedBy": dict(by),
            "createdAt": (now := _now()),
            "updatedAt": now,
            "attempts": 0,
        }
        while (found := self._records.find_one({"open": record["open"]})) is None:
            try:
                self._records.insert_one(record)
            except DuplicateKeyError:
                continue  # Another caller asks for the same just now.
            return record, True
        return found, False

    def next(self) -> Record | None:
        """The job to run: one that is running, which its process may have left, or else the oldest."""
        oldest = [("createdAt", ASCENDING), ("_id", ASCENDING)]
        found = (self._records.find_one({"status": status}, sort=oldest) for status in OPEN)
        return next((each for each in found if each is not None), None)

    def begin(self, job_id: str, run_by: str) -> Record | None:
        """Note who runs it, and count the attempt. None if it ended, or an older job is running."""
        job = self._change(
            {"_id": job_id, "status": {"$in": OPEN}},
            {"status": JobStatus.RUNNING, "runBy": run_by, "startedAt": _now()},
            {"$inc": {"attempts": 1}},
        )
        if job is None:
            return None
        older = {"status": JobStatus.RUNNING, "_id": {"$ne": job_id}, "createdAt": {"$lte": job["createdAt"]}}
        if self._records.find_one(older, {"_id": True}) is not None:
            self.put_back(job_id, counts=False)  # Another process began it while this one looked.
            return None
        return job

    def report(self, job_id: str, progress: Sequence[Record]) -> bool:
        """Store the progress, a record for each projection. True if the job is to be stopped."""
        found = self._change({"_id": job_id}, {"progress": list(progress)})
        return bool(found and found.get("stopWanted"))

    def put_back(self, job_id: str, *, counts: bool) -> None:
        """Leave it to the next process. ``counts``: that was one of its attempts."""
        more = {"$unset": {"runBy": ""}, "$inc": {"attempts": 0 if counts else -1}}
        self._change({"_id": job_id, "status": JobStatus.RUNNING}, {"status": JobStatus.WAITING}, more)

    def stop(self, job_id: str) -> Record | None:
        """Stop a waiting job, or ask for a running one to be stopped. None if there is no such job.

        One that ended stays as it is.
        """
        return (
            self._end({"_id": job_id, "status": JobStatus.WAITING}, JobStatus.STOPPED)
            or self._change({"_id": job_id, "status": JobStatus.RUNNING}, {"stopWanted": True})
            or self._records.find_one({"_id": job_id})
        )

    def end(self, job_id: str, status: JobStatus, **result: Any) -> None:
        """Store the result."""
        self._end({"_id": job_id}, status, **result)

    def _end(self, which: Record, status: JobStatus, **result: Any) -> Record | None:
        gone = dict.fromkeys(("open", "stopWanted", "runBy", "lease"), "")
        return self._change(which, {**result, "status": status, "endedAt": _now()}, {"$unset": gone})

    def _change(self, which: Record, fields: Record, more: Record | None = None) -> Record | None:
        change = {"$set": fields | {"updatedAt": _now()}, **(more or {})}
        return self._records.find_one_and_update(which, change, return_document=ReturnDocument.AFTER)


def _now() -> datetime:
    """To the millisecond, as MongoDB keeps it: the first answer equals what is read later."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1_000 * 1_000)
