"""Documents as they were, and the events behind them, over REST."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pymongo.database import Database

from app.aggregates import Actor, ContactNote, Conversation, Customer, LoanAccount, WriteOffRequest
from app.event_store.application import Servicing
from app.runtime.settings.settings import Settings
from tests.support.api.money import client_of
from tests.support.api.serving import serving
from tests.support.data.given import absorb, minute
from tests.support.data.projecting import On
from tests.support.roles import project

BOB = Actor("bob", "Bob Ray", "supervisor")


@pytest.fixture
def times(settings: Settings) -> list[datetime]:
    """When each piece of news was known."""
    servicing, known = Servicing.from_url(settings.event_store_url), []
    chat = On(Conversation, "V1")
    note = {"customer_id": "C1", "note_type": "sms", "subject": "s", "content": "c", "priority": "low"}
    for news in (
        [On(Customer, "C1").report_details(first_name="Ann", last_name="Lee", at=1)],
        [On(LoanAccount, "L1").open(customer_id="C1", current_balance=Decimal(620), status="ACTIVE", at=2)],
        [
            On(Customer, "C1").report_details(last_name="Moss", at=3),
            chat.start(customer_id="C1"),
            *(
                chat.add_utterance(username="customer", utterance=f"{each}", created_at=minute(each))
                for each in range(9)
            ),
        ],
        [
            On(WriteOffRequest, "W1").request(
                loan_account_id="L1",
                amount=Decimal("620.00"),
                reason="other",
                requested_by="ann",
                customer_id="C1",
            ),
            On(WriteOffRequest, "W1").decide(outcome="Rejected", by="bob", by_name="Bob Ray", comment="No."),
            On(ContactNote, "N1").write(author=BOB, sentiment="neutral", **note),
        ],
    ):
        absorb(servicing, news)
        known.append(datetime.now(UTC))
    servicing.close()
    return known


@pytest.fixture
def api(settings: Settings, times: list[datetime]) -> Iterator[httpx.Client]:
    with serving(settings) as url, client_of(url, settings, "readonly") as client:
        yield client


def test_a_document_as_of_a_time_is_as_it_was_known(
    api: httpx.Client, settings: Settings, times: list[datetime], mongo_db: Database[dict[str, Any]]
) -> None:
    def names(moment: datetime) -> list[str | None]:
        asked = {"asOf": moment.isoformat()}
        answers = [api.get(f"/v1/{path}", params=asked) for path in ("customers/C1", "loan-accounts/L1")]
        customer, account = (each.json() for each in answers)
        assert all("Billie-As-Of" in each.headers for each in answers if each.status_code == 200)
        return [customer.get("fullName"), account.get("customerName")]

    assert [names(each) for each in times[:3]] == [
        ["Ann Lee", None],
        ["Ann Lee", "Ann Lee"],
        ["Ann Moss", "Ann Moss"],
    ]
    chat = api.get("/v1/conversations/V1", params={"asOf": times[3].isoformat()}).json()
    assert len(chat["utterances"]) == 9
    project(settings, drain=True)
    now = {
        path: api.get(path) for path in ("/v1/customers/C1", "/v1/loan-accounts/L1", "/v1/conversations/V1")
    }
    for path, answer in now.items():
        then = api.get(path, params={"asOf": times[3].isoformat()})
        assert then.json() == answer.json()
        assert then.headers["etag"] == answer.headers["etag"]
        assert then.headers["billie-as-of"] == times[3].isoformat().replace("+00:00", "Z")


def test_a_document_unknown_at_that_time_is_not_found(api: httpx.Client, times: list[datetime]) -> None:
    for path, moment in (
        ("/v1/customers/C1", "2026-03-01"),
        ("/v1/loan-accounts/L1", times[0].isoformat()),
        ("/v1/conversations/nobody", times[3].isoformat()),
    ):
        answer = api.get(path, params={"asOf": moment})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert "2026-03-01T00:00:00Z" in api.get("/v1/customers/C1?asOf=2026-03-01").json()["detail"]


def test_a_moment_is_a_time_with_its_offset_or_a_day_and_not_to_come(
    api: httpx.Client, times: list[datetime]
) -> None:
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    answer = api.get("/v1/customers/C1", params={"asOf": later})
    assert (answer.status_code, answer.json()["code"]) == (400, "future_moment")
    for wrong in ("2026-03-01T00:00:00", "yesterday", "2026-13-01"):
        assert api.get("/v1/customers/C1", params={"asOf": wrong}).status_code == 422, wrong
    here = times[3].astimezone().isoformat()
    fields = api.get("/v1/customers/C1", params={"asOf": here, "fields": "lastName"})
    assert fields.json() == {"customerId": "C1", "lastName": "Moss"}


def test_a_history_has_every_event_with_its_actor_and_source(api: httpx.Client) -> None:
    registered, requested, rejected = api.get("/v1/write-off-requests/W1/history").json()["items"]
    assert (registered["event"], registered["version"], "actor" in registered) == ("Registered", 1, False)
    assert requested["actor"] == {"id": "ann"}
    assert requested["facts"]["amount"] == "620.00"
    assert rejected["actor"] == {"id": "bob", "name": "Bob Ray"}
    assert rejected["facts"]["comment"] == "No."
    assert rejected["position"] > requested["position"]
    assert rejected["source"].keys() == {"messageId", "receivedAt"}
    assert rejected["recordedAt"].endswith("Z")
    written = api.get("/v1/notes/N1/history").json()["items"][-1]
    assert (written["event"], written["actor"]) == ("Written", {"id": "bob", "name": "Bob Ray"})
    names = [each["event"] for each in api.get("/v1/customers/C1/history").json()["items"]]
    assert names == ["Registered", "NameChanged", "NameChanged"]
    assert api.get("/v1/loan-accounts/L1/history").json()["items"][0]["source"]["upstreamTime"]


@pytest.mark.parametrize("limit", [1, 4, 11, 200])
def test_a_history_has_pages(limit: int, api: httpx.Client) -> None:
    whole = api.get("/v1/conversations/V1/history?limit=200").json()["items"]
    seen: list[Any] = []
    following = f"/v1/conversations/V1/history?limit={limit}"
    while following:
        answer = api.get(following).json()
        assert 0 < len(answer["items"]) <= limit
        seen += answer["items"]
        following = answer.get("next")
    assert seen == whole
    assert [each["version"] for each in whole] == list(range(1, len(whole) + 1))


def test_a_missing_history_is_a_problem(api: httpx.Client) -> None:
    for path in ("customers", "loan-accounts", "conversations", "notes", "write-off-requests"):
        answer = api.get(f"/v1/{path}/nobody/history")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    for cursor in ("x", "WyJhIl0", "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OV0", "Wy0xXQ"):
        answer = api.get("/v1/customers/C1/history", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor"), cursor
