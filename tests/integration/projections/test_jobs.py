"""Jobs that were asked for: each is done once, in a process of its own, even if its runner dies."""

import errno
import signal
import subprocess
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
from app.projections.jobs.jobs import COLLECTION, JobKind, Jobs, JobStatus, Order
from app.projections.jobs.runner import JobRunner
from app.projections.migrations import migrate
from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.data.stored import live, stored_and_projected
from tests.support.observed import READ_MODELS
from tests.support.roles import projecting
from tests.support.waiting import LONG_S, until

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
    stop, heartbeats = Event(), Heartbeats()
    heartbeats.expect("jobs")
    thread = Thread(target=JobRunner(settings, stop, heartbeats).run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(2 * LONG_S)
    assert not thread.is_alive()


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
    job, is_new = jobs.ask(Order(JobKind.REBUILD, ("customers", "loan-accounts")), BY)
    again, is_another = jobs.ask(Order(JobKind.REBUILD, ("customers", "loan-accounts")), BY)
    assert (is_new, is_another, again["_id"]) == (True, False, job["_id"])
    with projecting(settings), running(settings):
        done = ended(mongo_db, job["_id"])
    assert (done["status"], done["attempts"], "runBy" in done) == ("done", 1, False)
    assert live(mongo_db) == before
    outcomes = {each["projection"]: each for each in done["outcomes"]}
    assert set(outcomes) == {"customers", "loan-accounts"}
    assert outcomes["customers"]["documents"] == len(before["customers"])
    assert {each["phase"] for each in done["progress"]} == {"swap"}


def test_two_concurrent_requests_have_one_job(mongo_db: Mongo, monkeypatch: pytest.MonkeyPatch) -> None:
    list(migrate(mongo_db))
    one, other, order = Jobs(mongo_db), Jobs(mongo_db), Order(JobKind.REBUILD, ("customers",))
    look, asked = one._records.find_one, []

    def and_then_the_other(*arguments: Any) -> Any:
        found = look(*arguments)
        monkeypatch.setattr(one._records, "find_one", look)
        asked.append(other.ask(order, BY))
        return found

    monkeypatch.setattr(one._records, "find_one", and_then_the_other)
    job, is_new = one.ask(order, BY)
    [(first, is_first)] = asked
    assert (is_first, is_new, job["_id"]) == (True, False, first["_id"])
    assert mongo_db[COLLECTION].count_documents({}) == 1


@pytest.mark.parametrize("how", ["ended", "stopped"])
def test_an_ended_job_can_be_requested_again(mongo_db: Mongo, how: str) -> None:
    list(migrate(mongo_db))
    jobs, order = Jobs(mongo_db), Order(JobKind.VERIFY, ("customers",))
    job_id = jobs.ask(order, BY)[0]["_id"]
    if how == "ended":
        jobs.end(job_id, JobStatus.DONE)
    else:
        jobs.stop(job_id)
    again, is_new = jobs.ask(order, BY)
    assert is_new
    assert again["_id"] != job_id


def test_a_verification_reports_differences_without_values_and_fixes_them(
    settings: Settings, mongo_db: Mongo, jobs: Jobs
) -> None:
    before = live(mongo_db)
    one, other = sorted(before["customers"])[:2]
    mongo_db["customers"].update_one({"_id": one}, {"$set": {"firstName": "Somebody"}})
    mongo_db["customers"].delete_one({"_id": other})
    found, _ = jobs.ask(Order(JobKind.VERIFY, READ_MODELS), BY)
    fixed, _ = jobs.ask(Order(JobKind.VERIFY, ("customers",), fix=True), BY)
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
    first, _ = jobs.ask(Order(JobKind.REBUILD, ("customers",)), BY)
    second, _ = jobs.ask(Order(JobKind.VERIFY, ("customers",)), BY)
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
    job, _ = jobs.ask(Order(JobKind.REBUILD, ("customers",)), BY)
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
    job, _ = jobs.ask(Order(JobKind.VERIFY, ("customers",)), BY)
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
    job, _ = jobs.ask(Order(JobKind.REBUILD, ("customers",)), BY)
    with held(mongo_db, "customers"), running(settings):
        until(lambda: phase(mongo_db, job["_id"]) == "swap", what="it to wait for the live projector")
    left = mongo_db[COLLECTION].find_one({"_id": job["_id"]}) or {}
    assert (left["status"], left["attempts"], left["lease"]["owner"]) == ("waiting", 0, None)
    with running(settings):
        assert "--resume" in Children().next().cmdline()
        done = ended(mongo_db, job["_id"])
    assert (done["status"], done["attempts"]) == ("done", 1)


def test_a_runner_waits_for_another_one_that_beats(settings: Settings, mongo_db: Mongo, jobs: Jobs) -> None:
    with running(settings), running(settings):
        ids = [jobs.ask(Order(JobKind.VERIFY, (name,)), BY)[0]["_id"] for name in READ_MODELS[:3]]
        done = [ended(mongo_db, each) for each in ids]
    assert {each["attempts"] for each in done} == {1}
    for before, after in pairwise(done):
        assert before["endedAt"] <= after["startedAt"], "one at a time"


def test_a_failed_job_reports_its_error(settings: Settings, mongo_db: Mongo, jobs: Jobs) -> None:
    job, _ = jobs.ask(Order(JobKind.REBUILD, ("customers",)), BY)
    with held(mongo_db, "customers#rebuild"), running(settings):
        done = ended(mongo_db, job["_id"])
    assert done["status"] == JobStatus.FAILED
    assert "customers is being rebuilt already by rebuild on db-7" in done["error"]
