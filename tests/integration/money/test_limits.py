"""Limits of movements, approvals, and the meaning of a key."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid5

import grpc
import httpx
import pytest

from app.aggregates import WriteOffRequest
from app.aggregates.base import NAMESPACE
from app.event_store.application import Servicing
from app.runtime.settings.settings import Settings
from tests.support.api.money import COMMENT, KEY, REPAYMENT, REPAYMENTS, WRITE_OFF, client_of, open_account
from tests.support.api.serving import serving
from tests.support.data.given import message
from tests.support.servers.scripted_ledger import ScriptedLedger, balance, posted, posts, refuses
from tests.support.waiting import until


@pytest.mark.parametrize(
    ("owed", "amount", "role", "status", "code"),
    [
        ("420.00", "420.00", "supervisor", 201, None),
        ("420.00", "420", "supervisor", 201, None),
        ("421.00", "420.00", "supervisor", 409, "owes_more"),
        ("419.99", "420.00", "supervisor", 409, "owes_less"),
        ("264.00", "99999.99", "admin", 409, "owes_less"),
        ("0.00", "420.00", "admin", 409, "owes_less"),
        ("50000.00", "10.00", "supervisor", 403, "over_your_limit"),
        ("6000.00", "6000.00", "supervisor", 403, "over_your_limit"),
        ("6000.00", "6000.00", "admin", 201, None),
    ],
)
def test_a_write_off_is_approved_within_limits_of_the_balance(
    url: str,
    settings: Settings,
    ledger: ScriptedLedger,
    owed: str,
    amount: str,
    role: str,
    status: int,
    code: str,
) -> None:
    ledger.script |= {"WriteOff": posts(9), "GetBalance": balance(owed)}
    body = {"loanAccountId": "L1", "amount": amount, "reason": "hardship"}
    comment = {"comment": "Seen the statements of three months."}
    with client_of(url, settings, "operations", "ann") as ann, client_of(url, settings, role, "bob") as bob:
        made = ann.post("/v1/write-off-requests", json=body, headers=KEY).json()
        answer = bob.post(f"/v1/write-off-requests/{made['requestId']}/approve", json=comment)
        assert (answer.status_code, answer.json().get("code")) == (status, code)
        if status == 409:
            assert f" {owed} " in answer.json()["detail"]
            assert f" {amount}:" in answer.json()["detail"]
        zero = ann.post("/v1/write-off-requests", json=body | {"amount": "0.00"}, headers=KEY)
        assert zero.status_code == 422
    assert len(ledger.calls("WriteOff")) == (status == 201)


@pytest.mark.parametrize("field", ["amount", "originalBalance"])
def test_a_write_off_request_has_bounds(client: httpx.Client, field: str) -> None:
    answer = client.post("/v1/write-off-requests", json=WRITE_OFF | {field: "999999999.99"}, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert f"body.{field}: the maximum is 100000.00" in answer.json()["detail"]


def test_an_adjustment_is_within_limits(url: str, settings: Settings, ledger: ScriptedLedger) -> None:
    ledger.script["MakeAdjustment"] = posts(4)
    path, comment = "/v1/ledger/accounts/L1/adjustments", {"comment": "Seen both bank statements."}
    with (
        client_of(url, settings, "supervisor", "ann") as ann,
        client_of(url, settings, "supervisor", "bob") as bob,
        client_of(url, settings, "admin", "eve") as eve,
    ):

        def adjust(principal: str, fee: str, key: str) -> httpx.Response:
            body = {"principalDelta": principal, "feeDelta": fee, "reason": "booked twice"}
            return ann.post(path, json=body, headers={"Idempotency-Key": key})

        assert adjust("-300.00", "-200.00", "at-the-limit").status_code == 201
        assert adjust("-300.00", "-200.01", "over-the-limit").status_code == 202
        assert adjust("-90000.00", "-20000.00", "absurd-amount").status_code == 422
        large = adjust("-6000.00", "0.00", "for-an-admin").json()["commandId"]
        refused = bob.post(f"/v1/ledger-commands/{large}/approve", json=comment)
        assert (refused.status_code, refused.json()["code"]) == (403, "over_your_limit")
        assert eve.post(f"/v1/ledger-commands/{large}/approve", json=comment).status_code == 201
        own = adjust("-6000.00", "0.00", "thought-better-of-it").json()["commandId"]
        assert ann.post(f"/v1/ledger-commands/{own}/refuse", json=comment).json()["status"] == "rejected"
    assert len(ledger.calls("MakeAdjustment")) == 2


def test_many_small_adjustments_by_one_person_need_a_second_person(
    url: str, settings: Settings, ledger: ScriptedLedger
) -> None:
    """Or one person could write an account off bit by bit (contract ledger.md, failure 4)."""
    ledger.script["MakeAdjustment"] = posts(4)
    open_account(settings, "L2")
    with (
        client_of(url, settings, "supervisor", "ann") as ann,
        client_of(url, settings, "supervisor", "bob") as bob,
    ):

        def adjust(by: httpx.Client, principal: str, key: str, account: str = "L1") -> httpx.Response:
            body = {"principalDelta": principal, "feeDelta": "0.00", "reason": "booked twice"}
            path = f"/v1/ledger/accounts/{account}/adjustments"
            return by.post(path, json=body, headers={"Idempotency-Key": key})

        assert adjust(ann, "-300.00", "ann-first-300").status_code == 201
        second = adjust(ann, "-300.00", "ann-second-300")
        assert (second.status_code, second.json()["approval"]) == (202, {"status": "pending"})
        assert adjust(ann, "-300.00", "ann-first-300").status_code == 201, "a repeat is no new one"
        assert adjust(ann, "-200.00", "ann-third-200").status_code == 201, "up to the limit"
        assert adjust(ann, "0.01", "ann-fourth-cent").status_code == 202, "and no cent more, either way"
        assert adjust(bob, "-300.00", "bob-first-300").status_code == 201, "of each person"
        ledger.script["MakeAdjustment"] = refuses(
            grpc.StatusCode.FAILED_PRECONDITION, "the account is closed"
        )
        assert adjust(ann, "-300.00", "ann-other-300", "L2").status_code == 422
        ledger.script["MakeAdjustment"] = posts(4)
        assert adjust(ann, "-300.00", "ann-other-again", "L2").status_code == 201, "of each account"
        assert adjust(ann, "-200.00", "ann-other-200", "L2").status_code == 201, (
            "a rejected one moved nothing"
        )
        command = f"/v1/ledger-commands/{second.json()['commandId']}"
        assert bob.post(f"{command}/approve", json=COMMENT).status_code == 201
    sent = Counter(call.request.idempotency_key for call in ledger.calls("MakeAdjustment"))
    assert set(sent.values()) == {1}, sent


def test_concurrent_adjustments_by_one_person_count_together(
    url: str, settings: Settings, ledger: ScriptedLedger
) -> None:
    ledger.script["MakeAdjustment"] = posts(4)
    body = {"principalDelta": "-200.00", "feeDelta": "0.00", "reason": "booked twice"}
    with client_of(url, settings, "supervisor", "ann") as ann, ThreadPoolExecutor(6) as threads:

        def adjust(number: int) -> int:
            key = {"Idempotency-Key": f"at-once-{number}"}
            return ann.post("/v1/ledger/accounts/L1/adjustments", json=body, headers=key).status_code

        answers = threads.map(adjust, range(6))
        assert Counter(answers) == {201: 2, 202: 4}
    assert len(ledger.calls("MakeAdjustment")) == 2


@pytest.mark.parametrize("other", ["ANN ", "ａｎｎ", "an\u200bn"])
def test_another_spelling_is_not_another_person(
    url: str, settings: Settings, ledger: ScriptedLedger, other: str
) -> None:
    ledger.script["GetBalance"] = balance("420.00")
    body = {"loanAccountId": "L1", "amount": "420.00", "reason": "hardship"}
    comment = {"comment": "Seen the statements of three months."}
    with (
        client_of(url, settings, "supervisor", "ann") as ann,
        client_of(url, settings, "supervisor", other) as same,
    ):
        made = ann.post("/v1/write-off-requests", json=body, headers=KEY).json()
        answer = same.post(f"/v1/write-off-requests/{made['requestId']}/approve", json=comment)
        assert (answer.status_code, answer.json()["code"]) == (403, "own_request")


def test_a_new_request_is_never_decided(url: str, settings: Settings, ledger: ScriptedLedger) -> None:
    """Its id derives from the key: somebody who knows the key could have decided on it before."""
    request_id = str(uuid5(NAMESPACE, f"WriteOffRequest/{KEY['Idempotency-Key']}"))
    servicing = Servicing.from_url(settings.event_store_url)
    unit, source = servicing.unit_of_work(), message("decided before")
    unit.obtain(WriteOffRequest, request_id, source).decide(source, outcome="Approved", by="bob")
    unit.commit()
    servicing.close()
    body = {"loanAccountId": "L1", "amount": "420.00", "reason": "hardship"}
    with client_of(url, settings) as ann:
        assert ann.post("/v1/write-off-requests", json=body, headers=KEY).status_code == 409
    assert ledger.calls("WriteOff") == []


def test_an_answer_about_another_command_is_rejected(client: httpx.Client, ledger: ScriptedLedger) -> None:
    wrong = posted(1)
    wrong.transaction.loan_account_id = "L2"
    ledger.script["RecordRepayment"] = wrong
    answer = client.post(REPAYMENTS, json=REPAYMENT, headers=KEY)
    assert (answer.status_code, answer.json()["status"]) == (202, "unknown")


def test_the_key_is_for_one_account_kind_and_detail(client: httpx.Client, ledger: ScriptedLedger) -> None:
    ledger.script["ApplyFee"] = posts(2)
    assert client.post(REPAYMENTS, json=REPAYMENT, headers=KEY).status_code == 201
    for path, body in (
        (REPAYMENTS.replace("L1", "L2"), REPAYMENT),
        (REPAYMENTS, REPAYMENT | {"notes": "another"}),
        (REPAYMENTS.replace("repayments", "fees"), REPAYMENT | {"type": "late_fee"}),
    ):
        answer = client.post(path, json=body, headers=KEY)
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")


def test_manual_settlement_needs_a_second_person_and_a_forgotten_key(
    settings: Settings, ledger: ScriptedLedger
) -> None:
    ledger.script["RecordRepayment"] = refuses(grpc.StatusCode.INTERNAL)
    found = {"posted": True, "transactionId": "T-77", "because": "Found in the statement of May."}
    forgetful = settings.model_copy(update={"ledger_target": ledger.target, "ledger_key_hours": 0.0002})
    with (
        serving(settings.model_copy(update={"ledger_target": ledger.target})) as url,
        client_of(url, settings) as ann,
        client_of(url, settings, "admin", "eve") as eve,
    ):
        command_id = ann.post(REPAYMENTS, json=REPAYMENT, headers=KEY).json()["commandId"]
        name = f"/v1/ledger-commands/{command_id}"
        assert eve.post(f"{name}/settle", json=found).json()["code"] == "settles_by_itself"
        assert ann.post(f"{name}/settle", json=found).status_code == 403
    with (
        serving(forgetful) as url,
        client_of(url, settings, "admin", "ann") as ann,
        client_of(url, settings, "admin", "eve") as eve,
    ):
        until(
            lambda: eve.post(f"{name}/settle", json=found).status_code == 200, what="the key to be forgotten"
        )
        assert eve.post(f"{name}/settle", json=found).json()["code"] == "settles_by_itself"
        body = eve.get(name).json()
    assert (body["status"], body["transactionId"], body["settledBy"]["id"]) == ("posted", "T-77", "eve")
