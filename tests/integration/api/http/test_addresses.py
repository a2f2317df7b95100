"""Contract, "Texts": every identifier that is accepted can be asked for at its address, percent-encoded."""

from contextlib import closing
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from pymongo.database import Database

from app.aggregates import Conversation, Customer, LoanAccount
from app.api.auth.development_tokens import issue_token
from app.event_store.application import Servicing
from app.projections.migrations import migrate
from app.runtime.settings.settings import Settings
from tests.support.api.serving import serving
from tests.support.data.given import absorb
from tests.support.data.projecting import On
from tests.support.roles import project

IDS = ("CUS/1", "/", "a//b/timeline", "..", "a?b#c%2Fd", "日本 1", "C" * 200)


def address(identifier: str) -> str:
    return quote(identifier, safe="").replace(".", "%2E")


@pytest.fixture
def client(settings: Settings, mongo_db: Database[dict[str, Any]]) -> Any:
    list(migrate(mongo_db))
    with closing(Servicing.from_url(settings.event_store_url)) as servicing:
        absorb(servicing, [On(Customer, "E/1").report_details(first_name="Ann")])
        for each in IDS:
            absorb(
                servicing,
                [
                    On(Customer, each).report_details(at=1, first_name="Ann"),
                    On(LoanAccount, each).open(at=2, customer_id=each, account_number="1"),
                    On(Conversation, each).start(at=3, customer_id=each),
                ],
            )
    project(settings, drain=True)
    token = issue_token(settings, "ann", "admin")
    with (
        serving(settings) as url,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=20) as client,
    ):
        yield client


def test_every_identifier_has_an_address(client: httpx.Client) -> None:
    for each in IDS:
        for path, name in (
            ("/v1/customers/{}", "customerId"),
            ("/v1/loan-accounts/{}", "loanAccountId"),
            ("/v1/conversations/{}", "conversationId"),
        ):
            answer = client.get(path.format(address(each)))
            assert (answer.status_code, answer.json().get(name)) == (200, each), answer.text
        for path in (
            "/v1/customers/{}/overview",
            "/v1/customers/{}/notes",
            "/v1/customers/{}/history",
            "/v1/loan-accounts/{}/history",
            "/v1/conversations/{}/history",
            "/v1/conversations/{}/utterances",
        ):
            answer = client.get(path.format(address(each)))
            assert answer.status_code == 200, (path, each, answer.text)


def test_a_customer_with_a_slash_is_erased(client: httpx.Client) -> None:
    answer = client.post(
        f"/v1/customers/{address('E/1')}/erasure",
        json={"reason": "asked for by letter"},
        headers={"Idempotency-Key": "erasure-2026-0001"},
    )
    assert answer.status_code in (201, 202), "202 as long as a document is not cleared"
    assert answer.json()["customerId"] == "E/1"


def test_a_slash_that_is_not_encoded_separates(client: httpx.Client) -> None:
    assert client.get("/v1/customers/CUS/1").status_code == 404
