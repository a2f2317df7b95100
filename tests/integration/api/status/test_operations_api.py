"""The operators' routes: who may call them, and what they do to real servers."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import httpx
import pytest
from pymongo.database import Database
from redis import Redis

from app.api import services
from app.api.application import create_app
from app.api.auth.development_tokens import issue_token
from app.api.inbox import routes as inbox
from app.ingestion.dead_letters import replays
from app.ingestion.dead_letters.store import discarded_stream
from app.ingestion.stream.publish import publish
from app.runtime.settings.settings import Settings
from tests.support.api.serving import serving
from tests.support.observed import READ_MODELS, dead_letters, newest_position
from tests.support.roles import ingest, ingesting, project, projecting
from tests.support.waiting import LONG_S, until

SAID = {"typ": "user_input", "cid": "V1", "utterance": "hello"}
NO_KEY = {"typ": "account.updated.v1", "payload": "{}"}
NO_JSON = {"typ": "account.updated.v1", "payload": "{"}
NO_TYPE = {"agt": "nobody"}
LARGE = {"typ": "account.updated.v1", "payload": json.dumps({"account_id": "L1", "pad": "x" * 2_000})}

As = Callable[[str], httpx.Client]


@pytest.fixture
def base_url(settings: Settings) -> Iterator[str]:
    with serving(settings.model_copy(update={"ledger_target": "127.0.0.1:1"})) as url:
        yield url


@pytest.fixture
def admin(base_url: str, settings: Settings) -> Iterator[httpx.Client]:
    with client_of(base_url, settings, "admin") as client:
        yield client


def client_of(base_url: str, settings: Settings, role: str) -> httpx.Client:
    token = issue_token(settings, "ann", role)
    return httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=30)


def set_aside(client: Redis, settings: Settings, *entries: dict[str, str]) -> list[str]:
    """Publish poison, and take it in; the dead letters' ids."""
    publish(client, settings.inbox_stream, entries)
    ingest(settings, drain=True, stop=Event())
    dead_letters: Any = client.xrange(settings.dead_letter_stream)
    return [dead_letter_id.decode() for dead_letter_id, _ in dead_letters]


ROUTES = [
    ("GET", "/v1/status", None, "operations"),
    ("GET", "/v1/dead-letters", None, "admin"),
    ("GET", "/v1/dead-letters/1-0", None, "admin"),
    ("POST", "/v1/dead-letters/replay", {"all": True}, "admin"),
    ("POST", "/v1/dead-letters/1-0/replay", None, "admin"),
    ("POST", "/v1/dead-letters/1-0/discard", {"because": "a test"}, "admin"),
    ("POST", "/v1/inbox?wait=0", SAID, "admin"),
]
ROLES = ("readonly", "operations", "supervisor", "admin")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_calls_only_its_operations_routes(
    base_url: str, settings: Settings, redis_client: Redis, role: str
) -> None:
    set_aside(redis_client, settings)
    with client_of(base_url, settings, role) as client:
        for method, path, body, least in ROUTES:
            answer = client.request(method, path, json=body)
            refused = answer.status_code == 403
            assert refused == (ROLES.index(role) < ROLES.index(least)), (path, answer.text)
            if refused:
                assert answer.json()["code"] == "role_too_low"
                assert answer.headers["content-type"] == "application/problem+json"
    assert redis_client.xlen(settings.inbox_stream) == (role == "admin")


def test_a_missing_token_changes_nothing(base_url: str) -> None:
    for method, path, body, _ in ROUTES:
        assert httpx.request(method, base_url + path, json=body).status_code == 401, path


def test_status_is_that_of_the_command(admin: httpx.Client, settings: Settings, redis_client: Redis) -> None:
    set_aside(redis_client, settings, SAID, NO_KEY)
    project(settings, drain=True)
    status = admin.get("/v1/status").json()
    assert status["inbox"]["group"]["unread"] == 0
    assert status["inbox"]["deadLetters"]["byReason"] == {"missing_key": 1}
    assert [each["behind"] for each in status["readModels"]["projections"]] == [0] * len(READ_MODELS)
    assert [away["server"] for away in status["away"]] == ["The ledger"]
    assert [problem["code"] for problem in status["problems"]] == [
        "server_away",
        "migrations_wait",
        "dead_letters",
    ]


def test_dead_letters_are_listed_by_page_and_filter(
    admin: httpx.Client, settings: Settings, redis_client: Redis
) -> None:
    ids = set_aside(redis_client, settings, *[NO_KEY, NO_JSON, NO_TYPE] * 3)
    seen: list[str] = []
    following: str | None = "/v1/dead-letters?limit=2"
    while following:
        page = admin.get(following).json()
        seen += [item["deadLetterId"] for item in page["items"]]
        assert page["byReason"] == {"missing_key": 3, "not_json": 3, "no_type": 3}
        following = page.get("next")
    assert seen == ids
    only = admin.get("/v1/dead-letters", params={"reason": "not_json", "limit": 2}).json()
    assert [item["deadLetterId"] for item in only["items"]] == [ids[1], ids[4]]
    rest = admin.get(only["next"]).json()
    assert ([item["deadLetterId"] for item in rest["items"]], "next" in rest) == ([ids[7]], False)
    of_type = admin.get("/v1/dead-letters", params={"type": "account.updated.v1"}).json()
    assert of_type["byReason"] == {"missing_key": 3, "not_json": 3}
    now = datetime.now(UTC)
    old = admin.get("/v1/dead-letters", params={"before": (now - timedelta(hours=1)).isoformat()}).json()
    assert (old["items"], old["byReason"], old["countIsComplete"]) == ([], {}, True)
    assert "entry" not in only["items"][0]


def test_one_dead_letter_is_shown_completely(
    admin: httpx.Client, settings: Settings, redis_client: Redis
) -> None:
    [dead_letter_id] = set_aside(redis_client, settings, NO_JSON)
    dead_letter = admin.get(f"/v1/dead-letters/{dead_letter_id}").json()
    assert dead_letter["entry"] == NO_JSON
    assert (dead_letter["reason"], dead_letter["path"], dead_letter["deliveries"]) == (
        "not_json",
        "payload",
        1,
    )
    assert admin.get("/v1/dead-letters/1-0").json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/v1/dead-letters?reason=odd", None, 422, "invalid_request"),
        ("GET", "/v1/dead-letters?before=2026-03-01T00:00:00", None, 422, "invalid_request"),
        ("GET", "/v1/dead-letters?cursor=x", None, 400, "invalid_cursor"),
        ("GET", "/v1/dead-letters?cursor=WyIoMSJd", None, 400, "invalid_cursor"),
        ("GET", "/v1/dead-letters?raeson=no_type", None, 400, "unknown_parameter"),
        ("GET", "/v1/dead-letters/x", None, 422, "invalid_request"),
        ("GET", f"/v1/dead-letters/{'9' * 30}-0", None, 422, "invalid_request"),
        ("POST", "/v1/dead-letters/1-0/replay", None, 404, "not_found"),
        ("POST", "/v1/dead-letters/1-0/discard", {"because": "so"}, 404, "not_found"),
        ("POST", "/v1/dead-letters/1-0/discard", {"because": " "}, 422, "invalid_request"),
        ("POST", "/v1/dead-letters/replay", {}, 422, "invalid_request"),
        ("POST", "/v1/dead-letters/replay", {"all": True, "reason": "no_type"}, 422, "invalid_request"),
        (
            "POST",
            "/v1/dead-letters/replay",
            {"deadLetterIds": ["1-0"], "after": "1-0"},
            422,
            "invalid_request",
        ),
        ("POST", "/v1/dead-letters/replay", {"deadLetterIds": ["1-0"] * 1_001}, 422, "invalid_request"),
        ("POST", "/v1/dead-letters/replay", {"everything": True}, 422, "invalid_request"),
        ("POST", "/v1/dead-letters/replay", {"deadLetterIds": ["1" * 70_000]}, 413, "too_large"),
        ("POST", "/v1/inbox", [], 422, "invalid_request"),
        ("POST", "/v1/inbox", {}, 422, "invalid_request"),
        ("POST", "/v1/inbox", {"typ": "writeoff.requested.v1", "payload": {}}, 422, "has_its_own_route"),
        ("POST", "/v1/inbox", [SAID, {"msg_type": "writeoff.approved.v1"}], 422, "has_its_own_route"),
        ("POST", "/v1/inbox", {"entries": [SAID]}, 422, "invalid_request"),
        ("POST", "/v1/inbox", [SAID, {}], 422, "invalid_request"),
        ("POST", "/v1/inbox", ["x"], 422, "invalid_request"),
        ("POST", "/v1/inbox", [SAID] * 101, 422, "invalid_request"),
        ("POST", "/v1/inbox", {"typ": "x" * 300_000}, 422, "invalid_request"),
        ("POST", "/v1/inbox", {"typ": 2**70}, 422, "invalid_request"),
        ("POST", "/v1/inbox", {"typ": "\ud800"}, 422, "invalid_request"),
        ("POST", "/v1/inbox?wait=31", SAID, 422, "invalid_request"),
        ("POST", "/v1/inbox", {"typ": "x" * 27_000_000}, 413, "too_large"),
    ],
)
def test_an_invalid_operation_is_a_problem(
    admin: httpx.Client, redis_client: Redis, method: str, path: str, body: Any, status: int, code: str
) -> None:
    content = None if body is None else json.dumps(body)
    answer = admin.request(method, path, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert redis_client.dbsize() == 0


def test_a_body_without_a_length_is_bounded_too(admin: httpx.Client) -> None:
    chunks = (b'{"because": "' if number == 0 else b"x" * 10_000 for number in range(10))
    answer = admin.post(
        "/v1/dead-letters/1-0/discard", content=chunks, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_replay_of_one_reports_its_outcome(
    admin: httpx.Client, settings: Settings, redis_client: Redis
) -> None:
    strict = settings.model_copy(update={"max_message_bytes": 1_024})
    large, no_json = set_aside(redis_client, strict, LARGE, NO_JSON)
    assert admin.post(f"/v1/dead-letters/{large}/replay").json()["outcome"] == "landed"
    assert admin.post(f"/v1/dead-letters/{large}/replay").status_code == 404
    assert newest_position(settings) == 2
    again = admin.post(f"/v1/dead-letters/{no_json}/replay").json()
    assert (again["outcome"], again["currentId"], again["reason"]) == ("failed_again", no_json, "not_json")


def test_replay_of_many_ends(
    admin: httpx.Client, settings: Settings, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "MOST_AT_ONCE", 2)
    strict = settings.model_copy(update={"max_message_bytes": 16})
    large = {"typ": "user_input", "cid": "V1", "utterance": "hello hello hello"}
    set_aside(redis_client, strict, large, NO_JSON, NO_JSON, large, NO_JSON)  # All of them too large for it.
    body: Any = {"all": True}
    runs: list[tuple[int, int, int]] = []
    while body is not None:
        report = admin.post("/v1/dead-letters/replay", json=body).json()
        runs.append((report["landed"], report["failedAgain"], report["left"]))
        body = report.get("next")
    assert runs == [(1, 1, 3), (1, 1, 1), (0, 1, 0)]
    assert [dead_letter["reason"] for dead_letter in dead_letters(redis_client, settings)] == ["not_json"] * 3
    assert [dead_letter["deliveries"] for dead_letter in dead_letters(redis_client, settings)] == ["2"] * 3
    last = admin.post("/v1/dead-letters/replay", json={"reason": "too_large"}).json()
    assert (last["landed"], last["failedAgain"], last.get("next")) == (0, 0, None)


def test_replay_of_some_by_their_ids(admin: httpx.Client, settings: Settings, redis_client: Redis) -> None:
    first, second = set_aside(redis_client, settings, NO_JSON, NO_KEY)
    report = admin.post("/v1/dead-letters/replay", json={"deadLetterIds": [first, first, "1-0"]}).json()
    assert (report["landed"], report["failedAgain"], report["gone"]) == (0, 1, 1)
    assert [failure["deadLetterId"] for failure in report["failures"]] == [first]
    assert second


def test_discard_keeps_a_record_with_the_callers_name(
    admin: httpx.Client, settings: Settings, redis_client: Redis
) -> None:
    [dead_letter_id] = set_aside(redis_client, settings, NO_JSON)
    answer = admin.post(f"/v1/dead-letters/{dead_letter_id}/discard", json={"because": " sent twice "})
    assert answer.json() == {"deadLetterId": dead_letter_id, "discardedBy": "ann", "because": "sent twice"}
    assert admin.post(f"/v1/dead-letters/{dead_letter_id}/discard", json={"because": "x"}).status_code == 404
    [(_, record)] = redis_client.xrange(discarded_stream(settings.dead_letter_stream))  # type: ignore[misc]
    assert (record[b"discarded_by"], record[b"because"]) == (b"ann", b"sent twice")


def test_inbox_reports_the_outcome_of_each_entry(
    admin: httpx.Client, settings: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    entries = [
        {"typ": "user_input", "cid": "V1", "payload": {"utterance": "hello"}, "seq": 1},
        NO_KEY,
        {"typ": "weather.changed"},
    ]
    with ingesting(settings), projecting(settings):
        answer = admin.post("/v1/inbox?wait=20", json=entries)
    assert answer.status_code == 201, answer.text
    visible, dead, unknown = answer.json()["entries"]
    assert mongo_db["conversations"].find_one({"_id": "V1"}) is not None
    assert visible == {"entryId": visible["entryId"], "outcome": "visible"}
    assert (dead["outcome"], dead["reason"], dead["path"]) == ("dead_letter", "missing_key", "account_id")
    assert admin.get(f"/v1/dead-letters/{dead['deadLetterId']}").json()["entryId"] == dead["entryId"]
    assert unknown["outcome"] == "unknown_type"


def test_inbox_reports_entries_still_pending_at_the_deadline(admin: httpx.Client, settings: Settings) -> None:
    answer = admin.post("/v1/inbox?wait=0.1", json=SAID)
    assert (answer.status_code, answer.json()["entries"][0]["outcome"]) == (202, "pending")


def test_inbox_refuses_waits_beyond_its_limit(
    settings: Settings, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_INBOX_WAITS", 1)
    monkeypatch.setattr(inbox, "_MAX_WAITING", 1)
    is_over, carry_out = Event(), inbox.publish_and_wait

    def held(*arguments: Any) -> Any:
        is_over.wait(LONG_S)
        return carry_out(*arguments)

    monkeypatch.setattr(inbox, "publish_and_wait", held)
    app = create_app(settings)
    with serving(settings, app) as url, client_of(url, settings, "admin") as client:
        waits = app.state.services.inbox_waits
        with ThreadPoolExecutor(2) as others:
            sent = [others.submit(client.post, "/v1/inbox?wait=0", json=SAID) for _ in range(2)]
            try:
                until(lambda: waits.statistics().tasks_waiting == 1, LONG_S / 2, "one to wait")
                answer = client.post("/v1/inbox?wait=0", json=SAID)
            finally:
                is_over.set()
            assert [each.result().status_code for each in sent] == [202, 202]
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["retryable"]) == (503, "too_many_waiting", True)
    assert answer.headers["retry-after"] == "5"
    assert redis_client.xlen(settings.inbox_stream) == 2


def test_published_entries_are_reported_even_if_their_outcome_is_unavailable(
    settings: Settings, redis_client: Redis
) -> None:
    away = settings.model_copy(update={"mongo_url": "mongodb://127.0.0.1:1"})
    with serving(away) as url, client_of(url, away, "admin") as client, ingesting(settings):
        answer = client.post("/v1/inbox?wait=5", json=SAID)
    assert (answer.status_code, answer.json()["entries"][0]["outcome"]) == (202, "pending")
    assert redis_client.xlen(settings.inbox_stream) == 1


def test_unavailable_redis_is_a_problem(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})
    with serving(away) as url, client_of(url, away, "admin") as client:
        assert client.get("/v1/status").json()["inbox"] is None
        for method, path, body, _ in ROUTES[1:]:
            answer = client.request(method, path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (503, "stream_unavailable"), path
            assert answer.headers["retry-after"] == "2"
            assert answer.headers["content-type"] == "application/problem+json"
