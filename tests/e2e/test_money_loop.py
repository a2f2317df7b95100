"""A repayment's way round: REST, ledger, stream, event store, MongoDB, REST."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from redis import Redis

from app.api.auth.development_tokens import issue_token
from app.ingestion.stream.publish import publish
from app.runtime.settings.settings import Settings
from tests.support.waiting import LONG_S, until
from tests.support.whole_system import on_free_ports, whole_system


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return on_free_ports(settings)


@pytest.fixture
def api(settings: Settings, tmp_path: Path) -> Iterator[httpx.Client]:
    """All the roles, and the sandbox ledger, as processes."""
    token = issue_token(settings, "ann", "operations")
    base = f"http://127.0.0.1:{settings.api_port}"
    headers = {"Authorization": f"Bearer {token}"}
    with (
        whole_system(settings, tmp_path),
        httpx.Client(base_url=base, headers=headers, timeout=LONG_S) as client,
    ):
        yield client


def repay(api: httpx.Client, body: dict[str, str], key: str) -> httpx.Response:
    """As a caller must: if the ledger is away, or it is not settled yet, ask again with the same key."""
    answers: list[httpx.Response] = []

    def known() -> bool:
        headers = {"Idempotency-Key": key}
        answers.append(api.post("/v1/ledger/accounts/L1/repayments", json=body, headers=headers))
        return answers[-1].status_code in (201, 422)

    until(known, what=f"the outcome of {key}")
    return answers[-1]


def test_a_repayment_comes_back_as_a_projected_balance(
    api: httpx.Client, settings: Settings, redis_client: Redis
) -> None:
    terms = {"loan_amount": "500.00", "loan_fee": "100.00", "loan_total_payable": "600.00"}
    created = {"account_id": "L1", "customer_id": "C1", **terms}
    updated = {"account_id": "L1", "status": "ACTIVE", "current_balance": "600.00"}
    publish(
        redis_client,
        settings.inbox_stream,
        [
            {"typ": "account.created.v1", "event_id": "e1", "payload": json.dumps(created)},
            {"typ": "account.updated.v1", "event_id": "e2", "payload": json.dumps(updated)},
        ],
    )

    def balances() -> dict[str, str]:
        try:
            answer = api.get("/v1/loan-accounts/L1")
        except httpx.TransportError:
            return {}
        return answer.json().get("balances", {}) if answer.is_success else {}

    def balance() -> str | None:
        return balances().get("currentBalance")

    def owed() -> str | None:
        answer = api.get("/v1/ledger/accounts/L1/balance")
        return answer.json().get("totalOutstanding") if answer.is_success else None

    until(lambda: balance() == "600.00", what="the loan in MongoDB")
    until(lambda: owed() == "600.00", what="the loan in the ledger's books")
    cash = {"amount": "150.00", "paymentMethod": "cash"}
    posted = repay(api, cash, "counter-2026-03-06-1")
    assert (posted.status_code, posted.json()["status"]) == (201, "posted"), posted.text
    assert posted.json()["posting"]["allocatedToFees"] == "100.00", "fees first"
    until(lambda: balance() == "450.00", what="the repayment in MongoDB")
    assert owed() == "450.00"
    again = repay(api, cash, "counter-2026-03-06-1")
    assert again.headers["Idempotent-Replay"] == "true"
    assert owed() == "450.00"
    where = "/v1/ledger-commands?account=L1&actor=ann&status=posted"
    until(lambda: len(api.get(where).json()["items"]) == 1, what="the command in MongoDB")
    fee, key = {"amount": "15.00", "type": "late_fee"}, {"Idempotency-Key": "late-fee-2026-03-06"}
    assert api.post("/v1/ledger/accounts/L1/fees", json=fee, headers=key).status_code == 201
    until(lambda: balance() == "465.00", what="the fee in MongoDB")
    assert balances()["totalPaid"] == "150.00", "a fee is no payment taken back"
    large = repay(api, {"amount": "615.00"}, "counter-2026-03-06-2")
    assert large.json()["posting"]["overpayment"] == "150.00"
    until(lambda: api.get("/v1/loan-accounts/L1").json()["accountStatus"] == "paid_off", what="the end of it")
    refused = repay(api, {"amount": "1.00"}, "counter-2026-03-06-3")
    assert (refused.status_code, refused.json()["retryable"]) == (422, False)
