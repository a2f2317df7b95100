"""Jobs over REST: who may ask for one, what is kept of it, and what is refused."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from pymongo.database import Database

from app.api.auth.development_tokens import issue_token
from app.projections.jobs.jobs import COLLECTION, Jobs, JobStatus
from app.projections.migrations import migrate
from app.runtime.settings.settings import Settings
from tests.support.api.serving import serving
from tests.support.observed import READ_MODELS

Mongo = Database[dict[str, Any]]
As = Callable[[str], httpx.Client]
PATH = "/v1/projection-jobs"
REBUILD = {"kind": "rebuild", "projections": ["customers"]}


@pytest.fixture
def as_(settings: Settings, mongo_db: Mongo) -> Iterator[As]:
    list(migrate(mongo_db))
    with serving(settings.model_copy(update={"ledger_target": "127.0.0.1:1"})) as url:
        made: list[httpx.Client] = []

        def client(role: str) -> httpx.Client:
            token = issue_token(settings, f"{role}-1", role)
            made.append(httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}))
            return made[-1]

        yield client
        for each in made:
            each.close()


def test_a_job_is_stored_shown_and_requested_once(as_: As, mongo_db: Mongo) -> None:
    admin, operations = as_("admin"), as_("operations")
    asked = admin.post(PATH, json=REBUILD)
    assert asked.status_code == 202
    job = asked.json()
    assert (job["kind"], job["projections"], job["status"]) == ("rebuild", ["customers"], "waiting")
    assert job["askedBy"] == {"id": "admin-1", "role": "admin"}
    again = admin.post(PATH, json=REBUILD)
    assert (again.status_code, again.json()) == (202, job)
    assert again.headers["location"] == f"{PATH}/{job['jobId']}"
    shown = operations.get(again.headers["location"])
    assert shown.json() == job
    tag = {"If-None-Match": shown.headers["etag"]}
    assert operations.get(f"{PATH}/{job['jobId']}", headers=tag).status_code == 304
    assert mongo_db[COLLECTION].count_documents({}) == 1


def test_a_job_without_names_covers_every_read_model(as_: As) -> None:
    assert as_("admin").post(PATH, json={"kind": "verify", "fix": True}).json()["projections"] == list(
        READ_MODELS
    )


def test_jobs_are_listed_newest_first_by_kind_and_status(as_: As) -> None:
    admin = as_("admin")
    ids = [
        admin.post(PATH, json={"kind": kind, "projections": [name]}).json()["jobId"]
        for kind, name in (("rebuild", "customers"), ("verify", "customers"), ("verify", "conversations"))
    ]
    assert admin.post(f"{PATH}/{ids[1]}/stop").json()["status"] == "stopped"

    def listed(**filters: str) -> list[str]:
        return [each["jobId"] for each in admin.get(PATH, params=filters).json()["items"]]

    assert listed() == ids[::-1]
    assert listed(kind="verify") == [ids[2], ids[1]]
    assert listed(status="waiting") == [ids[2], ids[0]]
    first = admin.get(PATH, params={"limit": 2}).json()
    rest = admin.get(first["next"]).json()
    assert [each["jobId"] for each in first["items"] + rest["items"]] == ids[::-1]


def test_a_job_shows_its_progress_and_result(as_: As, mongo_db: Mongo) -> None:
    job_id = as_("admin").post(PATH, json={"kind": "verify", "projections": ["customers"]}).json()["jobId"]
    jobs = Jobs(mongo_db, "project on db-7, process 4711 (a3f1)")
    jobs.begin(jobs.next() or {})
    progress = {"projection": "customers", "phase": "compare", "position": 7, "newest": 9, "documents": 3}
    assert jobs.report(job_id, [progress])
    shown = as_("operations").get(f"{PATH}/{job_id}").json()
    assert (shown["status"], shown["attempts"], shown["progress"]) == ("running", 1, [progress])
    assert shown["runBy"].startswith("project on db-7")
    example = {
        "projection": "customers",
        "id": "C1",
        "kind": "different",
        "position": 4,
        "fields": ["firstName"],
    }
    outcome = {"projection": "customers", "position": 9, "events": 9, "documents": 3, "seconds": 0.1}
    outcome |= {"differences": 1, "fixed": 0}
    jobs.end(job_id, JobStatus.DONE, outcomes=[outcome], examples=[example])
    shown = as_("operations").get(f"{PATH}/{job_id}").json()
    assert (shown["status"], shown["outcomes"], shown["examples"]) == ("done", [outcome], [example])
    refused = as_("admin").post(f"{PATH}/{job_id}/stop")
    assert (refused.status_code, refused.json()["code"]) == (409, "job_ended")


def test_each_role_calls_only_its_job_routes(as_: As) -> None:
    admin = as_("admin")
    job_id = admin.post(PATH, json=REBUILD).json()["jobId"]
    for role in ("operations", "supervisor"):
        client = as_(role)
        assert client.get(PATH).status_code == 200
        assert client.post(PATH, json=REBUILD).status_code == 403
        assert client.post(f"{PATH}/{job_id}/stop").status_code == 403
    assert as_("readonly").get(PATH).status_code == 403
    assert admin.get(f"{PATH}/{job_id}").json()["status"] == "waiting"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (
            {"kind": "rebuild", "projections": ["nothing"]},
            422,
            "no such read model; read models: customers",
        ),
        ({"kind": "rebuild", "projections": []}, 422, "projections"),
        ({"kind": "rebuild", "fix": True}, 422, "fix"),
        ({"kind": "verify", "resume": True}, 422, "resume"),
        ({"kind": "drop"}, 422, "kind"),
        ({"kind": {"$ne": ""}}, 422, "kind"),
        ({"kind": "verify", "sample": 1}, 422, "sample"),
    ],
)
def test_an_invalid_job_is_refused(
    as_: As, mongo_db: Mongo, body: dict[str, Any], status: int, words: str
) -> None:
    answer = as_("admin").post(PATH, json=body)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert mongo_db[COLLECTION].count_documents({}) == 0


def test_an_unknown_job(as_: As) -> None:
    admin = as_("admin")
    for answer in (admin.get(f"{PATH}/nothing"), admin.post(f"{PATH}/nothing/stop")):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
