"""A machine moves money as its role lets it, but counts as nobody where two people are needed."""

from decimal import Decimal

import httpx
import pytest

from app.aggregates import WriteOffRequest, machine_id
from app.api.auth.development_tokens import issue_token
from app.errors import UsageError
from app.event_store.application import Servicing
from app.runtime.settings.settings import Settings
from tests.support.api.money import COMMENT, KEY, REPAYMENT, REPAYMENTS, WRITE_OFF, client_of
from tests.support.data.given import message
from tests.support.servers.scripted_ledger import ScriptedLedger, balance, posts
from tests.support.waiting import LONG_S

ADJUSTMENTS = "/v1/ledger/accounts/L1/adjustments"


def machine_of(url: str, settings: Settings, role: str = "admin", name: str = "billing") -> httpx.Client:
    token = issue_token(settings, name, role, for_machine=True)
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=2 * LONG_S)


def takes_a_person(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (403, "takes_a_person"), answer.text


def test_actions_of_a_machine_are_distinguished(url: str, settings: Settings, ledger: ScriptedLedger) -> None:
    with machine_of(url, settings, "operations") as billing, client_of(url, settings) as ann:
        made = billing.post(REPAYMENTS, json=REPAYMENT, headers=KEY)
        assert made.status_code == 201
        history = ann.get(f"/v1/ledger-commands/{made.json()['commandId']}/history").json()
    assert made.json()["requestedBy"] == {"id": "machine:billing", "role": "operations"}
    assert history["events"][1]["actor"]["id"] == "machine:billing"


def test_a_machine_neither_requests_nor_decides_a_write_off(
    url: str, settings: Settings, ledger: ScriptedLedger
) -> None:
    ledger.script |= {"WriteOff": posts(9), "GetBalance": balance("420.00")}
    with machine_of(url, settings) as billing, client_of(url, settings, "operations") as ann:
        takes_a_person(billing.post("/v1/write-off-requests", json=WRITE_OFF, headers=KEY))
        made = ann.post("/v1/write-off-requests", json=WRITE_OFF, headers=KEY).json()
        name = f"/v1/write-off-requests/{made['requestId']}"
        takes_a_person(billing.post(f"{name}/approve", json=COMMENT))
        takes_a_person(billing.post(f"{name}/reject", json=COMMENT))
        with client_of(url, settings, "supervisor", "bob") as bob:
            assert bob.post(f"{name}/approve", json=COMMENT).status_code == 201
    assert len(ledger.calls("WriteOff")) == 1


def test_one_person_cannot_approve_a_machines_request(
    url: str, settings: Settings, ledger: ScriptedLedger
) -> None:
    ledger.script |= {"WriteOff": posts(9), "GetBalance": balance("420.00")}
    servicing = Servicing.from_url(settings.event_store_url)
    unit, source = servicing.unit_of_work(), message("m1")
    asked = {"loan_account_id": "L1", "amount": Decimal("420.00"), "reason": "hardship"}
    unit.obtain(WriteOffRequest, "W1", source).request(source, requested_by=machine_id("crm"), **asked)
    unit.commit()
    servicing.close()
    with client_of(url, settings, "supervisor", "bob") as bob:
        takes_a_person(bob.post("/v1/write-off-requests/W1/approve", json=COMMENT))
    assert ledger.calls("WriteOff") == []


def test_a_machine_adjusts_within_the_limit_and_approves_nothing(
    url: str, settings: Settings, ledger: ScriptedLedger
) -> None:
    ledger.script["MakeAdjustment"] = posts(4)

    def body(amount: str) -> dict[str, str]:
        return {"principalDelta": amount, "feeDelta": "0.00", "reason": "booked twice"}

    with machine_of(url, settings) as billing, client_of(url, settings, "supervisor") as ann:
        small, large = ({"Idempotency-Key": f"intent-{size}"} for size in ("small", "large"))
        assert billing.post(ADJUSTMENTS, json=body("-500.00"), headers=small).status_code == 201
        takes_a_person(billing.post(ADJUSTMENTS, json=body("-500.01"), headers=large))
        awaits = ann.post(ADJUSTMENTS, json=body("-600.00"), headers=large).json()["commandId"]
        takes_a_person(billing.post(f"/v1/ledger-commands/{awaits}/approve", json=COMMENT))
        takes_a_person(billing.post(f"/v1/ledger-commands/{awaits}/refuse", json=COMMENT))
        found = {"posted": False, "because": "It is in no statement."}
        takes_a_person(billing.post(f"/v1/ledger-commands/{awaits}/settle", json=found))
    assert len(ledger.calls("MakeAdjustment")) == 1


@pytest.mark.parametrize("user", ["machine:billing", " MACHINE: billing"])
def test_a_person_cannot_pass_as_a_machine(settings: Settings, user: str) -> None:
    with pytest.raises(UsageError, match="machine"):
        issue_token(settings, user, "admin")
