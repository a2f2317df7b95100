"""What makes the read routes pleasant: order, fields, bounds of time, ETags, HEAD, gzip, other origins."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from bson import Decimal128
from pymongo.database import Database

from app.projections.migrations import migrate
from app.runtime.settings.settings import Settings
from tests.support.api.money import client_of
from tests.support.api.serving import serving

DAY = datetime(2026, 3, 1, tzinfo=UTC)
PAGE = "https://desk.example"
NOTE = {
    "noteType": "sms",
    "subject": "rent",
    "content": "x" * 2_000,
    "priority": "low",
    "status": "active",
    "sentiment": "neutral",
    "createdBy": {"id": "ann"},
}
DOCUMENTS = (
    "/v1/customers/C1",
    "/v1/loan-accounts/L1",
    "/v1/conversations/V1",
    "/v1/write-off-requests/W1",
    "/v1/notes/N1",
)


@pytest.fixture(scope="module")
def settings(shared_settings: Settings, shared_db: Database[dict[str, Any]]) -> Settings:
    """With documents whose updates are in another order than their beginnings."""
    list(migrate(shared_db))
    stamps = {"createdAt": DAY, "updatedAt": DAY, "_position": 1}
    shared_db["customers"].insert_one({"_id": "C1", "fullName": "Ann Lee", "ekycStatus": "failed"} | stamps)
    shared_db["loan-accounts"].insert_many(
        {
            "_id": f"L{number}",
            "customerId": f"C{number % 2}",
            "accountStatus": "active",
            "balances": {"currentBalance": Decimal128("620.50")},
            "createdAt": DAY + timedelta(hours=number),
            "updatedAt": DAY + timedelta(days=9, hours=(number * 7) % 48),
            "_position": number,
        }
        for number in range(48)
    )
    shared_db["conversations"].insert_one({"_id": "V1", "status": "active", "customerId": "C1"} | stamps)
    request = {"requestNumber": "WO-1", "loanAccountId": "L1", "amount": Decimal128("9.00")}
    shared_db["write-off-requests"].insert_one({"_id": "W1", "status": "pending"} | request | stamps)
    shared_db["contact-notes"].insert_one({"_id": "N1", "customerId": "C1", "createdAt": DAY} | NOTE)
    return shared_settings.model_copy(update={"cors_origins": (PAGE,)})


@pytest.fixture(scope="module")
def api(settings: Settings) -> Iterator[httpx.Client]:
    with serving(settings) as url, client_of(url, settings, "readonly") as client:
        yield client


def listed(api: httpx.Client, path: str, **asked: Any) -> list[dict[str, Any]]:
    """What all pages of a list hold."""
    found: list[dict[str, Any]] = []
    answer = api.get(path, params=asked).json()
    while True:
        found += answer["items"]
        if "next" not in answer:
            return found
        answer = api.get(answer["next"]).json()


@pytest.mark.parametrize("sort", ["createdAt", "-createdAt", "updatedAt", "-updatedAt"])
@pytest.mark.parametrize("more", [{}, {"customerId": "C1"}, {"status": "active"}], ids=str)
def test_lists_are_in_the_requested_order(sort: str, more: dict[str, str], api: httpx.Client) -> None:
    accounts = listed(api, "/v1/loan-accounts", sort=sort, limit=7, **more)
    assert len({each["loanAccountId"] for each in accounts}) == (24 if "customerId" in more else 48)
    times = [each[sort.removeprefix("-")] for each in accounts]
    assert times == sorted(times, reverse=sort.startswith("-"))


def test_a_cursor_belongs_to_its_list_and_order(api: httpx.Client) -> None:
    following = api.get("/v1/loan-accounts?limit=1").json()["next"]
    for elsewhere in (("limit=1", "limit=1&sort=updatedAt"), ("loan-accounts", "customers")):
        answer = api.get(following.replace(*elsewhere))
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")
        assert "another list, or order" in answer.json()["detail"]
    assert api.get("/v1/loan-accounts?sort=name").status_code == 422
    assert api.get("/v1/notes?sort=updatedAt").status_code == 422, "a note is never changed"


@pytest.mark.parametrize("path", ["/v1/loan-accounts", "/v1/customers", "/v1/conversations", "/v1/notes"])
def test_lists_are_bounded_by_days_and_times(path: str, api: httpx.Client) -> None:
    first = api.get(path, params={"from": "2026-03-01", "to": "2026-03-01", "limit": 200}).json()["items"]
    assert len(first) == (24 if "loan" in path else 1)
    until = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-01T11:00:00+11:00"}
    assert api.get(path, params=until).json()["items"] == []
    assert api.get(path, params={"from": "2026-03-05"}).json()["items"] == []
    assert api.get(path, params={"from": "yesterday"}).status_code == 422


def test_only_requested_fields_are_returned(api: httpx.Client) -> None:
    fields = {"fields": "accountStatus,balances"}
    assert api.get("/v1/loan-accounts/L1", params=fields).json() == {
        "loanAccountId": "L1",
        "accountStatus": "active",
        "balances": {"currentBalance": "620.50"},
    }
    names = {"loanAccountId", "accountStatus", "balances"}
    accounts = listed(api, "/v1/loan-accounts", **fields, sort="updatedAt", limit=9)
    assert {frozenset(each) for each in accounts} == {frozenset(names)}
    assert listed(api, "/v1/notes", fields="subject") == [{"noteId": "N1", "subject": "rent"}]
    assert api.get("/v1/notes/N1?fields=noteId,chain").json().keys() == {"noteId", "chain"}
    assert api.get("/v1/write-off-requests/W1?fields=amount").json() == {"requestId": "W1", "amount": "9.00"}


@pytest.mark.parametrize("path", ["/v1/loan-accounts", *DOCUMENTS])
@pytest.mark.parametrize("fields", ["_position", "nothing", "balances.currentBalance", "", "a,,b", "$where"])
def test_an_unknown_field_is_refused(path: str, fields: str, api: httpx.Client) -> None:
    answer = api.get(path, params={"fields": fields})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_field")
    assert "customerId" in answer.json()["detail"], "which there are"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_an_unchanged_document_is_304(
    path: str, api: httpx.Client, shared_db: Database[dict[str, Any]]
) -> None:
    answer = api.get(path)
    tag = answer.headers["etag"]
    assert answer.headers["cache-control"] == "private, no-cache"
    for condition in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = api.get(path, headers={"If-None-Match": condition})
        assert (again.status_code, again.content) == (304, b""), condition
        assert again.headers["etag"].strip('"').split("-")[0] == tag.strip('"').split("-")[0]
        assert again.headers["x-request-id"]
    assert api.get(path, headers={"If-None-Match": '"other"'}).content == answer.content
    part = api.get(path, params={"fields": "customerId"}, headers={"If-None-Match": tag})
    assert part.status_code == 200, "that is another representation"
    kind, which = path.split("/")[2:]
    collection = shared_db[{"notes": "contact-notes"}.get(kind, kind)]
    before = collection.find_one_and_update({"_id": which}, {"$set": {"createdAt": DAY + timedelta(days=1)}})
    try:
        assert api.get(path, headers={"If-None-Match": tag}).status_code == 200
    finally:
        collection.replace_one({"_id": which}, before)


def test_large_answers_are_compressed_and_their_tags_are_their_own(api: httpx.Client) -> None:
    plain = api.get("/v1/notes/N1", headers={"Accept-Encoding": "identity"})
    packed = api.get("/v1/notes/N1", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    for refused in ("gzip;q=0", "identity, GZIP ; q=0.000", "br"):
        as_it_is = api.get("/v1/notes/N1", headers={"Accept-Encoding": refused})
        assert "content-encoding" not in as_it_is.headers
        assert "Accept-Encoding" in as_it_is.headers["vary"]
    weighed = api.get("/v1/notes/N1", headers={"Accept-Encoding": "br, gzip;q=0.1"})
    assert weighed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain.json()
    assert packed.headers["etag"] == f'{plain.headers["etag"][:-1]}-gzip"'
    assert "Accept-Encoding" in packed.headers["vary"]
    again = api.get("/v1/notes/N1", headers={"If-None-Match": packed.headers["etag"]})
    assert (again.status_code, again.headers["etag"]) == (304, packed.headers["etag"])


@pytest.mark.parametrize("path", ["/v1/notes/N1", "/v1/loan-accounts", "/v1/customers/nobody", "/v1/changes"])
def test_head_is_as_get_without_the_body(path: str, api: httpx.Client) -> None:
    head = api.head(path)
    assert head.content == b""
    if path != "/v1/changes":
        got = api.get(path)
        assert (head.status_code, head.headers["content-length"]) == (
            got.status_code,
            got.headers["content-length"],
        )
        assert head.headers.get("etag") == got.headers.get("etag")
    assert api.head("/v1/customers").status_code == 200, "the connection goes on"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/customers", "GET, HEAD, OPTIONS"),
        ("/v1/write-off-requests", "GET, HEAD, OPTIONS, POST"),
        ("/v1/write-off-requests/W1/approve", "OPTIONS, POST"),
        ("/v1/customers/C1/notes", "GET, HEAD, OPTIONS, POST"),
    ],
)
def test_an_address_lists_its_methods(path: str, methods: str, api: httpx.Client) -> None:
    for method in ("DELETE", "PUT", "PROPFIND"):
        answer = api.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)
        assert answer.json()["code"] == "method_not_allowed"
    answer = api.options(path)
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, methods, b"")


@pytest.mark.parametrize("method", ["get", "FETCH"])
def test_an_unknown_method_is_refused(method: str, api: httpx.Client) -> None:
    request = api.build_request("GET", "/v1/customers")
    request.method = method
    assert api.send(request).status_code == 400


def test_pages_of_named_origins_may_ask(api: httpx.Client) -> None:
    preflight = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    asked = {"Access-Control-Request-Headers": "authorization,if-match,idempotency-key,last-event-id"}
    answer = api.options("/v1/customers", headers=preflight | asked)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGE)
    for path, status in (("/v1/customers/C1", 200), ("/v1/customers/nobody", 404), ("/v1/nothing", 404)):
        answer = api.get(path, headers={"Origin": PAGE})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, PAGE)
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert {"ETag", "X-Request-ID", "Idempotent-Replay", "Retry-After"} <= set(exposed)
        assert "Billie-Stale-Since-Position" in exposed
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", f"{PAGE}.evil.example", "null", PAGE.upper()])
def test_others_may_not(origin: str, api: httpx.Client) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    answer = api.options("/v1/customers", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "cors_refused")
    assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-origin" not in api.get("/v1/customers", headers={"Origin": origin}).headers


def test_cross_origin_requests_need_the_setting(settings: Settings) -> None:
    closed = settings.model_copy(update={"cors_origins": ()})
    with serving(closed) as url, client_of(url, closed) as api:
        headers = {"Origin": PAGE, "Access-Control-Request-Method": "GET"}
        answer = api.options("/v1/customers", headers=headers)
        assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
        assert "access-control-allow-origin" not in api.get("/v1/customers", headers=headers).headers


def test_the_audit_log_names_the_customer_for_any_choice_of_fields(
    api: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="billie.audit")
    for path in ("/v1/loan-accounts/L1", "/v1/loan-accounts?customerId=C1&limit=1&sort=createdAt"):
        caplog.clear()
        api.get(path, params={"fields": "accountStatus"}) if "?" not in path else api.get(
            f"{path}&fields=accountStatus"
        )
        [line] = [json.loads(each.getMessage()) for each in caplog.records if each.name == "billie.audit"]
        assert (line["customerIds"], line["loanAccountIds"]) == (["C1"], ["L1"])
