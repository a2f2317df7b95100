"""The ledger over REST: what is shown, and what each of its errors is."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import grpc
import pytest

from app.ledger.wire import accounting_ledger_pb2 as wire
from tests.support.api.ledger_api import ledger_api, ledger_settings
from tests.support.servers.scripted_ledger import (
    Call,
    balance,
    hangs,
    refuses,
    scripted_ledger,
    transaction,
)
from tests.support.waiting import LONG_S

ACCOUNT = "/v1/ledger/accounts/L1"

Get = Callable[..., Any]


def record() -> wire.LedgerRecordResponse:
    answer = wire.LedgerRecordResponse(
        loan_account_id="L1",
        account_number="A-1",
        customer_id="C1",
        application_number="APP-1",
        disbursed_principal="500",
        establishment_fee="100",
        total_repayable="600",
        principal_balance="440",
        fee_balance="0",
        total_outstanding="440",
        total_paid="160",
        transaction_count=4,
        last_transaction_id="T-4",
    )
    answer.created_at.FromJsonString("2026-03-01T00:00:00Z")
    return answer


def statement(call: Call) -> wire.StatementResponse:
    return wire.StatementResponse(
        loan_account_id="L1",
        account_number="A-1",
        customer_id="C1",
        period_start=call.request.period_start,
        period_end=call.request.period_end,
        disbursed_principal="500",
        establishment_fee="100",
        total_repayable="600",
        opening_balance="600",
        fees_charged="0",
        payments_received="10",
        closing_balance="590",
        lines=[
            wire.StatementLine(
                date="2026-03-06", transaction_id="T-1", description="A payment", payment="10", balance="590"
            )
        ],
    )


def test_the_balance(tmp_path: Path) -> None:
    with (
        scripted_ledger({"GetBalance": balance("450.5", fees="15")}) as ledger,
        ledger_api(ledger_settings(ledger.target, tmp_path)) as api,
    ):
        answer = api.get(f"{ACCOUNT}/balance")

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "loanAccountId": "L1",
            "principalBalance": "435.50",
            "feeBalance": "15.00",
            "totalOutstanding": "450.50",
            "asOf": "2026-03-06T01:02:03Z",
        },
    )


def test_the_record_and_a_statement(tmp_path: Path) -> None:
    with (
        scripted_ledger({"GetLedgerRecord": record(), "GetStatement": statement}) as ledger,
        ledger_api(ledger_settings(ledger.target, tmp_path)) as api,
    ):
        shown = api.get(f"{ACCOUNT}/record").json()
        month = api.get(f"{ACCOUNT}/statement", params={"from": "2026-03-01", "to": "2026-03-31"}).json()

    assert (shown["totalPaid"], shown["transactionCount"], shown["lastTransactionId"]) == ("160.00", 4, "T-4")
    assert "scheduleId" not in shown
    assert "updatedAt" not in shown
    assert (month["periodStart"], month["periodEnd"]) == ("2026-03-01", "2026-03-31")
    assert month["lines"] == [
        {
            "date": "2026-03-06",
            "transactionId": "T-1",
            "description": "A payment",
            "payment": "10.00",
            "balance": "590.00",
        }
    ]


class Postings:
    """An account whose ledger gives the newest ``limit`` postings."""

    def __init__(self, numbers: range) -> None:
        self.numbers = list(numbers)

    def __call__(self, call: Call) -> wire.GetTransactionsResponse:
        newest = sorted(self.numbers, reverse=True)
        return wire.GetTransactionsResponse(
            loan_account_id="L1",
            transactions=[transaction(number) for number in newest[: call.request.limit]],
            total_count=len(newest),
        )


def test_pages_of_transactions_hold_each_once_while_new_ones_come(tmp_path: Path) -> None:
    postings = Postings(range(1, 8))
    with (
        scripted_ledger({"GetTransactions": postings}) as ledger,
        ledger_api(ledger_settings(ledger.target, tmp_path)) as api,
    ):
        page = api.get(f"{ACCOUNT}/transactions", params={"limit": 3}).json()
        pages = [page]
        while "next" in page:
            postings.numbers += range(max(postings.numbers) + 1, max(postings.numbers) + 10)
            page = api.get(page["next"]).json()
            pages.append(page)

    ids = [[item["transactionId"] for item in each["items"]] for each in pages]
    assert ids == [["T-7", "T-6", "T-5"], ["T-4", "T-3", "T-2"], ["T-1"]]
    assert pages[0]["totalCount"] == 7
    assert pages[0]["items"][0]["type"] == "REPAYMENT"
    assert pages[0]["items"][0]["metadata"] == {"channel": "card"}


def test_filters_go_to_the_ledger(tmp_path: Path) -> None:
    with (
        scripted_ledger({"GetTransactions": Postings(range(0))}) as ledger,
        ledger_api(ledger_settings(ledger.target, tmp_path)) as api,
    ):
        filters = {"type": "LATE_FEE", "from": "2026-03-01", "to": "2026-03-31", "limit": "5"}
        answer = api.get(f"{ACCOUNT}/transactions", params=filters).json()

    request = ledger.calls("GetTransactions")[0].request
    assert answer == {"loanAccountId": "L1", "items": [], "totalCount": 0}
    assert (request.type_filter, request.from_date, request.to_date) == (
        wire.TransactionType.LATE_FEE,
        "2026-03-01",
        "2026-03-31",
    )


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/transactions?type=GIFT", 422),
        ("/transactions?from=2026-02-30", 422),
        ("/transactions?from=1772000000", 422),
        ("/transactions?from=2026-03-02&to=2026-03-01", 422),
        ("/transactions?limit=0", 422),
        ("/transactions?since=2026-03-01", 400),
        ("/transactions?cursor=nonsense", 400),
        ("/transactions?cursor=Wzk5OTk5OTk5OTksIlQtMSJd", 400),
        ("/transactions?cursor=WzEsIlQtOTkiXQ", 400),
        ("/statement?from=2026-03-01", 422),
        ("/balance?currency=AUD", 400),
    ],
)
def test_a_wrong_parameter_is_reported(path: str, status: int, tmp_path: Path) -> None:
    script = {"GetTransactions": Postings(range(1, 4)), "GetStatement": statement}
    with (
        scripted_ledger(script) as ledger,
        ledger_api(ledger_settings(ledger.target, tmp_path)) as api,
    ):
        answer = api.get(ACCOUNT + path)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    "route", ["/balance", "/record", "/transactions", "/statement", "/transactions/stream"]
)
def test_every_ledger_route_needs_a_token(route: str, tmp_path: Path) -> None:
    with ledger_api(ledger_settings("127.0.0.1:1", tmp_path)) as api:
        del api.headers["Authorization"]
        assert api.get(ACCOUNT + route).status_code == 401


ERRORS = [
    ("NOT_FOUND", 404, "ledger_account_not_found", False),
    ("FAILED_PRECONDITION", 422, "ledger_rejected", False),
    ("INVALID_ARGUMENT", 400, "ledger_invalid_request", False),
    ("ALREADY_EXISTS", 409, "idempotency_key_reused", False),
    ("UNAVAILABLE", 503, "ledger_unavailable", True),
    ("DEADLINE_EXCEEDED", 504, "ledger_timeout", True),
    ("RESOURCE_EXHAUSTED", 429, "ledger_busy", True),
    ("INTERNAL", 502, "ledger_fault", False),
    ("UNKNOWN", 502, "ledger_fault", False),
    ("CANCELLED", 502, "ledger_fault", False),
    ("ABORTED", 502, "ledger_fault", False),
    ("DATA_LOSS", 502, "ledger_fault", False),
    ("OUT_OF_RANGE", 422, "ledger_rejected", False),
    ("UNIMPLEMENTED", 502, "ledger_fault", False),
    ("PERMISSION_DENIED", 502, "ledger_fault", False),
    ("UNAUTHENTICATED", 502, "ledger_fault", False),
]


@pytest.mark.parametrize(("status", "http", "code", "retryable"), ERRORS)
def test_each_status_has_its_problem(
    status: str, http: int, code: str, retryable: bool, tmp_path: Path
) -> None:
    with (
        scripted_ledger({"GetBalance": refuses(grpc.StatusCode[status], "the ledger's words")}) as ledger,
        ledger_api(ledger_settings(ledger.target, tmp_path)) as api,
    ):
        answer = api.get(f"{ACCOUNT}/balance")

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["retryable"]) == (http, code, retryable)
    assert problem["type"] == f"urn:billie:problem:{code}"
    quoted = None if http in (503, 504) else "the ledger's words"
    assert problem.get("ledgerMessage") == quoted
    assert ("Retry-After" in answer.headers) == (http in (429, 503))


def test_every_status_has_a_problem() -> None:
    assert {status for status, *_ in ERRORS} | {"OK"} == set(grpc.StatusCode.__members__)


def test_a_dead_ledger_is_503_at_once(tmp_path: Path) -> None:
    """About as soon as an answer for which no ledger is asked."""
    with ledger_api(ledger_settings("127.0.0.1:1", tmp_path)) as api:
        pairs = [(api.get(f"{ACCOUNT}/balance"), api.get("/v1/me")) for _ in range(100)]

    assert {answer.json()["code"] for answer, _ in pairs} == {"ledger_unavailable"}
    assert median(answer.elapsed / other.elapsed for answer, other in pairs) < 10


def test_a_hung_ledger_is_504_when_the_deadline_is_over(tmp_path: Path) -> None:
    with (
        scripted_ledger({"GetBalance": hangs}) as ledger,
        ledger_api(ledger_settings(ledger.target, tmp_path, ledger_read_seconds=0.2)) as api,
    ):
        answer = api.get(f"{ACCOUNT}/balance")

    assert (answer.status_code, answer.json()["code"]) == (504, "ledger_timeout")
    assert 0.2 <= answer.elapsed.total_seconds() < LONG_S, "which is how long the ledger hangs"
