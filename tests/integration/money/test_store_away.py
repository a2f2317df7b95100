"""The event store goes away in the middle: what is posted, or may be, is never said to have failed."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from eventsourcing.persistence import OperationalError

from app.ledger.money.command_store import CommandStore
from app.projections.engine.reading import EventReader
from app.runtime.settings.settings import Settings
from tests.support.api.money import (
    COMMENT,
    KEY,
    REPAYMENT,
    REPAYMENTS,
    WRITE_OFF,
    client_of,
    short_deadlines,
    store_is_away,
)
from tests.support.servers.scripted_ledger import ScriptedLedger, balance, posts
from tests.support.waiting import until


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have these of the store's methods find nobody."""

    def away(*names: str) -> None:
        for name in names:
            monkeypatch.setattr(CommandStore, name, store_is_away)

    return away


def test_a_stored_posting_is_answered_though_it_cannot_be_read_again(
    client: httpx.Client, away: Callable[..., None]
) -> None:
    away("events")
    answer = client.post(REPAYMENTS, json=REPAYMENT, headers=KEY)
    body = answer.json()
    assert (answer.status_code, body["status"], body["transactionId"]) == (201, "posted", "T-1")
    assert body["posting"]["allocatedToPrincipal"] == "150.00"


@short_deadlines
def test_a_posting_whose_outcome_cannot_be_stored_stays_unsettled(
    client: httpx.Client, ledger: ScriptedLedger, away: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    away("events", "record")
    answer = client.post(REPAYMENTS, json=REPAYMENT, headers=KEY)
    assert (answer.status_code, answer.json()["status"]) == (202, "requested")
    assert answer.headers["Retry-After"] == "2"
    monkeypatch.undo()
    until(lambda: client.get(answer.headers["Location"]).json()["status"] == "posted", what="the settler")
    again = client.post(REPAYMENTS, json=REPAYMENT, headers=KEY)
    assert (again.status_code, again.json()["transactionId"]) == (201, "T-1")
    assert {call.request.idempotency_key for call in ledger.calls("RecordRepayment")} == {
        KEY["Idempotency-Key"]
    }


@short_deadlines
def test_an_intent_that_may_be_stored_is_never_reported_as_lost(
    client: httpx.Client, ledger: ScriptedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks at the commit: the intent is there, and will be sent."""
    request = CommandStore.request

    def stored_and_not_answered(self: CommandStore, *asked: Any) -> Any:
        request(self, *asked)
        raise OperationalError

    monkeypatch.setattr(CommandStore, "request", stored_and_not_answered)
    answer = client.post(REPAYMENTS, json=REPAYMENT, headers=KEY)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["retryable"]) == (
        503,
        "event_store_unavailable",
        True,
    )
    assert "outcome is unknown" in problem["detail"]
    assert "same Idempotency-Key" in problem["detail"]
    monkeypatch.undo()
    until(
        lambda: client.post(REPAYMENTS, json=REPAYMENT, headers=KEY).status_code == 201,
        what="the settler, or the same request",
    )
    assert {call.request.idempotency_key for call in ledger.calls("RecordRepayment")} == {
        KEY["Idempotency-Key"]
    }


def test_an_approved_write_off_that_cannot_be_read_still_reports_its_outcome(
    url: str,
    settings: Settings,
    ledger: ScriptedLedger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger.script |= {"GetBalance": balance("420.00"), "WriteOff": posts(7)}
    with client_of(url, settings) as ann, client_of(url, settings, "supervisor", "bob") as bob:
        asked = ann.post("/v1/write-off-requests", json=WRITE_OFF, headers=KEY).json()["requestId"]
        approve = f"/v1/write-off-requests/{asked}/approve"
        monkeypatch.setattr(EventReader, "of", store_is_away)
        answer = bob.post(approve, json=COMMENT)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (503, "event_store_unavailable")
        assert "It is approved, and posted" in problem["detail"]
        monkeypatch.undo()
        assert bob.get(answer.headers["Location"]).json()["status"] == "posted"
        assert bob.post(approve, json=COMMENT).status_code == 201
    assert len(ledger.calls("WriteOff")) == 1
