"""The REST API over a socket, on a real database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from bson import Decimal128
from pymongo.database import Database

from app.aggregates import Conversation
from app.api.application import create_app
from app.api.auth.development_tokens import AuthenticationNotConfiguredError, issue_token
from app.event_store.application import Servicing
from app.projections.migrations import migrate
from app.runtime.settings.settings import Settings
from tests.support.api.serving import serving
from tests.support.data.given import message, minute
from tests.support.servers.event_stores import execute

PATHS = (
    "/v1/customers",
    "/v1/customers/C1",
    "/v1/loan-accounts",
    "/v1/loan-accounts/L1",
    "/v1/conversations",
    "/v1/conversations/V1",
    "/v1/write-off-requests",
    "/v1/write-off-requests/W1",
)
DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def base_url(settings: Settings) -> Iterator[str]:
    with serving(settings) as url:
        yield url


@pytest.fixture
def client(base_url: str, settings: Settings) -> Iterator[httpx.Client]:
    token = issue_token(settings, "ann", "readonly")
    with httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


@pytest.fixture
def documents(mongo_db: Database[dict[str, Any]]) -> None:
    stamps = {"createdAt": DAY, "updatedAt": DAY, "_position": 1}
    mongo_db["customers"].insert_one({"_id": "C1", "fullName": "Ann Lee", "ekycStatus": "failed"} | stamps)
    mongo_db["loan-accounts"].insert_many(
        {
            "_id": f"L{number}",
            "customerId": f"C{number % 2}",
            "accountStatus": "active",
            "balances": {"currentBalance": Decimal128("620.50")},
            "createdAt": DAY + timedelta(minutes=number // 3),
            "_position": number,
        }
        for number in range(25)
    )
    mongo_db["conversations"].insert_one(
        {"_id": "V1", "status": "active", "utterances": [{"username": "customer", "utterance": "hi"}]}
        | stamps
    )
    mongo_db["write-off-requests"].insert_one(
        {
            "_id": "W1",
            "requestNumber": "WO-1",
            "loanAccountId": "L1",
            "amount": Decimal128("9.00"),
            "status": "pending",
        }
        | stamps
    )


@pytest.mark.usefixtures("documents")
def test_every_route_answers_a_caller(client: httpx.Client) -> None:
    for path in PATHS:
        assert client.get(path).status_code == 200, path


@pytest.mark.usefixtures("documents")
def test_document_shows_money_as_text_and_nothing_of_the_projector(client: httpx.Client) -> None:
    assert client.get("/v1/loan-accounts/L1").json() == {
        "loanAccountId": "L1",
        "customerId": "C1",
        "accountStatus": "active",
        "balances": {"currentBalance": "620.50"},
        "createdAt": "2026-03-01T00:00:00Z",
    }


def listed(client: httpx.Client, path: str, key: str) -> list[str]:
    """What all pages of a list hold, in order."""
    seen: list[str] = []
    following: str | None = path
    while following:
        answer = client.get(following).json()
        seen += [item[key] for item in answer["items"]]
        following = answer.get("next")
    return seen


@pytest.mark.usefixtures("documents")
def test_pages_hold_each_document_once_newest_first(client: httpx.Client) -> None:
    seen = listed(client, "/v1/loan-accounts?limit=4&status=active", "loanAccountId")
    assert sorted(seen) == sorted(f"L{number}" for number in range(25))
    assert seen[0] == "L24"


@pytest.mark.parametrize("year", [1, 1969, 2026, 9999])
def test_pages_hold_each_document_once_in_any_year(
    year: int, client: httpx.Client, mongo_db: Database[dict[str, Any]]
) -> None:
    times = [datetime(year, 12, 31, 23, 59, 59, thousand * 1_000, UTC) for thousand in range(960, 1_000)]
    names = [f"C{number}" for number in range(99, 59, -1)]
    mongo_db["customers"].insert_many(
        {"_id": name, "createdAt": at} for name, at in zip(names, times, strict=True)
    )
    assert listed(client, "/v1/customers?limit=1", "customerId") == names[::-1]


def test_pages_hold_each_document_once_where_one_name_begins_another(
    client: httpx.Client, mongo_db: Database[dict[str, Any]]
) -> None:
    assert list(migrate(mongo_db)), "with the indexes"
    names = sorted(f"C{number}" for number in range(120))
    stamps = {"createdAt": DAY, "ekycStatus": "pending", "_position": 1}
    mongo_db["customers"].insert_many({"_id": name} | stamps for name in names)
    for path in ("/v1/customers?limit=7", "/v1/customers?limit=7&status=pending"):
        assert listed(client, path, "customerId") == names[::-1]


@pytest.mark.usefixtures("documents")
def test_filters(client: httpx.Client) -> None:
    mine = client.get("/v1/loan-accounts", params={"customerId": "C1", "limit": 200}).json()["items"]
    assert len(mine) == 12
    assert client.get("/v1/customers", params={"status": "pending"}).json()["items"] == []


def test_the_filter_in_arrears_finds_active_accounts_that_are_late_and_no_closed_ones(
    client: httpx.Client, mongo_db: Database[dict[str, Any]]
) -> None:
    stamps = {"createdAt": DAY, "aging": {"isInArrears": True, "daysPastDue": 45}, "_position": 1}
    for name, status, late in (
        ("A1", "active", True),
        ("A2", "in_arrears", True),
        ("A3", "written_off", False),
        ("A4", "active", False),
    ):
        mongo_db["loan-accounts"].insert_one(
            {"_id": name, "accountStatus": status, "inArrears": late} | stamps
        )
    assert listed(client, "/v1/loan-accounts?status=in_arrears&limit=1", "loanAccountId") == ["A2", "A1"]
    assert listed(client, "/v1/loan-accounts?status=active", "loanAccountId") == ["A4", "A1"]


def test_conversation_lists_hold_no_utterances(client: httpx.Client, documents: None) -> None:
    assert "utterances" not in client.get("/v1/conversations").json()["items"][0]


def test_entries_beyond_a_document_are_read_from_the_events(client: httpx.Client, settings: Settings) -> None:
    servicing = Servicing.from_url(settings.event_store_url)
    unit = servicing.unit_of_work()
    for number in range(7):
        source = message(f"m{number}")
        said = {"username": "customer", "utterance": str(number), "created_at": minute(9 - number)}
        unit.obtain(Conversation, "V1", source).add_utterance(source, **said)
    unit.commit()
    servicing.close()
    first = client.get("/v1/conversations/V1/utterances?limit=4").json()
    rest = client.get(first["next"]).json()
    assert [item["utterance"] for item in first["items"] + rest["items"]] == list("6543210")
    assert "next" not in rest
    assert client.get("/v1/conversations/V1/noticeboard").json() == {"items": []}
    assert client.get("/v1/conversations/V2/utterances").status_code == 404


def test_without_the_event_store_the_rest_is_served(
    client: httpx.Client, settings: Settings, documents: None
) -> None:
    answer = client.get("/v1/conversations/V1/utterances")
    assert (answer.status_code, answer.json()["code"]) == (503, "event_store_unavailable")
    assert answer.json()["retryable"]
    assert client.get("/v1/conversations/V1").status_code == 200
    if settings.event_store_url.startswith("sqlite"):
        assert not Path(settings.event_store_url.removeprefix("sqlite:///")).exists(), (
            "reading makes no store"
        )
    else:
        assert not execute(
            settings.event_store_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/customers/nobody", 404, "not_found"),
        ("/v1/nothing", 404, "no_such_route"),
        ("/v1/customers/", 404, "no_such_route"),
        ("/v1/customers?custmerId=C1", 400, "unknown_parameter"),
        ("/v1/customers?cursor=x", 400, "invalid_cursor"),
        ("/v1/customers?limit=9999", 422, "invalid_request"),
        ("/v1/customers?status=%24gt", 422, "invalid_request"),
        ("/v1/customers?customerId[$gt]=", 400, "unknown_parameter"),
    ],
)
def test_errors_are_problems(client: httpx.Client, path: str, status: int, code: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["requestId"] == answer.headers["x-request-id"]


def test_method_not_allowed_is_a_problem(client: httpx.Client) -> None:
    answer = client.post("/v1/customers")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_invalid_tokens_are_refused(base_url: str, settings: Settings) -> None:
    secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else ""
    soon, past = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(hours=1)
    good = {"sub": "ann", "role": "readonly", "exp": soon}
    refused = {
        "nothing": None,
        "garbage": "x.y.z",
        "none": jwt.encode(good, "", algorithm="none"),
        "expired": jwt.encode(good | {"exp": past}, secret),
        "for ever": jwt.encode({"sub": "ann", "role": "readonly"}, secret),
        "nobody": jwt.encode(good | {"sub": " "}, secret),
        "another secret": jwt.encode(good, "b" * 40),
    }
    for name, token in refused.items():
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        for path in PATHS:
            answer = httpx.get(base_url + path, headers=headers)
            assert answer.status_code == 401, (name, path)
            assert answer.headers["www-authenticate"] == "Bearer"
    token = jwt.encode(good | {"role": "owner"}, secret)
    answer = httpx.get(f"{base_url}/v1/customers", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "no_role")


def test_health_and_docs_need_no_token_and_no_internet(base_url: str) -> None:
    assert httpx.get(f"{base_url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{base_url}/readyz").json() == {"status": "ok"}
    openapi = httpx.get(f"{base_url}/openapi.json").json()
    assert openapi["openapi"].startswith("3.1")
    page = httpx.get(f"{base_url}/docs").text
    assert "http://" not in page.replace(base_url, "")
    assert "https://" not in page


def test_an_api_without_a_secret_refuses_to_start(settings: Settings) -> None:
    with pytest.raises(AuthenticationNotConfiguredError, match=r"BILLIE_JWT_SECRET.*BILLIE_JWKS_URL"):
        create_app(settings.model_copy(update={"jwt_secret": None}))
