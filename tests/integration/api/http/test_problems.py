"""Every error is a problem, with an id that is in the log, and says nothing of a customer there."""

import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pymongo.database import Database

from app.api.application import create_app
from app.api.auth.development_tokens import issue_token
from app.runtime.settings.settings import Settings
from tests.support.api.money import client_of
from tests.support.api.serving import serving

PERSONAL = ("Annabel Leeuwen", "annabel@mail.test")


@pytest.fixture
def client(settings: Settings) -> Iterator[httpx.Client]:
    app = create_app(settings)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError(PERSONAL[0]) from ValueError(PERSONAL[1])

    with serving(settings, app) as url, client_of(url, settings, "admin") as client:
        yield client


def problem_of(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["type"] == f"urn:billie:problem:{code}"
    assert problem["requestId"] == answer.headers["x-request-id"]
    return problem


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "no_such_route"),
        ("GET", "/static-offline-docs/nothing", 404, "no_such_route"),
        ("GET", "/v1/customers/nobody", 404, "not_found"),
        ("DELETE", "/v1/customers", 405, "method_not_allowed"),
        ("PATCH", "/healthz", 405, "method_not_allowed"),
        ("GET", "/v1/customers?limit=x", 422, "invalid_request"),
        ("GET", "/v1/customers?limit=5&limit=6", 400, "repeated_parameter"),
        ("GET", "/healthz?verbose=1", 400, "unknown_parameter"),
        ("POST", "/v1/dead-letters/replay", 422, "invalid_request"),
        ("GET", "/broken", 500, "internal_error"),
    ],
)
def test_each_error_is_a_problem_whose_id_is_in_the_log(
    client: httpx.Client, caplog: pytest.LogCaptureFixture, method: str, path: str, status: int, code: str
) -> None:
    caplog.set_level(logging.INFO)
    problem = problem_of(client.request(method, path), status, code)
    [line] = [each.getMessage() for each in caplog.records if each.name == "app.api.http.problems"]
    assert f"Request {problem['requestId']} of " in line
    assert f"{status} {code}" in line
    if status == 405:
        assert client.request(method, path).headers["allow"]


def test_a_fault_of_ours_is_traced_without_its_text(
    client: httpx.Client, mongo_db: Database[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    mongo_db["customers"].insert_one({"_id": "C1", "fullName": [*PERSONAL]})
    for path in ("/broken", "/v1/customers/C1"):
        caplog.clear()
        problem = problem_of(client.get(path), 500, "internal_error")
        [line] = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
        assert problem["requestId"] in line
        assert not [each for each in PERSONAL if each in caplog.text]
        assert "Traceback" not in caplog.text
    assert "ValidationError" in line
    assert "documents/routes.py" in line


def test_every_fault_of_a_request_is_reported(client: httpx.Client) -> None:
    body = {"amount": "ten", "type": "late", "daysPastDue": -1, "colour": "red"}
    headers = {"Idempotency-Key": "intent-00000001"}
    answer = client.post("/v1/ledger/accounts/L1/fees", json=body, headers=headers)
    detail = problem_of(answer, 422, "invalid_request")["detail"]
    for field in ("body.amount", "body.type", "body.daysPastDue", "body.colour"):
        assert field in detail


def test_a_callers_value_is_quoted_shortened(client: httpx.Client) -> None:
    names = {f"{number}{'x' * 500}": "" for number in range(30)}
    answer = client.get("/v1/customers", params=names)
    assert len(problem_of(answer, 400, "unknown_parameter")["detail"]) < 1_000
    answer = client.post("/v1/dead-letters/replay", json={"y" * 9_000: 1})
    assert len(problem_of(answer, 422, "invalid_request")["detail"]) < 1_000


def test_a_rate_limited_caller_learns_when_to_retry(settings: Settings) -> None:
    strict = settings.model_copy(update={"rate_per_second": 0.01, "rate_burst": 3})
    with (
        serving(strict) as url,
        client_of(url, settings, "readonly", "ann") as ann,
        client_of(url, settings, "readonly", "bob") as bob,
    ):
        answers = [ann.get("/v1/me") for _ in range(5)]
        assert [each.status_code for each in answers] == [200, 200, 200, 429, 429]
        problem = problem_of(answers[-1], 429, "too_many_requests")
        assert problem["retryable"]
        assert 90 < int(answers[-1].headers["retry-after"]) <= 100
        assert bob.get("/v1/me").status_code == 200, "each caller for themselves"
        machine = issue_token(settings, "ann", "readonly", for_machine=True)
        answer = httpx.get(f"{url}/v1/me", headers={"Authorization": f"Bearer {machine}"})
        assert answer.status_code == 200, "and a machine of the same name is another"
        assert httpx.get(f"{url}/healthz").status_code == 200
