"""The jobs in MongoDB: requested rebuilds and verifications, which ``billie project`` runs."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
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
    """What a job does: rebuild read models, or compare them with the events."""

    REBUILD = "rebuild"
    VERIFY = "verify"


class JobStatus(StrEnum):
    """The status of a job."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class Jobs:
    """The jobs of one database. Raises pymongo's errors as they are."""

    def __init__(self, database: Database[Record], runner: str = "") -> None:
        """``runner`` is the process that runs jobs. It changes nothing of one that another has taken."""
        self._records, self._runner = database[COLLECTION], runner

    def ask(
        self, kind: JobKind, projections: Iterable[str], by: Mapping[str, Any], **options: bool
    ) -> Record:
        """Store a new job, or return the same one that is open. ``options``: ``fix`` or ``resume``."""
        wanted = {"kind": kind.value, "projections": [*projections], **options}
        same = {"open": json.dumps(wanted)}  # Unique; removed when the job ends.
        new: Record = {"_id": str(uuid4()), **wanted, **same, "status": JobStatus.WAITING}
        new |= {"askedBy": dict(by), "attempts": 0, "createdAt": (now := datetime.now(UTC)), "updatedAt": now}
        found = None
        while found is None:  # The same one may end just now.
            with suppress(DuplicateKeyError):
                self._records.insert_one(new)
            found = self._records.find_one({"$or": [same, {"_id": new["_id"]}]})
        return found

    def next(self) -> Record | None:
        """The job to run: the one that is running, which its process may have left, or else the oldest."""
        order = dict.fromkeys(("status", "createdAt", "_id"), ASCENDING)  # "running" before "waiting".
        return self._records.find_one({"open": {"$exists": True}}, sort=order)

    def begin(self, job: Record) -> Record | None:
        """Begin a job as it was read, and count the attempt. None if it has changed, or another one runs."""
        as_read = {name: job[name] for name in ("_id", "status", "updatedAt")}
        begun = {"status": JobStatus.RUNNING, "runBy": self._runner, "startedAt": datetime.now(UTC)}
        with suppress(DuplicateKeyError):  # Of the index that holds at most one running job.
            return self._change(as_read, begun | {"attempts": job["attempts"] + 1})
        return None

    def report(self, job_id: str, progress: Iterable[Record]) -> bool:
        """Store the progress, a record for each projection. Whether to go on: False on a request to stop."""
        found = self._change(self._own(job_id), {"progress": [*progress]})
        return found is not None and not found.get("stopWanted")

    def put_back(self, job: Record, *, counts: bool) -> None:
        """Leave it to the next process. ``counts``: that was one of its attempts."""
        attempts = job["attempts"] if counts else job["attempts"] - 1
        waiting = {"status": JobStatus.WAITING, "attempts": attempts}
        self._change(self._own(job["_id"]), waiting, gone=("runBy",))

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
        self._end(self._own(job_id), status, **result)

    def _own(self, job_id: str) -> Record:
        return {"_id": job_id, "status": JobStatus.RUNNING, "runBy": self._runner}

    def _end(self, which: Record, status: JobStatus, **result: Any) -> Record | None:
        ended = {**result, "status": status, "endedAt": datetime.now(UTC)}
        return self._change(which, ended, gone=("open", "stopWanted", "runBy"))

    def _change(self, which: Record, fields: Record, gone: Iterable[str] = ()) -> Record | None:
        change = {"$set": fields | {"updatedAt": datetime.now(UTC)}}
        if gone:
            change["$unset"] = dict.fromkeys(gone, "")
        return self._records.find_one_and_update(which, change, return_document=ReturnDocument.AFTER)
