"""The single customer view: live where the ledger answers, otherwise its last known state, marked as such."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import httpx
import pytest
from pymongo.database import Database

from app.api.auth.development_tokens import issue_token
from app.ledger.wire import accounting_ledger_pb2 as wire
from app.projections.migrations import migrate
from app.runtime.settings.settings import Settings
from tests.support.api.serving import serving
from tests.support.data.stored import store_backlog
from tests.support.roles import project
from tests.support.servers.scripted_ledger import balance, refuses, scripted_ledger, transaction


@pytest.fixture(scope="module")
def settings(shared_settings: Settings, shared_db: Database[dict[str, Any]]) -> Settings:
    """Those of a lender, projected."""
    list(migrate(shared_db))
    store_backlog(shared_settings, 800)
    project(shared_settings, drain=True)
    return shared_settings


@pytest.fixture(scope="module")
def customer(settings: Settings, shared_db: Database[dict[str, Any]]) -> tuple[str, str]:
    """A customer and their loan account."""
    account = shared_db["loan-accounts"].find_one({"balances.totalOutstanding": {"$exists": True}})
    assert account is not None
    return account["customerId"], account["_id"]


def overview(settings: Settings, target: str, customer: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {issue_token(settings, 'ann', 'readonly')}"}
    with serving(settings.model_copy(update={"ledger_target": target})) as url:
        return httpx.get(f"{url}/v1/customers/{customer}/overview", headers=headers, timeout=20)


def test_the_overview_has_the_customers_documents_and_live_balances(
    settings: Settings, customer: tuple[str, str]
) -> None:
    transactions = wire.GetTransactionsResponse(transactions=[transaction(2), transaction(1)], total_count=2)
    with scripted_ledger(
        {"GetBalance": balance("123.45", "5.00"), "GetTransactions": transactions}
    ) as ledger:
        answer = overview(settings, ledger.target, customer[0])
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert shown["customer"]["customerId"] == customer[0]
    (view,) = [each for each in shown["accounts"] if each["account"]["loanAccountId"] == customer[1]]
    assert (view["owed"]["totalOutstanding"], view["owed"]["live"]) == ("123.45", True)
    assert len(view["latestTransactions"]) == 2
    assert shown["conversations"]
    assert shown["warnings"] == []
    assert isinstance(shown["inArrears"], bool)


def test_without_the_ledger_balances_carry_their_time(
    settings: Settings, customer: tuple[str, str], shared_db: Database[dict[str, Any]]
) -> None:
    answer = overview(settings, "127.0.0.1:1", customer[0])
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    (view,) = [each for each in shown["accounts"] if each["account"]["loanAccountId"] == customer[1]]
    projected = shared_db["loan-accounts"].find_one({"_id": customer[1]})
    assert projected is not None
    assert view["owed"]["live"] is False
    assert view["owed"]["totalOutstanding"] == f"{projected['balances']['totalOutstanding'].to_decimal():.2f}"
    assert "latestTransactions" not in view
    (warning, *_) = shown["warnings"]
    assert warning["code"] == "ledger_unavailable"
    assert "balance as of 2026-" in warning["detail"]
    assert "ledger unavailable" in warning["detail"]


def test_an_account_unknown_to_the_ledger_leaves_the_rest_of_the_overview(
    settings: Settings, customer: tuple[str, str]
) -> None:
    away = refuses(grpc.StatusCode.NOT_FOUND)
    with scripted_ledger({"GetBalance": away, "GetTransactions": away}) as ledger:
        shown = overview(settings, ledger.target, customer[0]).json()
    assert shown["customer"]["customerId"] == customer[0]
    assert shown["warnings"]


def test_an_unknown_customer_has_no_overview(settings: Settings) -> None:
    assert overview(settings, "127.0.0.1:1", "nobody").status_code == 404


@pytest.mark.parametrize("chats", [3, 20, 25])
def test_the_overview_holds_the_newest_twenty_of_each_kind(
    settings: Settings, customer: tuple[str, str], shared_db: Database[dict[str, Any]], chats: int
) -> None:
    times = {
        f"V{number:02}": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number * 7 % 25)
        for number in range(chats)
    }
    chats_before = list(shared_db["conversations"].find())
    shared_db["conversations"].delete_many({})
    try:
        shared_db["conversations"].insert_many(
            chats_before[0] | {"_id": name, "customerId": customer[0], "createdAt": at}
            for name, at in times.items()
        )
        shown = overview(settings, "127.0.0.1:1", customer[0]).json()
    finally:
        shared_db["conversations"].delete_many({})
        shared_db["conversations"].insert_many(chats_before)
    newest = sorted(times, key=lambda name: times[name], reverse=True)[:20]
    assert [each["conversationId"] for each in shown["conversations"]] == newest
    details = [each["detail"] for each in shown["warnings"] if each["code"] == "more_not_shown"]
    assert details == (["There are more than 20 conversations."] if chats > 20 else [])


@pytest.mark.parametrize("is_late", [True, False])
def test_a_customer_is_in_arrears_by_a_loan_beyond_the_newest_twenty(
    settings: Settings, customer: tuple[str, str], shared_db: Database[dict[str, Any]], is_late: bool
) -> None:
    loans = shared_db["loan-accounts"]
    was = list(loans.find({"customerId": customer[0]}))
    current = {"customerId": customer[0], "accountStatus": "active", "inArrears": False}
    closed = {"accountStatus": "written_off", "aging": {"isInArrears": True}}
    old = datetime(2001, 1, 1, tzinfo=UTC)
    loans.delete_many({"customerId": customer[0]})
    try:
        loans.insert_one(current | {"_id": "OLD", "inArrears": is_late, "createdAt": old})
        loans.insert_many(
            current | {"_id": f"NEW{number}", "createdAt": old + timedelta(days=1 + number)}
            for number in range(25)
        )
        loans.insert_one(current | closed | {"_id": "CLOSED", "createdAt": datetime.now(UTC)})
        shown = overview(settings, "127.0.0.1:1", customer[0]).json()
    finally:
        loans.delete_many({"customerId": customer[0]})
        loans.insert_many(was)
    assert shown["inArrears"] is is_late
    assert "OLD" not in [each["account"]["loanAccountId"] for each in shown["accounts"]]
