"""Who moved money, when and why: looked up in MongoDB, and in the events behind it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pymongo.database import Database
from redis import Redis

from app.api.auth.development_tokens import issue_token
from app.ingestion.stream.publish import publish
from app.projections.migrations import migrate
from app.runtime.settings.settings import Settings
from tests.support.api.money import COMMENT, KEY, WRITE_OFF
from tests.support.api.serving import serving
from tests.support.roles import ingesting, project
from tests.support.servers.scripted_ledger import ScriptedLedger, balance, posts, scripted_ledger
from tests.support.waiting import LONG_S, until

ACCOUNT = {
    "typ": "account.created.v1",
    "event_id": "e1",
    "dat": json.dumps({"account_id": "L1", "customer_id": "C1"}),
}


@pytest.fixture
def ledger() -> Iterator[ScriptedLedger]:
    with scripted_ledger(
        {
            "RecordRepayment": posts(1),
            "ApplyFee": posts(2),
            "WriteOff": posts(3),
            "MakeAdjustment": posts(4),
            "GetBalance": balance("420.00"),
        }
    ) as ledger:
        yield ledger


@pytest.fixture
def running(settings: Settings, ledger: ScriptedLedger) -> Iterator[tuple[str, Settings]]:
    """The API beside a running ingest process, which makes the store."""
    settings = settings.model_copy(update={"ledger_target": ledger.target})
    with ingesting(settings), serving(settings) as url:
        yield url, settings


def client_of(url: str, settings: Settings, role: str = "supervisor", user: str = "ann") -> httpx.Client:
    token = issue_token(settings, user, role)
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=2 * LONG_S)


def test_movements_are_filtered_by_actor_kind_and_time(
    running: tuple[str, Settings], mongo_db: Database[dict[str, Any]]
) -> None:
    url, settings = running
    assert list(migrate(mongo_db))
    with client_of(url, settings) as ann, client_of(url, settings, "operations", "bob") as bob:
        until(lambda: ann.get("/v1/ledger-commands/none/history").status_code == 404, what="the store")
        fee, repayment = {"amount": "15.00", "type": "late_fee"}, {"amount": "1.00"}
        for number, (client, path, body) in enumerate(
            ((ann, "repayments", repayment), (bob, "repayments", repayment), (bob, "fees", fee))
        ):
            key = {"Idempotency-Key": f"intent-{number:08}"}
            answer = client.post(f"/v1/ledger/accounts/L{number}/{path}", json=body, headers=key)
            assert answer.status_code == 201
        project(settings, drain=True)
        now = datetime.now(UTC)

        def found(**filters: str) -> list[str]:
            answer = ann.get("/v1/ledger-commands", params=filters)
            assert answer.status_code == 200, answer.text
            return [item["loanAccountId"] for item in answer.json()["items"]]

        assert found() == ["L2", "L1", "L0"]
        assert found(actor="bob") == ["L2", "L1"]
        assert found(kind="late_fee") == ["L2"]
        assert found(account="L0", status="posted") == ["L0"]
        assert found(status="unknown") == []
        assert found(**{"from": (now - timedelta(minutes=5)).isoformat()}) == ["L2", "L1", "L0"]
        assert found(to=(now - timedelta(minutes=5)).isoformat()) == []
        today, yesterday = now.date(), now.date() - timedelta(days=1)
        assert found(**{"from": yesterday.isoformat(), "to": today.isoformat()}) == ["L2", "L1", "L0"]
        assert found(to=yesterday.isoformat()) == []
        for bad in ("2026-02-30", "9999-12-31", "yesterday", "2026-03-06T09:00:00"):
            assert ann.get("/v1/ledger-commands", params={"to": bad}).status_code == 422, bad
        page = ann.get("/v1/ledger-commands", params={"limit": 2}).json()
        assert [item["loanAccountId"] for item in ann.get(page["next"]).json()["items"]] == ["L0"]
    document = mongo_db["ledger-commands"].find_one({"loanAccountId": "L2"})
    assert document is not None
    assert (document["kind"], document["status"], document["transactionId"]) == ("late_fee", "posted", "T-2")
    assert document["idempotencyKey"] == "intent-00000002"


def test_movements_are_found_by_each_participant(
    running: tuple[str, Settings], mongo_db: Database[dict[str, Any]], redis_client: Redis
) -> None:
    url, settings = running
    assert list(migrate(mongo_db))
    publish(redis_client, settings.inbox_stream, [ACCOUNT])
    adjustments, requests = "/v1/ledger/accounts/L1/adjustments", "/v1/write-off-requests"
    large = {"principalDelta": "-600.00", "feeDelta": "0.00", "reason": "booked twice"}
    with (
        client_of(url, settings) as ann,
        client_of(url, settings, user="bob") as bob,
        client_of(url, settings, "operations", "cyd") as cyd,
    ):

        def adjusted(key: str) -> str:
            answer = ann.post(adjustments, json=large, headers={"Idempotency-Key": key})
            assert answer.status_code == 202, answer.text
            return str(answer.headers["Location"])

        def asked() -> bool:
            return cyd.post(requests, json=WRITE_OFF, headers=KEY).status_code == 201

        until(asked, what="the account")
        approved, refused, withdrawn = (adjusted(f"adjustment-{each}") for each in "abc")
        assert bob.post(f"{approved}/approve", json=COMMENT).status_code == 201
        bob.post(f"{refused}/refuse", json=COMMENT)
        ann.post(f"{withdrawn}/refuse", json=COMMENT)
        adjusted("adjustment-waiting")
        request_id = cyd.get(requests, params={"loanAccountId": "L1"}).json()["items"]
        assert request_id == [], "nothing is projected yet"
        request_id = cyd.post(requests, json=WRITE_OFF, headers=KEY).json()["requestId"]
        assert bob.post(f"{requests}/{request_id}/approve", json=COMMENT).status_code == 201
        project(settings, drain=True)

        def found(**filters: str) -> list[tuple[str, str]]:
            answer = ann.get("/v1/ledger-commands", params=filters)
            assert answer.status_code == 200, answer.text
            items = answer.json()["items"]
            return [(item["kind"], item.get("approval", {}).get("status", "")) for item in items]

        write_off, adjustment = ("write_off", ""), "adjustment"
        assert found(actor="bob") == [write_off, (adjustment, "refused"), (adjustment, "approved")]
        assert found(actor="cyd") == [write_off], "who asked for the write-off"
        assert len(found(actor="ann")) == 4
        assert found(approval="pending") == [(adjustment, "pending")]
        assert found(approval="withdrawn", actor="ann") == [(adjustment, "withdrawn")]
        first = ann.get("/v1/ledger-commands", params={"actor": "bob", "limit": 2}).json()
        assert [item["kind"] for item in ann.get(first["next"]).json()["items"]] == [adjustment]
        [item] = ann.get("/v1/ledger-commands", params={"actor": "cyd"}).json()["items"]
        assert item["writeOffRequestedBy"] == {"id": "cyd"}
        of_account = ann.get(requests, params={"loanAccountId": "L1"}).json()["items"]
        assert [each["requestId"] for each in of_account] == [request_id]
        assert ann.get(requests, params={"loanAccountId": "L2"}).json()["items"] == []


def test_requests_from_the_stream_and_over_rest_are_the_same_thing(
    running: tuple[str, Settings], redis_client: Redis, ledger: ScriptedLedger
) -> None:
    url, settings = running
    asked = {
        "loanAccountId": "L1",
        "amount": "420.00",
        "reason": "hardship",
        "requestedBy": "carol",
    }
    comment = {"comment": "Seen the statements of three months."}
    publish(
        redis_client,
        settings.inbox_stream,
        [ACCOUNT, {"typ": "writeoff.requested.v1", "conv": "W1", "dat": json.dumps(asked)}],
    )
    with client_of(url, settings) as ann:
        body = {name: value for name, value in asked.items() if name != "requestedBy"}
        until(lambda: ann.post("/v1/write-off-requests/W1/approve", json=comment).status_code == 201)
        assert ledger.calls("WriteOff")[0].request.idempotency_key == "write-off-W1"
        again = ann.post("/v1/write-off-requests", json=body, headers=KEY)
        assert again.status_code == 201, "the first one is decided"
        assert ann.post("/v1/write-off-requests/W9/approve", json=comment).status_code == 404


def test_a_pending_request_from_the_stream_blocks_another(
    running: tuple[str, Settings], redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    url, settings = running
    asked = {"loanAccountId": "L1", "amount": "420.00", "reason": "hardship", "requestedBy": "carol"}
    publish(
        redis_client,
        settings.inbox_stream,
        [ACCOUNT, {"typ": "writeoff.requested.v1", "conv": "W1", "dat": json.dumps(asked)}],
    )
    del asked["requestedBy"]
    with client_of(url, settings, "operations", "bob") as bob:
        until(lambda: bob.post("/v1/write-off-requests/W1/cancel").status_code == 403, what="the request")
        answer = bob.post(
            "/v1/write-off-requests", json=asked, headers={"Idempotency-Key": "intent-00000001"}
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "write_off_pending")
    with client_of(url, settings, "operations", "carol") as carol:
        assert carol.post("/v1/write-off-requests/W1/cancel").json()["status"] == "cancelled"
        answer = carol.post(
            "/v1/write-off-requests", json=asked, headers={"Idempotency-Key": "intent-00000001"}
        )
        assert (answer.status_code, answer.json()["status"]) == (201, "pending")
