"""Rebuilds and verifications in the console: who may request them, and what the page shows."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from app.projections.engine.positions import COLLECTION as POSITIONS
from app.projections.jobs.jobs import COLLECTION, Jobs, JobStatus
from app.projections.rebuild.shadow import record_id
from app.runtime.settings.settings import Settings
from tests.integration.console.conftest import HOSTILE
from tests.support.api.console import Visitor
from tests.support.observed import READ_MODELS


@pytest.fixture
def ada(url: str) -> Iterator[Visitor]:
    """An admin."""
    with Visitor(url) as visitor:
        visitor.sign_in("Ada Poe", "admin")
        yield visitor


@pytest.fixture
def stored(settings: Settings) -> Iterator[Collection[dict[str, Any]]]:
    """The jobs, none yet."""
    with MongoClient[dict[str, Any]](settings.mongo_url, tz_aware=True) as client:
        jobs = client[settings.mongo_db][COLLECTION]
        jobs.delete_many({})
        yield jobs


def test_a_double_click_requests_one_rebuild(ada: Visitor, stored: Collection[dict[str, Any]]) -> None:
    form = ada.part("/pipeline/jobs/rebuild").text
    assert form.count(" checked") == len(READ_MODELS)
    assert ada.part("/pipeline/jobs/rebuild?model=customers").text.count(" checked") == 1
    filled = {"model-customers": "yes", "model-conversations": "yes", "model-nothing": "yes"}
    for _ in range(2):
        assert "Requested" in ada.post("/pipeline/jobs/rebuild", filled).text
    (job,) = stored.find()
    assert (job["kind"], job["projections"]) == ("rebuild", ["customers", "conversations"])
    assert (job["askedBy"]["name"], job["resume"]) == ("Ada Poe", False)
    page = ada.get("/pipeline").text
    assert "customers, conversations" in page
    assert f"stop-{job['_id']}" in page


def test_each_kind_of_job_has_its_own_options(ada: Visitor, stored: Collection[dict[str, Any]]) -> None:
    filled = {"model-customers": "yes", "fix": "yes"}
    assert "Requested" in ada.post("/pipeline/jobs/verify", filled).text
    assert ada.post("/pipeline/jobs/rebuild", filled).status_code == 422
    assert [(each["kind"], each["fix"]) for each in stored.find()] == [("verify", True)]


def test_a_job_needs_a_read_model(ada: Visitor, stored: Collection[dict[str, Any]]) -> None:
    answer = ada.post("/pipeline/jobs/verify", {})
    assert answer.status_code == 422
    assert "Choose at least one" in answer.text
    assert ada.part("/pipeline/jobs/drop").status_code == 404
    assert stored.count_documents({}) == 0


def test_a_job_is_stopped(ada: Visitor, stored: Collection[dict[str, Any]]) -> None:
    ada.post("/pipeline/jobs/verify", {"model-customers": "yes"})
    (job,) = stored.find()
    assert "Stop it" in ada.part(f"/pipeline/job/{job['_id']}/stop").text
    assert "Stopped" in ada.post(f"/pipeline/job/{job['_id']}/stop", {}).text
    page = ada.get("/pipeline").text
    assert f"stop-{job['_id']}" not in page
    assert "Stopped" in page
    assert ada.part("/pipeline/job/nothing/stop").status_code == 404


def test_outcomes_of_jobs_are_shown_and_escaped(
    ada: Visitor, stored: Collection[dict[str, Any]], settings: Settings
) -> None:
    ada.post("/pipeline/jobs/verify", {"model-customers": "yes"})
    (job,) = stored.find()
    with MongoClient[dict[str, Any]](settings.mongo_url) as client:
        jobs = Jobs(client[settings.mongo_db], "project on db-7")
        jobs.begin(job)
        progress = {"phase": "compare", "position": 5, "newest": 1_000, "documents": 3}
        jobs.report(job["_id"], [{"projection": "customers", **progress}])
        page = ada.get("/pipeline").text
        assert '<progress max="1000" value="5"' in page
        assert "project on db-7" in page
        outcome = {"projection": "customers", "position": 9, "events": 9, "documents": 3_000, "seconds": 0.1}
        example = {"projection": "customers", "id": HOSTILE, "kind": "different", "position": 4, "fields": []}
        facts = {"outcomes": [{**outcome, "differences": 1, "fixed": 0}], "examples": [example]}
        jobs.end(job["_id"], JobStatus.FAILED, error=f"It is {HOSTILE}", **facts)
    page = ada.get("/pipeline").text
    for words in ("3,000 compared", "1 differ", "It is "):
        assert words in page
    assert HOSTILE not in page


def test_a_rebuild_is_not_shown_as_stalled_while_its_job_takes_its_leases(
    ada: Visitor, settings: Settings, stored: Collection[dict[str, Any]]
) -> None:
    with MongoClient[dict[str, Any]](settings.mongo_url) as client:
        rebuilds = client[settings.mongo_db][POSITIONS]
        rebuilds.insert_one({"_id": record_id("customers"), "phase": "fold", "position": 1})
        try:
            assert "Unfinished: no worker" in ada.get("/pipeline").text
            ada.post("/pipeline/jobs/rebuild", {"model-customers": "yes"})
            (job,) = stored.find()
            jobs = Jobs(client[settings.mongo_db], "project on db-7")
            jobs.begin(job)
            page = ada.get("/pipeline").text
            assert "<strong>customers</strong>" in page
            assert "Unfinished: no worker" not in page
            stored.update_one({"_id": job["_id"]}, {"$set": {"updatedAt": datetime(2026, 3, 1, tzinfo=UTC)}})
            assert "Unfinished: no worker" in ada.get("/pipeline").text, "its runner is dead"
        finally:
            rebuilds.delete_one({"_id": record_id("customers")})


def test_others_see_jobs_and_may_not_ask_for_any(
    ada: Visitor, ann: Visitor, stored: Collection[dict[str, Any]]
) -> None:
    ada.post("/pipeline/jobs/verify", {"model-customers": "yes"})
    (job,) = stored.find()
    page = ann.get("/pipeline").text
    assert "Requested by Ada Poe" in page
    assert "Rebuild…" not in page
    assert f"stop-{job['_id']}" not in page
    assert "Requested" not in ann.post("/pipeline/jobs/rebuild", {"model-customers": "yes"}).text
    assert ann.post(f"/pipeline/job/{job['_id']}/stop", {}).status_code == 403
    assert stored.count_documents({"status": "waiting"}) == 1
