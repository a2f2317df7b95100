"""Takes up jobs, one at a time of all processes: a thread of ``billie project``.

Whoever has the lease of the jobs runs them. A job whose runner died is found running by the next one, which
goes on with it: a rebuild from what it kept. One that is not brought to an end in three attempts has failed.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any

from pymongo.database import Database
from pymongo.errors import PyMongoError

from app.projections.engine.leases import LOOK_EVERY_S, Lease, beating, owner_name
from app.projections.jobs.jobs import Jobs, JobStatus
from app.projections.jobs.process import STOPPED
from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.servers.back_off import BackOff
from app.runtime.servers.clients import mongo_client
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

_LEASES = "_leases"
"""The collection of the lease: among the positions, and among the jobs, it would be read as one of them."""
_LEASE = "projection-jobs"
_ATTEMPTS = 3
_IDLE_S = 1.0
_ENDS_WITHIN_S = 30.0
"""For so long a process that is stopped may write what it folded."""

Record = dict[str, Any]


@contextmanager
def jobs_taken_up(settings: Settings, heartbeats: Heartbeats) -> Iterator[None]:
    """Take up jobs in a thread, as long as this lasts: the one in hand then is put back."""
    heartbeats.expect("jobs")
    ended = Flag()
    runner = JobRunner(settings, ended, heartbeats)
    thread = Thread(target=runner.run, name="jobs")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class JobRunner:
    """Runs each job in a process of its own, and keeps in MongoDB how far it is."""

    def __init__(self, settings: Settings, stop: Flag, heartbeats: Heartbeats) -> None:
        self._settings, self._stop, self._heartbeats = settings, stop, heartbeats

    def run(self) -> None:
        """Until ``stop`` is set. A server that is away is waited for, and so is memory for a process."""
        back_off = BackOff(self._stop, "jobs")
        with closing(mongo_client(self._settings)) as client:
            database = client[self._settings.mongo_db]
            lease = Lease(database, _LEASE, owner_name("project"), _LEASES)
            with beating([lease]):
                while not self._stop.is_set():
                    try:
                        wait = self._turn(database, lease)
                    except (PyMongoError, OSError) as error:
                        self._heartbeats.beat("jobs", well=False)
                        back_off.failed(error)
                        continue
                    self._heartbeats.beat("jobs")
                    back_off.went_well()
                    self._stop.wait(wait)
                lease.let_go()

    def _turn(self, database: Database[Record], lease: Lease) -> float:
        record = database[_LEASES].find_one({"_id": _LEASE})
        if record is None:
            database[_LEASES].update_one({"_id": _LEASE}, {"$setOnInsert": {"lease": {}}}, upsert=True)
            return 0
        if not lease.holds(record) and not lease.take(record):
            return LOOK_EVERY_S
        jobs = Jobs(database)
        if (found := jobs.next()) is None or (job := jobs.begin(found["_id"], lease.owner)) is None:
            return _IDLE_S
        if job.get("stopWanted"):
            jobs.end(job["_id"], JobStatus.STOPPED)
        elif job["attempts"] > _ATTEMPTS:
            text = (
                f"It was begun {_ATTEMPTS} times and ended without a word: see the log of `billie project`."
            )
            jobs.end(job["_id"], JobStatus.FAILED, error=text)
        else:
            self._do(job, jobs, database, lease)
        return 0

    def _do(self, job: Record, jobs: Jobs, database: Database[Record], lease: Lease) -> None:
        what = f"{job['kind']} of {', '.join(job['projections'])}"
        try:
            child = _Child(job)
        except OSError:
            jobs.put_back(job["_id"], counts=False, is_begun=False)
            raise
        log.info("Job %s is taken up: %s, asked for by %s", job["_id"], what, job["askedBy"]["id"])
        is_unwanted = is_lost = False
        try:
            while not child.ended(LOOK_EVERY_S) and not self._stop.is_set():
                is_lost = not lease.holds(database[_LEASES].find_one({"_id": _LEASE}) or {})
                is_unwanted = jobs.report(job["_id"], child.progress())
                if is_lost or is_unwanted:
                    break
                self._heartbeats.beat("jobs")
        finally:
            code = child.stop()
        if is_lost:
            log.warning("Job %s: %s lost its lease, and leaves it to whoever has it", job["_id"], lease.owner)
        else:
            self._close(job, jobs, child, code, is_unwanted=is_unwanted)

    def _close(self, job: Record, jobs: Jobs, child: "_Child", code: int, *, is_unwanted: bool) -> None:
        """Keep what came of it."""
        told = child.told()
        jobs.report(job["_id"], child.progress())
        if code == 0:
            jobs.end(job["_id"], JobStatus.DONE, **told)
        elif "error" in told:
            jobs.end(job["_id"], JobStatus.FAILED, **told)
        elif code == STOPPED and is_unwanted:
            jobs.end(job["_id"], JobStatus.STOPPED, **told)
        else:  # We are told to stop; or somebody killed it, as the system does where memory ends.
            jobs.put_back(job["_id"], counts=code != STOPPED)
        log.info("Job %s ended with %d", job["_id"], code)


class _Child:
    """The process of one job, and what it has said so far."""

    def __init__(self, job: Record) -> None:
        order = {name: job[name] for name in ("kind", "projections", "fix", "resume")}
        order["resume"] = order["resume"] or job["attempts"] > 1 or bool(job.get("goesOn"))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app.projections.jobs.process", json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ,
            start_new_session=True,  # Ctrl-C is for us, and we stop it.
        )
        self._telling = Lock()
        self._progress: dict[str, Record] = {}
        self._outcomes: list[Record] = []
        self._examples: list[Record] = []
        self._error: str | None = None
        self._reading = Thread(target=self._read, args=(job["_id"],), name="job", daemon=True)
        self._reading.start()

    def ended(self, seconds: float) -> bool:
        """Wait for so long. Whether it ended."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def progress(self) -> list[Record]:
        """How far it is with each projection."""
        with self._telling:
            return list(self._progress.values())

    def told(self) -> Record:
        """What came of it so far."""
        with self._telling:
            told: Record = {"outcomes": self._outcomes, "examples": self._examples}
            return {**told, **({} if self._error is None else {"error": self._error})}

    def stop(self) -> int:
        """Its exit code, once it has ended: it is told to, and killed where it does not."""
        self._process.terminate()
        if not self.ended(_ENDS_WITHIN_S):
            self._process.kill()
            self._process.wait()
        self._reading.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        return self._process.returncode

    def _read(self, job_id: str) -> None:
        for line in self._process.stdout or ():
            try:
                told = json.loads(line)
            except ValueError:
                # Read on: it would wait for ever where nobody does.
                log.warning("Job %s: its process says what is no JSON, %d bytes", job_id, len(line))
                continue
            with self._telling:
                match told:
                    case {"progress": progress}:
                        self._progress[progress["projection"]] = progress
                    case {"outcome": outcome}:
                        self._outcomes.append(outcome)
                    case {"example": example}:
                        self._examples.append(example)
                    case {"error": error}:
                        self._error = error
