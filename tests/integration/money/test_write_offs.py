"""Write-off requests over REST: on which accounts, and what the ledger made of an approval."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import grpc
import httpx
import pytest
from pymongo.database import Database

from app.aggregates import LoanAccount
from app.event_store.application import Servicing
from app.runtime.settings.settings import Settings
from tests.support.api.money import COMMENT, KEY, WRITE_OFF, client_of, open_account, short_deadlines
from tests.support.data.given import Step, absorb, message
from tests.support.roles import project
from tests.support.servers.scripted_ledger import ScriptedLedger, balance, posts, refuses
from tests.support.waiting import until

REQUESTS = "/v1/write-off-requests"
ANOTHER_KEY = {"Idempotency-Key": "another-intent"}


@pytest.fixture
def ann(url: str, settings: Settings, ledger: ScriptedLedger) -> Iterator[httpx.Client]:
    ledger.script |= {"GetBalance": balance("420.00"), "WriteOff": posts(9)}
    with client_of(url, settings, "operations", "ann") as ann:
        yield ann


@pytest.fixture
def bob(url: str, settings: Settings) -> Iterator[httpx.Client]:
    with client_of(url, settings, "supervisor", "bob") as bob:
        yield bob


def made(ann: httpx.Client, key: dict[str, str] = KEY) -> str:
    """The address of a new request."""
    answer = ann.post(REQUESTS, json=WRITE_OFF, headers=key)
    assert answer.status_code == 201, answer.text
    return f"{REQUESTS}/{answer.json()['requestId']}"


def test_a_request_records_the_ledgers_rejection_and_allows_another_request(
    ann: httpx.Client,
    bob: httpx.Client,
    ledger: ScriptedLedger,
    settings: Settings,
    mongo_db: Database[dict[str, Any]],
) -> None:
    ledger.script["WriteOff"] = [
        refuses(grpc.StatusCode.FAILED_PRECONDITION, "In a hardship plan."),
        posts(2),
    ]
    request = made(ann)
    assert bob.post(f"{request}/approve", json=COMMENT).status_code == 422
    body = ann.get(request).json()
    assert body["status"] == "approved"
    assert body["ledger"]["status"] == "rejected"
    assert body["ledger"]["error"] == {"code": "FAILED_PRECONDITION", "message": "In a hardship plan."}
    command = ann.get(f"/v1/ledger-commands/{body['ledger']['commandId']}").json()
    assert (command["requestId"], command["status"]) == (body["requestId"], "rejected")
    project(settings, drain=True)
    document = mongo_db["write-off-requests"].find_one({"_id": body["requestId"]})
    assert document is not None
    assert document["ledger"] == body["ledger"], "the same for analysts"
    second = made(ann, ANOTHER_KEY)
    assert bob.post(f"{second}/approve", json=COMMENT).status_code == 201
    body = ann.get(second).json()["ledger"]
    assert (body["status"], body["transactionId"], "error" in body) == ("posted", "T-2", False)


@short_deadlines
def test_an_unknown_posting_blocks_another_request(
    ann: httpx.Client, bob: httpx.Client, ledger: ScriptedLedger
) -> None:
    ledger.script["WriteOff"] = refuses(grpc.StatusCode.INTERNAL)
    request = made(ann)
    approved = bob.post(f"{request}/approve", json=COMMENT)
    assert (approved.status_code, approved.json()["command"]["status"]) == (202, "unknown")
    assert ann.get(request).json()["ledger"]["status"] == "unknown"
    answer = ann.post(REQUESTS, json=WRITE_OFF, headers=ANOTHER_KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "write_off_pending")
    ledger.script["WriteOff"] = posts(9)
    until(lambda: ann.get(request).json()["ledger"]["status"] == "posted")
    assert "error" not in ann.get(request).json()["ledger"]


def test_a_write_off_needs_a_known_account(ann: httpx.Client, ledger: ScriptedLedger) -> None:
    answer = ann.post(REQUESTS, json=WRITE_OFF | {"loanAccountId": "L9"}, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "'L9'" in answer.json()["detail"]
    assert ledger.calls("GetBalance") == []


def test_a_write_off_needs_an_open_account(ann: httpx.Client, settings: Settings) -> None:
    open_account(settings, "L2")
    first = ann.post(REQUESTS, json=WRITE_OFF | {"loanAccountId": "L2"}, headers=KEY)
    ann.post(f"{first.headers['Location']}/cancel")
    servicing = Servicing.from_url(settings.event_store_url)
    absorb(servicing, [Step(LoanAccount, "L2", "close", message("closed"), {"reason": "PAID_OFF"})])
    servicing.close()
    answer = ann.post(REQUESTS, json=WRITE_OFF | {"loanAccountId": "L2"}, headers=ANOTHER_KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "account_closed")
    again = ann.post(REQUESTS, json=WRITE_OFF | {"loanAccountId": "L2"}, headers=KEY)
    assert (again.status_code, again.headers["Idempotent-Replay"]) == (201, "true"), "it was made before"


def test_a_new_request_can_be_read_at_its_location_at_once(ann: httpx.Client, bob: httpx.Client) -> None:
    """No projection runs here."""
    answer = ann.post(REQUESTS, json=WRITE_OFF, headers=KEY)
    assert ann.get(answer.headers["Location"]).json() == answer.json()
    bob.post(f"{answer.headers['Location']}/reject", json=COMMENT)
    assert ann.get(answer.headers["Location"]).json()["status"] == "rejected"
    assert ann.get(f"{REQUESTS}/none").status_code == 404


def test_requesters_cancel_their_own_requests_and_cannot_reject_them(
    ann: httpx.Client, url: str, settings: Settings
) -> None:
    request = made(ann)
    with client_of(url, settings, "supervisor", "Ann") as same:
        answer = same.post(f"{request}/reject", json=COMMENT)
        assert (answer.status_code, answer.json()["code"]) == (403, "own_request")
        assert "Cancel it" in answer.json()["detail"]
        assert same.post(f"{request}/cancel").json()["status"] == "cancelled"


def test_a_decision_may_name_the_version_seen(ann: httpx.Client, bob: httpx.Client) -> None:
    request = made(ann)
    seen = bob.get(request)
    for stale in ('"0123"', 'W/"0123", "4567"', bob.get(f"{request}?fields=amount").headers["ETag"]):
        for action in ("approve", "reject"):
            answer = bob.post(f"{request}/{action}", json=COMMENT, headers={"If-Match": stale})
            assert (answer.status_code, answer.json()["code"]) == (412, "changed_meanwhile"), (action, stale)
    answer = bob.post(f"{request}/approve", json=COMMENT, headers={"If-Match": seen.headers["ETag"][1:-1]})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_if_match")
    assert bob.get(request).json()["status"] == "pending"
    assert ann.post(f"{request}/cancel", headers={"If-Match": seen.headers["ETag"]}).status_code == 200
    answer = bob.post(f"{request}/reject", json=COMMENT, headers={"If-Match": seen.headers["ETag"]})
    assert answer.status_code == 412
    answer = bob.post(f"{REQUESTS}/none/reject", json=COMMENT, headers={"If-Match": '"0123"'})
    assert answer.status_code == 404


def test_a_repeated_approval_is_answered_with_its_outcome_without_a_version_check(
    ann: httpx.Client, bob: httpx.Client
) -> None:
    request = made(ann)
    seen = {"If-Match": bob.get(request).headers["ETag"]}
    first = bob.post(f"{request}/approve", json=COMMENT, headers=seen)
    again = bob.post(f"{request}/approve", json=COMMENT, headers=seen)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replay"] == "true"
    any_form = {"If-Match": "*"}
    assert bob.post(f"{request}/reject", json=COMMENT, headers=any_form).json()["code"] == "already_decided"


def test_two_decisions_on_one_version_leave_one(
    ann: httpx.Client, url: str, settings: Settings, ledger: ScriptedLedger
) -> None:
    request = made(ann)
    tag = ann.get(request).headers["ETag"]
    start = Barrier(4)

    def decide(number: int) -> int:
        with client_of(url, settings, "supervisor", f"sup{number}") as one:
            one.get("/v1/me")
            start.wait()
            action = "approve" if number % 2 else "reject"
            return one.post(f"{request}/{action}", json=COMMENT, headers={"If-Match": tag}).status_code

    with ThreadPoolExecutor(4) as threads:
        answers = sorted(threads.map(decide, range(4)))
    assert answers[0] in (200, 201)
    assert set(answers[1:]) <= {409, 412}
    assert len(ledger.calls("WriteOff")) <= 1
