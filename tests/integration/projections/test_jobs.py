"""Jobs that were asked for: each is done once, in a process of its own, even if its runner dies."""

import errno
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from threading import Event, Thread
from typing import Any

import psutil
import pytest
from pymongo.database import Database

from app.projections.engine.leases import BEAT_EVERY_S
from app.projections.engine.positions import COLLECTION as POSITIONS
from app.projections.jobs.jobs import COLLECTION, JobKind, Jobs, JobStatus
from app.projections.jobs.runner import jobs_run
from app.projections.migrations import migrate
from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.data.stored import live, stored_and_projected
from tests.support.observed import READ_MODELS
from tests.support.roles import projecting
from tests.support.waiting import until

Mongo = Database[dict[str, Any]]
BY = {"id": "ada", "name": "Ada Poe", "role": "admin"}


@pytest.fixture(autouse=True)
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings reach a job's process as they reach every other."""
    for name, value in Billie.of(settings).environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def jobs(settings: Settings, mongo_db: Mongo) -> Jobs:
    stored_and_projected(settings, mongo_db, 600)
    return Jobs(mongo_db)


@contextmanager
def running(settings: Settings) -> Iterator[None]:
    """A runner in a thread, as `billie project` has one."""
    with jobs_run(settings, Heartbeats()):
        yield


def ended(database: Mongo, job_id: str) -> dict[str, Any]:
    """The job, once it has ended."""
    wanted = {"_id": job_id, "endedAt": {"$exists": True}}
    until(lambda: database[COLLECTION].count_documents(wanted) == 1, what="the job's end")
    return database[COLLECTION].find_one(wanted) or {}


class Children:
    """The processes of jobs, one after the other."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def next(self) -> psutil.Process:
        """The next one, once it has begun to work."""
        found: list[psutil.Process] = []

        def is_there() -> bool:
            found[:] = [each for each in psutil.Process().children() if self._is_new(each)]
            return bool(found)

        until(is_there, what="the job's process")
        self._seen.add(found[0].pid)
        return found[0]

    def _is_new(self, process: psutil.Process) -> bool:
        return process.pid not in self._seen and "app.cli.main" in process.cmdline()


def test_a_rebuild_is_done_and_reported(settings: Settings, mongo_db: Mongo, jobs: Jobs) -> None:
    before = live(mongo_db)
    mongo_db["customers"].update_many({}, {"$set": {"firstName": "Edited"}})
    job = jobs.ask(JobKind.REBUILD, ("customers", "loan-accounts"), BY)
    assert jobs.ask(JobKind.REBUILD, ("customers", "loan-accounts"), BY) == job
    with projecting(settings), running(settings):
        done = ended(mongo_db, job["_id"])
    assert (done["status"], done["attempts"], "runBy" in done) == ("done", 1, False)
    assert live(mongo_db) == before
    outcomes = {each["projection"]: each for each in done["outcomes"]}
    assert set(outcomes) == {"customers", "loan-accounts"}
    assert outcomes["customers"]["documents"] == len(before["customers"])
    assert {each["phase"] for each in done["progress"]} == {"swap"}


@pytest.mark.parametrize("ends", [False, True])
def test_two_concurrent_requests_have_one_job(
    mongo_db: Mongo, monkeypatch: pytest.MonkeyPatch, *, ends: bool
) -> None:
    list(migrate(mongo_db))
    one, other = Jobs(mongo_db), Jobs(mongo_db)
    insert, asked = one._records.insert_one, []

    def after_the_other(record: dict[str, Any]) -> Any:
        monkeypatch.setattr(one._records, "insert_one", insert)
        asked.append(other.ask(JobKind.REBUILD, ("customers",), BY))
        try:
            return insert(record)
        finally:
            if ends:
                other.stop(asked[0]["_id"])

    monkeypatch.setattr(one._records, "insert_one", after_the_other)
    job = one.ask(JobKind.REBUILD, ("customers",), BY)
    assert (job["status"], job["_id"] != asked[0]["_id"]) == ("waiting", ends)
    assert mongo_db[COLLECTION].count_documents({"status": "waiting"}) == 1


@pytest.mark.parametrize("how", ["ended", "stopped"])
def test_an_ended_job_can_be_requested_again(mongo_db: Mongo, how: str) -> None:
    list(migrate(mongo_db))
    jobs = Jobs(mongo_db)
    job = jobs.ask(JobKind.VERIFY, ("customers",), BY)
    if how == "ended":
        jobs.begin(job)
        jobs.end(job["_id"], JobStatus.DONE)
    else:
        jobs.stop(job["_id"])
    again = jobs.ask(JobKind.VERIFY, ("customers",), BY)
    assert again["_id"] != job["_id"]


def test_one_process_begins_a_job_and_no_other_begins_one_beside_it(mongo_db: Mongo) -> None:
    list(migrate(mongo_db))
    one, other = Jobs(mongo_db, "one"), Jobs(mongo_db, "other")
    job = one.ask(JobKind.VERIFY, ("customers",), BY)
    later = one.ask(JobKind.VERIFY, ("conversations",), BY)
    begun = one.begin(job)
    assert begun is not None
    assert (begun["runBy"], begun["attempts"]) == ("one", 1)
    assert other.begin(job) is None, "it has changed since it was read"
    assert other.begin(later) is None, "one runs"
    assert other.next() == begun


def test_a_process_changes_nothing_of_a_job_that_another_has_taken(mongo_db: Mongo) -> None:
    list(migrate(mongo_db))
    one, other = Jobs(mongo_db, "one"), Jobs(mongo_db, "other")
    begun = one.begin(one.ask(JobKind.VERIFY, ("customers",), BY)) or {}
    taken = other.begin(begun)
    assert not one.report(begun["_id"], [])
    one.put_back(begun, counts=True)
    one.end(begun["_id"], JobStatus.DONE)
    assert mongo_db[COLLECTION].find_one() == taken
    assert other.report(begun["_id"], [])


def test_a_job_whose_process_died_is_continued_by_another(
    settings: Settings, mongo_db: Mongo, jobs: Jobs
) -> None:
    job = jobs.ask(JobKind.REBUILD, ("customers",), BY)
    dead = Jobs(mongo_db, "project on db-7, process 1")
    dead.begin(job)
    dead.report(job["_id"], [{"projection": "customers", "phase": "fold", "position": 1, "newest": 2}])
    with projecting(settings), running(settings):
        assert "--resume" in Children().next().cmdline()
        done = ended(mongo_db, job["_id"])
    assert (done["status"], done["attempts"]) == ("done", 2)


def test_a_verification_reports_differences_without_values_and_fixes_them(
    settings: Settings, mongo_db: Mongo, jobs: Jobs
) -> None:
    before = live(mongo_db)
    one, other = sorted(before["customers"])[:2]
    mongo_db["customers"].update_one({"_id": one}, {"$set": {"firstName": "Somebody"}})
    mongo_db["customers"].delete_one({"_id": other})
    found = jobs.ask(JobKind.VERIFY, READ_MODELS, BY)
    fixed = jobs.ask(JobKind.VERIFY, ("customers",), BY, fix=True)
    with running(settings):
        done, mended = ended(mongo_db, found["_id"]), ended(mongo_db, fixed["_id"])
    outcomes = {each["projection"]: each for each in done["outcomes"]}
    assert {name: each["differences"] for name, each in outcomes.items()} == {
        name: 2 if name == "customers" else 0 for name in READ_MODELS
    }
    assert outcomes["customers"]["documents"] == len(before["customers"])
    assert {(each["id"], each["kind"]) for each in done["examples"]} == {
        (one, "different"),
        (other, "missing"),
    }
    assert "Somebody" not in str(done)
    assert [(each["differences"], each["fixed"]) for each in mended["outcomes"]] == [(2, 2)]
    assert live(mongo_db) == before
    assert mended["startedAt"] >= done["endedAt"], "one at a time"


def test_a_job_is_stopped_while_it_waits_and_while_it_runs(
    settings: Settings, mongo_db: Mongo, jobs: Jobs
) -> None:
    before = live(mongo_db)
    first = jobs.ask(JobKind.REBUILD, ("customers",), BY)
    second = jobs.ask(JobKind.VERIFY, ("customers",), BY)
    assert (jobs.stop(second["_id"]) or {})["status"] == "stopped"
    assert jobs.stop("no-such-job") is None
    with held(mongo_db, "customers"), running(settings):
        until(lambda: phase(mongo_db, first["_id"]) == "swap", what="it to wait for the live projector")
        assert (jobs.stop(first["_id"]) or {})["stopWanted"]
        done = ended(mongo_db, first["_id"])
    assert (done["status"], "stopWanted" in done) == ("stopped", False)
    assert (jobs.stop(first["_id"]) or {})["status"] == "stopped", "and stays so"
    assert live(mongo_db) == before
    assert jobs.next() is None


def test_a_process_reports_its_job_also_while_the_child_stops(
    settings: Settings, mongo_db: Mongo, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, children = subprocess.Popen, []

    def one_that_does_not_stop(_: Any, **options: Any) -> Any:
        children.append(begin([sys.executable, "-c", DOES_NOT_STOP], **options))
        return children[-1]

    monkeypatch.setattr(subprocess, "Popen", one_that_does_not_stop)
    job_id = jobs.ask(JobKind.VERIFY, ("customers",), BY)["_id"]
    reported = {"_id": job_id, "progress.projection": "customers"}
    with running(settings):
        until(lambda: mongo_db[COLLECTION].count_documents(reported) == 1, what="its first report")
        for _ in range(3):
            stopping = jobs.stop(job_id) or {}
            later = {"_id": job_id, "updatedAt": {"$gt": stopping["updatedAt"]}}
            until(lambda later=later: mongo_db[COLLECTION].count_documents(later) == 1, what="a report")
        children[0].send_signal(signal.SIGUSR1)
        assert ended(mongo_db, job_id)["status"] == "stopped"


DOES_NOT_STOP = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print('{"progress": {"projection": "customers"}}', flush=True)
signal.sigwait({signal.SIGUSR1})
"""


@contextmanager
def held(database: Mongo, identifier: str) -> Iterator[None]:
    """Somebody who does not hear has a lease, and beats."""
    stop, records = Event(), database[POSITIONS]
    somebody = {"lease.owner": "rebuild on db-7, process 1", "lease.beat": 1}
    records.update_one({"_id": identifier}, {"$set": somebody, "$setOnInsert": {"position": 0}}, upsert=True)

    def beat() -> None:
        while not stop.wait(BEAT_EVERY_S / 2):
            records.update_one({"_id": identifier}, {"$inc": {"lease.beat": 1}})

    thread = Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def phase(database: Mongo, job_id: str) -> str | None:
    """Which phase the job's first projection is in."""
    job = database[COLLECTION].find_one({"_id": job_id}) or {}
    return job["progress"][0]["phase"] if job.get("progress") else None


def test_a_killed_job_is_restarted_up_to_three_times(settings: Settings, mongo_db: Mongo, jobs: Jobs) -> None:
    job = jobs.ask(JobKind.REBUILD, ("customers",), BY)
    with running(settings):
        children = Children()
        for _ in range(3):
            children.next().send_signal(signal.SIGKILL)
        done = ended(mongo_db, job["_id"])
    assert done["status"] == "failed"
    assert "begun 3 times" in done["error"]


def test_a_process_that_fails_to_start_is_retried_and_costs_no_attempt(
    settings: Settings, mongo_db: Mongo, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.ask(JobKind.VERIFY, ("customers",), BY)
    begin, tries = subprocess.Popen, []

    def without_memory(*arguments: Any, **options: Any) -> Any:
        tries.append(arguments)
        if len(tries) <= 4:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return begin(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", without_memory)
    with running(settings):
        done = ended(mongo_db, job["_id"])
    assert (done["status"], done["attempts"]) == ("done", 1)


def test_a_stopping_runner_puts_its_job_back_and_the_next_continues_it(
    settings: Settings, mongo_db: Mongo, jobs: Jobs
) -> None:
    job = jobs.ask(JobKind.REBUILD, ("customers",), BY)
    with held(mongo_db, "customers"), running(settings):
        until(lambda: phase(mongo_db, job["_id"]) == "swap", what="it to wait for the live projector")
    left = mongo_db[COLLECTION].find_one({"_id": job["_id"]}) or {}
    assert (left["status"], left["attempts"], "runBy" in left) == ("waiting", 0, False)
    with running(settings):
        assert "--resume" in Children().next().cmdline()
        done = ended(mongo_db, job["_id"])
    assert (done["status"], done["attempts"]) == ("done", 1)


def test_a_runner_waits_for_another_one_that_beats(settings: Settings, mongo_db: Mongo, jobs: Jobs) -> None:
    with running(settings), running(settings):
        ids = [jobs.ask(JobKind.VERIFY, (name,), BY)["_id"] for name in READ_MODELS[:3]]
        done = [ended(mongo_db, each) for each in ids]
    assert {each["attempts"] for each in done} == {1}
    for before, after in pairwise(done):
        assert before["endedAt"] <= after["startedAt"], "one at a time"


def test_a_failed_job_reports_its_error(settings: Settings, mongo_db: Mongo, jobs: Jobs) -> None:
    job = jobs.ask(JobKind.REBUILD, ("customers",), BY)
    with held(mongo_db, "customers#rebuild"), running(settings):
        done = ended(mongo_db, job["_id"])
    assert done["status"] == JobStatus.FAILED
    assert "customers is being rebuilt already by rebuild on db-7" in done["error"]
