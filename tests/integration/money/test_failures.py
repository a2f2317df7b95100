"""Money over REST: the six failures that happened elsewhere (contract ledger.md), each tried here."""

from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from threading import Event
from time import monotonic
from typing import Any

import grpc
import httpx
import pytest

from app.aggregates import Actor, CommandKind, Intent, LedgerCommand
from app.event_store.application import Servicing
from app.ledger.money.command_store import CommandStore
from app.runtime.settings.settings import Settings
from tests.support.api.money import COMMENT, KEY, REPAYMENT, REPAYMENTS, client_of, short_deadlines
from tests.support.api.serving import serving
from tests.support.servers.scripted_ledger import ScriptedLedger, balance, hangs, posts, refuses
from tests.support.waiting import LONG_S, until


def keys(ledger: ScriptedLedger, method: str = "RecordRepayment") -> list[str]:
    return [call.request.idempotency_key for call in ledger.calls(method)]


def events(settings: Settings, command_id: str) -> list[str]:
    servicing = Servicing.from_url(settings.event_store_url)
    try:
        found = servicing.events.get(LedgerCommand.id_of(command_id))
        return [type(event).__name__ for event in found]
    finally:
        servicing.close()


def test_a_posting_is_answered_and_recorded(
    client: httpx.Client, ledger: ScriptedLedger, settings: Settings
) -> None:
    answer = client.post(REPAYMENTS, json=REPAYMENT | {"paymentMethod": "card"}, headers=KEY)
    body = answer.json()
    assert (answer.status_code, body["status"], body["transactionId"]) == (201, "posted", "T-1")
    assert body["requestedBy"] == {"id": "ann", "role": "operations"}
    assert body["posting"]["allocatedToPrincipal"] == "150.00"
    [call] = ledger.calls("RecordRepayment")
    assert (call.request.amount, call.request.payment_method) == ("150.00", "card")
    assert events(settings, body["commandId"]) == ["Registered", "Requested", "Posted"]
    assert client.get(answer.headers["Location"]).json() == body
    posted = client.get(f"{answer.headers['Location']}/history").json()["events"][-1]
    assert "bySettler" not in posted["facts"]


def test_failure_1_a_retry_has_the_key_of_the_intent_and_posts_once(
    client: httpx.Client, ledger: ScriptedLedger
) -> None:
    first = client.post(REPAYMENTS, json=REPAYMENT, headers=KEY)
    again = client.post(REPAYMENTS, json=REPAYMENT, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.headers["Idempotent-Replay"], again.json()) == ("true", first.json())
    assert "Idempotent-Replay" not in first.headers
    assert keys(ledger) == ["intent-00000001"], "unchanged, and once"
    other = client.post(REPAYMENTS, json={"amount": "151.00"}, headers=KEY)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    without = client.post(REPAYMENTS, json=REPAYMENT)
    assert (without.status_code, without.json()["code"]) == (400, "idempotency_key_missing")


@pytest.mark.parametrize(
    "key", ["short", "x" * 129, "has a space", "ÿÿÿÿÿÿÿÿÿ", "write-off-W1", "Write-Off-W1"]
)
def test_failure_1_a_malformed_key_is_refused(client: httpx.Client, key: str) -> None:
    answer = client.post(REPAYMENTS, json=REPAYMENT, headers={"Idempotency-Key": key.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_idempotency_key")


def test_failure_1_concurrent_requests_with_one_key_post_once(
    client: httpx.Client, ledger: ScriptedLedger
) -> None:
    others_answered = Event()

    def slowly(call: Any) -> Any:
        others_answered.wait(LONG_S)
        return posts(1)(call)

    ledger.script["RecordRepayment"] = slowly
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(client.post, REPAYMENTS, json=REPAYMENT, headers=KEY) for _ in range(8)]
        others = [each.result() for each in islice(as_completed(asked, LONG_S), 7)]
        others_answered.set()
    assert sorted(each.result().status_code for each in asked) == [201, *[409] * 7]
    running = others[0]
    assert (running.json()["code"], running.json()["retryable"]) == ("still_running", True)
    assert "Retry-After" in running.headers
    assert keys(ledger) == ["intent-00000001"]


@short_deadlines
@pytest.mark.parametrize(
    "lost",
    [
        refuses(grpc.StatusCode.UNAVAILABLE),
        refuses(grpc.StatusCode.INTERNAL),
        refuses(grpc.StatusCode.RESOURCE_EXHAUSTED),
        b"\xff\xff\xff",
        hangs,
    ],
    ids=["unavailable", "internal", "exhausted", "unreadable", "deadline"],
)
def test_failure_2_an_unknown_outcome_is_reported_unknown_and_the_same_key_settles_it(
    client: httpx.Client, ledger: ScriptedLedger, settings: Settings, lost: Any
) -> None:
    ledger.script["RecordRepayment"] = [lost, posts(7, idempotent_replay=True)]
    answer = client.post(REPAYMENTS, json=REPAYMENT, headers=KEY)
    assert (answer.status_code, answer.json()["status"]) == (202, "unknown"), answer.text
    where = answer.headers["Location"]
    until(lambda: client.get(where).json()["status"] == "posted")
    assert client.get(where).json()["transactionId"] == "T-7"
    assert set(keys(ledger)) == {"intent-00000001"}
    again = client.post(REPAYMENTS, json=REPAYMENT, headers=KEY)
    assert (again.status_code, again.json()["transactionId"]) == (201, "T-7")
    assert events(settings, answer.json()["commandId"])[1:] == ["Requested", "OutcomeUnknown", "Posted"]
    _, asked, unknown, settled = client.get(f"{where}/history").json()["events"]
    assert (asked["actor"], asked["version"]) == ({"id": "ann", "role": "operations"}, 2)
    assert asked["facts"] == {
        "kind": "repayment",
        "loanAccountId": "L1",
        "idempotencyKey": "intent-00000001",
        "amount": "150.00",
    }
    assert unknown.keys() == {"version", "event", "recordedAt", "facts"}, "and nothing of our own"
    assert (settled["facts"]["transactionId"], settled["facts"]["bySettler"]) == ("T-7", True)


@short_deadlines
def test_failure_3_an_intent_without_an_outcome_is_found_and_settled_at_the_next_start(
    settings: Settings, ledger: ScriptedLedger
) -> None:
    """As a crash leaves it: stored before the call, whether that was made or not."""
    servicing = Servicing.from_url(settings.event_store_url)
    intent = Intent(CommandKind.WRITE_OFF, "L1", "intent-of-the-dead", reason="hardship", details=None)
    command, _ = CommandStore(lambda: servicing).request(intent, Actor("bob", None, "supervisor"))
    servicing.close()
    ledger.script["WriteOff"] = refuses(grpc.StatusCode.FAILED_PRECONDITION, "nothing is owed")
    with serving(settings.model_copy(update={"ledger_target": ledger.target})):
        until(
            lambda: events(settings, command.business_id)[1:] == ["Requested", "OutcomeUnknown", "Rejected"]
        )
    assert keys(ledger, "WriteOff") == ["intent-of-the-dead"]


def test_failure_4_no_route_posts_a_write_off_without_a_second_person(
    url: str, settings: Settings, ledger: ScriptedLedger
) -> None:
    body = {"loanAccountId": "L1", "amount": "420.00", "reason": "hardship"}
    comment = {"comment": "Seen the statements of three months."}
    ledger.script |= {"WriteOff": posts(9), "GetBalance": balance("420.00")}
    with (
        client_of(url, settings, "supervisor", "ann") as ann,
        client_of(url, settings, "supervisor", "bob") as bob,
    ):
        made = ann.post("/v1/write-off-requests", json=body, headers=KEY)
        assert (made.status_code, made.json()["status"]) == (201, "pending"), made.text
        name = f"/v1/write-off-requests/{made.json()['requestId']}"
        second = bob.post("/v1/write-off-requests", json=body, headers={"Idempotency-Key": "another-intent"})
        assert (second.status_code, second.json()["code"]) == (409, "write_off_pending")
        own = ann.post(f"{name}/approve", json=comment)
        assert (own.status_code, own.json()["code"]) == (403, "own_request")
        assert bob.post(f"{name}/approve", json={"comment": "ok"}).status_code == 422
        assert ledger.calls("WriteOff") == []
        approved = bob.post(f"{name}/approve", json=comment)
        assert approved.status_code == 201, approved.text
        decision = approved.json()
        assert (decision["request"]["status"], decision["command"]["transactionId"]) == ("approved", "T-9")
        assert decision["command"]["posting"]["totalDelta"] == "-10.00", "what the ledger says that it moved"
        ledgers = {"status": "posted", "transactionId": "T-9", "eventId": "EV-9"}
        assert decision["request"]["ledger"] == ledgers | {"commandId": decision["command"]["commandId"]}
        again = bob.post(f"{name}/approve", json=comment)
        assert (again.status_code, again.headers["Idempotent-Replay"]) == (201, "true")
        late = ann.post(f"{name}/reject", json=comment)
        assert late.status_code in (403, 409)
    assert keys(ledger, "WriteOff") == [f"write-off-{made.json()['requestId']}"]


def test_failure_5_a_rejection_is_422_on_each_attempt_and_never_retryable(
    client: httpx.Client, ledger: ScriptedLedger
) -> None:
    ledger.script["RecordRepayment"] = refuses(grpc.StatusCode.FAILED_PRECONDITION, "Nothing is owed.")
    for _ in range(2):
        answer = client.post(REPAYMENTS, json=REPAYMENT, headers=KEY)
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["retryable"]) == (422, "ledger_rejected", False)
        assert problem["ledgerMessage"] == "Nothing is owed."
        assert "Retry-After" not in answer.headers
    assert answer.headers["Idempotent-Replay"] == "true"
    assert len(ledger.calls("RecordRepayment")) == 1


BALANCE = "/v1/ledger/accounts/L1/balance"


def test_failure_6_a_hung_ledger_blocks_no_other_request(
    client: httpx.Client, ledger: ScriptedLedger
) -> None:
    ledger.script["GetBalance"] = hangs
    with ThreadPoolExecutor(10) as threads:
        asked = [threads.submit(client.get, BALANCE) for _ in range(10)]
        until(lambda: len(ledger.calls("GetBalance")) == 10, LONG_S / 2, "them to be asked")
        assert client.get("/healthz").status_code == 200
        assert not any(each.done() for each in asked)
        for call in ledger.calls("GetBalance"):
            call.context.cancel()


@short_deadlines
def test_failure_6_a_hung_ledger_holds_requests_until_their_deadlines_only(
    client: httpx.Client, ledger: ScriptedLedger
) -> None:
    ledger.script["GetBalance"] = hangs
    with ThreadPoolExecutor(10) as threads:
        asked = [threads.submit(client.get, BALANCE) for _ in range(10)]
        codes = {each.result().status_code for each in asked}
    assert codes <= {503, 504}


def test_an_unavailable_ledger_is_503_at_once_and_no_command_is_stored(
    settings: Settings, ledger: ScriptedLedger
) -> None:
    with (
        serving(settings.model_copy(update={"ledger_target": "127.0.0.1:1"})) as url,
        client_of(url, settings) as client,
    ):
        began = monotonic()
        for _ in range(12):
            answer = client.post(REPAYMENTS, json=REPAYMENT, headers=KEY)
            assert (answer.status_code, answer.json()["code"]) == (503, "ledger_unavailable")
            assert (answer.json()["retryable"], "Retry-After" in answer.headers) == (True, True)
        assert monotonic() - began < LONG_S, "all of them take less than one deadline"
    with (
        serving(settings.model_copy(update={"ledger_target": ledger.target})) as url,
        client_of(url, settings) as client,
    ):
        assert client.post(REPAYMENTS, json=REPAYMENT, headers=KEY).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 150.0},
        {"amount": 150},
        {"amount": "150.001"},
        {"amount": "0.00"},
        {"amount": "-1.00"},
        {"amount": "1e3"},
        {"amount": "١٥"},
        {"amount": "999999999.00"},
        {"amount": "NaN"},
        {"amount": ""},
        {},
        {"amount": "1.00", "surprise": 1},
        {"amount": "1.00", "targetPaymentNumber": 1.5},
    ],
)
def test_amounts_are_decimal_strings_and_bounded(
    client: httpx.Client, ledger: ScriptedLedger, body: dict[str, Any]
) -> None:
    answer = client.post(REPAYMENTS, json=body, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert ledger.calls("RecordRepayment") == []


ROUTES: list[tuple[str, dict[str, Any], str]] = [
    ("repayments", REPAYMENT, "operations"),
    ("fees", {"amount": "15.00", "type": "late_fee", "daysPastDue": 3}, "operations"),
    ("fee-waivers", {"amount": "15.00", "reason": "goodwill"}, "supervisor"),
    ("adjustments", {"principalDelta": "-5.00", "feeDelta": "0", "reason": "typing error"}, "supervisor"),
]
ROLES = ("readonly", "operations", "supervisor", "admin")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_posts_only_its_own_movements(
    url: str, settings: Settings, ledger: ScriptedLedger, role: str
) -> None:
    for name in ("RecordRepayment", "ApplyFee", "WaiveFee", "MakeAdjustment"):
        ledger.script[name] = posts(1)
    with client_of(url, settings, role) as client:
        for number, (route, body, least) in enumerate(ROUTES):
            key = {"Idempotency-Key": f"{role}-intent-{number}"}
            answer = client.post(f"/v1/ledger/accounts/L1/{route}", json=body, headers=key)
            allowed = ROLES.index(role) >= ROLES.index(least)
            assert answer.status_code == (201 if allowed else 403), (route, answer.text)


def test_an_adjustment_over_the_limit_takes_a_second_person(
    url: str, settings: Settings, ledger: ScriptedLedger
) -> None:
    large = {"principalDelta": "-600.00", "feeDelta": "0.00", "reason": "booked twice"}
    comment = {"comment": "Seen both bank statements."}
    ledger.script["MakeAdjustment"] = posts(4)
    with (
        client_of(url, settings, "supervisor", "ann") as ann,
        client_of(url, settings, "supervisor", "bob") as bob,
    ):
        asked = ann.post("/v1/ledger/accounts/L1/adjustments", json=large, headers=KEY)
        assert (asked.status_code, asked.json()["approval"]) == (202, {"status": "pending"})
        name = f"/v1/ledger-commands/{asked.json()['commandId']}"
        assert ann.post(f"{name}/approve", json=comment).json()["code"] == "own_request"
        assert ledger.calls("MakeAdjustment") == []
        approved = bob.post(f"{name}/approve", json=comment)
        assert (approved.status_code, approved.json()["transactionId"]) == (201, "T-4"), approved.text
        [call] = ledger.calls("MakeAdjustment")
        assert (call.request.approved_by, call.request.idempotency_key) == ("bob", "intent-00000001")
        with client_of(url, settings, "supervisor", "BOB ") as bob_again:
            assert bob_again.post(f"{name}/approve", json=comment).headers["Idempotent-Replay"] == "true"
        refused = ann.post(
            "/v1/ledger/accounts/L1/adjustments", json=large, headers={"Idempotency-Key": "second-intent"}
        )
        name = f"/v1/ledger-commands/{refused.json()['commandId']}"
        assert bob.post(f"{name}/refuse", json=comment).json()["status"] == "rejected"
        assert bob.post(f"{name}/approve", json=comment).json()["code"] == "already_decided"
        history = bob.get(f"{name}/history").json()["events"]
    assert [each["event"] for each in history] == ["Registered", "Requested", "Refused"]
    assert (history[0]["facts"], history[2]["actor"]) == ({}, {"id": "bob", "role": "supervisor"})
    assert history[2]["facts"] == comment
    assert len(ledger.calls("MakeAdjustment")) == 1


def test_the_requester_may_withdraw_an_adjustment(
    url: str, settings: Settings, ledger: ScriptedLedger
) -> None:
    large = {"principalDelta": "-600.00", "feeDelta": "0.00", "reason": "booked twice"}
    with client_of(url, settings, "supervisor", "ann") as ann:
        path = "/v1/ledger/accounts/L1/adjustments"
        name = ann.post(path, json=large, headers=KEY).headers["Location"]
        body = ann.post(f"{name}/refuse", json=COMMENT).json()
        assert (body["status"], body["approval"]["status"]) == ("rejected", "withdrawn")
        assert body["ledgerError"]["code"] == "WITHDRAWN"
        again = ann.post(path, json=large, headers=KEY)
        assert (again.status_code, again.json()["code"]) == (422, "withdrawn")
        assert "ann withdrew it" in again.json()["detail"]
    assert ledger.calls("MakeAdjustment") == []


def test_deployed_ledgers_have_no_apply_fee(client: httpx.Client, ledger: ScriptedLedger) -> None:
    ledger.script["ApplyLateFee"] = posts(5)
    body = {"amount": "15.00", "type": "late_fee", "daysPastDue": 3}
    for number in range(2):
        key = {"Idempotency-Key": f"fee-intent-{number}"}
        assert client.post("/v1/ledger/accounts/L1/fees", json=body, headers=key).status_code == 201
    assert keys(ledger, "ApplyLateFee") == ["fee-intent-0", "fee-intent-1"]
    assert len(ledger.calls("ApplyFee")) == 1, "it is remembered which the server speaks"
