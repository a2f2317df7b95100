"""Runs jobs, one at a time of all processes, in a thread of ``billie project``.

A job is a child process, ``billie rebuild --json`` or ``billie verify --json``: its folding must not slow the
workers. Its runner stores the progress twice a second. One that runs and has not changed for six seconds was
left by its process: the next one begins it again, and resumes a rebuild. It fails after three attempts.
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
from time import monotonic

from pymongo.errors import PyMongoError

from app.projections.engine.leases import GONE_AFTER_S, LOOK_EVERY_S, owner_name
from app.projections.jobs.jobs import Jobs, JobStatus, Record
from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.servers.back_off import BackOff
from app.runtime.servers.clients import mongo_client
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

_ATTEMPTS = 3
_EXAMPLES = 100
"""The differences of a read model that are kept; all are counted."""
_ENDS_WITHIN_S = 30.0
"""How long a process that is stopped may write what it folded."""


@contextmanager
def jobs_run(settings: Settings, heartbeats: Heartbeats) -> Iterator[None]:
    """Run jobs in a thread, as long as this lasts: a job that is running then is put back.

    The thread waits for a server that is away, and for memory for a process.
    """
    heartbeats.expect("jobs")
    ended = Flag()
    thread = Thread(target=_run, args=(settings, heartbeats, ended), name="jobs")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _run(settings: Settings, heartbeats: Heartbeats, stop: Flag) -> None:
    back_off = BackOff(stop, "jobs")
    with closing(mongo_client(settings)) as client:
        jobs = Jobs(client[settings.mongo_db], owner_name("project"))
        while not stop.wait(LOOK_EVERY_S):
            try:
                if (job := _begun(jobs, stop)) is not None:
                    _run_job(job, jobs, heartbeats, stop)
            except (PyMongoError, OSError) as error:
                heartbeats.beat("jobs", well=False)
                back_off.failed(error)
            else:
                heartbeats.beat("jobs")
                back_off.went_well()


def _begun(jobs: Jobs, stop: Flag) -> Record | None:
    """The next job, begun, unless it is another process's: one that runs is free if it does not change."""
    found = jobs.next()
    if found is None or (found["status"] == JobStatus.RUNNING and stop.wait(GONE_AFTER_S)):
        return None
    return jobs.begin(found)


def _run_job(job: Record, jobs: Jobs, heartbeats: Heartbeats, stop: Flag) -> None:
    job_id, goes_on = job["_id"], True
    if job["attempts"] > _ATTEMPTS:
        text = f"It was begun {_ATTEMPTS} times and never ended: see the log of `billie project`."
        return jobs.end(job_id, JobStatus.FAILED, error=text)
    try:
        child = _Child(job)
    except OSError:
        jobs.put_back(job, counts=False)
        raise
    what = f"{job['kind']} of {', '.join(job['projections'])}"
    log.info("Job %s begins: %s, requested by %s", job_id, what, job["askedBy"]["id"])
    with closing(child):
        while not child.ended(LOOK_EVERY_S):
            goes_on = jobs.report(job_id, child.progress.values())
            heartbeats.beat("jobs")
            if stop.is_set() or not goes_on:
                child.stop()  # It is still ours while it stops.
    result = child.result | {"progress": [*child.progress.values()]}
    if len(child.result["outcomes"]) == len(job["projections"]):
        jobs.end(job_id, JobStatus.DONE, **result)
    elif "error" in result:
        jobs.end(job_id, JobStatus.FAILED, **result)
    elif not goes_on:
        jobs.end(job_id, JobStatus.STOPPED, **result)
    else:  # This process is stopping, or something killed the child, as the system does without memory.
        jobs.put_back(job, counts=not stop.is_set())
    log.info("Job %s has ended", job_id)


class _Child:
    """The process of one job, and what it has said so far."""

    def __init__(self, job: Record) -> None:
        options = ["--json", "--stop-at-eof"]
        if job.get("fix"):
            options.append("--fix")
        if job.get("resume") or (job["kind"] == "rebuild" and job.get("progress")):
            options.append("--resume")
        self.result: Record = {"outcomes": [], "examples": []}
        self.progress: dict[str, Record] = {}
        self._job_id, self._differences, self._kill_at = job["_id"], Counter[str](), 0.0
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
        self._reader.join(seconds)
        return not self._reader.is_alive()

    def stop(self) -> None:
        """Ask it to stop; kill it if it has not stopped thirty seconds later."""
        if not self._kill_at:
            self._kill_at = monotonic() + _ENDS_WITHIN_S
            self._process.terminate()
        elif monotonic() > self._kill_at:
            self._process.kill()

    def close(self) -> None:
        """Stop it if it runs, and read all that it said."""
        while not self.ended(LOOK_EVERY_S):
            self.stop()
        with self._process:  # Closes its pipes, and waits.
            self._process.terminate()

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
            case {"difference": {"projection": name} as difference}:
                self._differences[name] += 1
                if self._differences[name] <= _EXAMPLES:  # Without values: they may be personal.
                    example = {key: difference[key] for key in ("projection", "id", "kind", "position")}
                    example["fields"] = [each["path"] for each in difference.get("fields", ())]
                    self.result["examples"].append(example)
