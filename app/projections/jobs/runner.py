"""Runs jobs, one at a time of all processes, in a thread of ``billie project``.

A job is a child process, ``billie rebuild --json`` or ``billie verify --json``: its folding must not slow the
workers. The holder of the lease in the job's document runs it. A job whose process died is found running by
the next one: a rebuild is resumed. One that is not completed in three attempts has failed.
"""

import json
import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Event as Flag
from threading import Thread
from typing import Any

from pymongo.database import Database
from pymongo.errors import PyMongoError

from app.projections.engine.leases import LOOK_EVERY_S, Lease, LeaseLostError, beating, owner_name
from app.projections.jobs.jobs import COLLECTION, Jobs, JobStatus
from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.servers.back_off import BackOff
from app.runtime.servers.clients import mongo_client
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

_ATTEMPTS = 3
_EXAMPLES = 100
"""The differences of a read model that are kept; all are counted."""
_IDLE_S = 1.0
_ENDS_WITHIN_S = 30.0
"""How long a process that is stopped may write what it folded."""

Record = dict[str, Any]


@contextmanager
def jobs_run(settings: Settings, heartbeats: Heartbeats) -> Iterator[None]:
    """Run jobs in a thread, as long as this lasts: a job that is running then is put back."""
    heartbeats.expect("jobs")
    ended = Flag()
    thread = Thread(target=JobRunner(settings, ended, heartbeats).run, name="jobs")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class JobRunner:
    """Runs each job in a child process, and keeps its progress in MongoDB."""

    def __init__(self, settings: Settings, stop: Flag, heartbeats: Heartbeats) -> None:
        self._settings, self._stop, self._heartbeats = settings, stop, heartbeats
        self._owner = owner_name("project")
        self._lease: Lease | None = None

    def run(self) -> None:
        """Until ``stop`` is set. Waits for a server that is away, and for memory for a process."""
        back_off = BackOff(self._stop, "jobs")
        with closing(mongo_client(self._settings)) as client:
            while not self._stop.is_set():
                try:
                    wait = self._turn(client[self._settings.mongo_db])
                except (PyMongoError, OSError) as error:
                    self._heartbeats.beat("jobs", well=False)
                    back_off.failed(error)
                    continue
                self._heartbeats.beat("jobs")
                back_off.went_well()
                self._stop.wait(wait)

    def _turn(self, database: Database[Record]) -> float:
        """Run the next job, if there is one. Returns how long to wait for the one after it."""
        jobs = Jobs(database)
        if (found := jobs.next()) is None:
            return _IDLE_S
        if self._lease is None or self._lease.identifier != found["_id"]:
            self._lease = Lease(database, found["_id"], self._owner, COLLECTION)
        if not self._lease.take(found):
            return LOOK_EVERY_S
        with beating([self._lease]):
            try:
                if (job := jobs.begin(found["_id"], self._owner)) is not None:
                    self._run_job(job, jobs, self._lease)
            except LeaseLostError as error:
                log.warning("Job %s: %s", found["_id"], error)
            finally:
                self._lease.let_go()
        return 0

    def _run_job(self, job: Record, jobs: Jobs, lease: Lease) -> None:
        job_id, is_unwanted = job["_id"], False
        if job.get("stopWanted"):
            return jobs.end(job_id, JobStatus.STOPPED)
        if job["attempts"] > _ATTEMPTS:
            text = f"It was begun {_ATTEMPTS} times and never ended: see the log of `billie project`."
            return jobs.end(job_id, JobStatus.FAILED, error=text)
        try:
            child = _Child(job)
        except OSError:
            jobs.put_back(job_id, counts=False)
            raise
        what = f"{job['kind']} of {', '.join(job['projections'])}"
        log.info("Job %s begins: %s, requested by %s", job_id, what, job["askedBy"]["id"])
        try:
            while not (child.ended(LOOK_EVERY_S) or self._stop.is_set() or is_unwanted):
                lease.make_sure()
                is_unwanted = jobs.report(job_id, list(child.progress.values()))
                self._heartbeats.beat("jobs")
        finally:
            child.stop()
        jobs.report(job_id, list(child.progress.values()))
        if len(child.result["outcomes"]) == len(job["projections"]):
            jobs.end(job_id, JobStatus.DONE, **child.result)
        elif "error" in child.result:
            jobs.end(job_id, JobStatus.FAILED, **child.result)
        elif child.is_stopped and is_unwanted:
            jobs.end(job_id, JobStatus.STOPPED, **child.result)
        else:  # This process is stopping, or something killed the child, as the system does without memory.
            jobs.put_back(job_id, counts=not child.is_stopped)
        log.info("Job %s has ended", job_id)


class _Child:
    """The process of one job, and what it has said so far."""

    def __init__(self, job: Record) -> None:
        options = ["--json", "--stop-at-eof"]
        if job["fix"]:
            options.append("--fix")
        if job["resume"] or (job["kind"] == "rebuild" and job.get("progress")):
            options.append("--resume")
        self.result: Record = {"outcomes": [], "examples": []}
        self.progress: dict[str, Record] = {}
        self.is_stopped = False
        """Whether it said that it was stopped, with all that it folded kept."""
        self._job_id, self._differences = job["_id"], Counter[str]()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app.cli.main", job["kind"], *job["projections"], *options],
            stdin=subprocess.PIPE,  # It stops when that ends: this process is gone then.
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this process, which stops the child.
        )
        self._reader = Thread(target=self._read, name="job output", daemon=True)
        self._reader.start()

    def ended(self, seconds: float) -> bool:
        """Whether it ended, after waiting for so long."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """Stop it, or kill it if it does not stop, and read all that it said."""
        self._process.terminate()
        if not self.ended(_ENDS_WITHIN_S):
            self._process.kill()
        with self._process:  # Closes its pipes afterwards.
            self._reader.join()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            try:
                self._take(json.loads(line))
            except ValueError:
                log.warning("Job %s: its process said what is not JSON, %d bytes", self._job_id, len(line))

    def _take(self, said: Record) -> None:
        match said:
            case {"progress": progress}:
                self.progress[progress["projection"]] = progress
            case {"outcome": outcome}:
                self.result["outcomes"].append(outcome)
            case {"error": error}:
                self.result["error"] = error
            case {"stopped": True}:
                self.is_stopped = True
            case {"difference": {"projection": name} as difference}:
                self._differences[name] += 1
                if self._differences[name] <= _EXAMPLES:  # Without values: they may be personal.
                    example = {key: difference[key] for key in ("projection", "id", "kind", "position")}
                    example["fields"] = [each["path"] for each in difference.get("fields", ())]
                    self.result["examples"].append(example)
