"""An account's transactions as server-sent events."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import Empty, Queue
from threading import Event
from typing import Any

import grpc
import httpx
import pytest

from app.api.auth.development_tokens import issue_token
from app.api.http import server
from app.ledger.wire import accounting_ledger_pb2 as wire
from tests.support.api.ledger_api import ledger_api, ledger_settings
from tests.support.api.serving import serving
from tests.support.servers.scripted_ledger import Call, balance, refuses, scripted_ledger, transaction
from tests.support.waiting import LONG_S

STREAM = "/v1/ledger/accounts/L1/transactions/stream"


class Account:
    """One whose postings go to its watchers, until the test ends the stream."""

    def __init__(self) -> None:
        self.coming: Queue[Any] = Queue()
        self.left = Event()

    def watch(self, call: Call) -> Iterator[Any]:
        call.context.add_callback(self.left.set)
        while not self.left.is_set():
            try:
                each = self.coming.get(timeout=0.05)
            except Empty:
                continue
            if each is None:
                return
            if isinstance(each, grpc.StatusCode):
                call.context.abort(each, "the ledger's words")
            yield each

    @property
    def script(self) -> dict[str, Any]:
        return {"GetBalance": balance("450.00"), "WatchTransactions": self.watch}


@pytest.fixture
def account() -> Iterator[Account]:
    account = Account()
    yield account
    account.left.set()


def events(answer: httpx.Response) -> Iterator[dict[str, str]]:
    """The fields of each event, and of each comment as ``""``."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name.rstrip(":")] = value
        else:
            yield fields
            fields = {}


def test_every_posting_is_an_event_with_its_id(account: Account, tmp_path: Path) -> None:
    with (
        scripted_ledger(account.script) as ledger,
        ledger_api(ledger_settings(ledger.target, tmp_path)) as api,
        api.stream("GET", STREAM) as answer,
    ):
        stream = events(answer)
        assert next(stream) == {"": "watching", "retry": "3000"}
        for number in (1, 2):
            account.coming.put(transaction(number))
            event = next(stream)
            assert event["id"] == f"T-{number}"
            assert '"transactionId":"T-' in event["data"]
            assert '"principalDelta":"-10.00"' in event["data"]
        account.coming.put(None)
        assert list(stream) == []

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert (answer.headers["Cache-Control"], answer.headers["X-Accel-Buffering"]) == ("no-cache", "no")
    assert not ledger.calls("WatchTransactions")[0].request.HasField("from_transaction_id")


def known(*numbers: int, total: int | None = None) -> Callable[[Call], wire.GetTransactionsResponse]:
    """The script of an account with these transactions, of which a ledger may tell the newest only."""

    def newest(call: Call) -> wire.GetTransactionsResponse:
        page = [transaction(number) for number in sorted(numbers, reverse=True)][: call.request.limit]
        count = len(numbers) if total is None else total
        return wire.GetTransactionsResponse(loan_account_id="L1", transactions=page, total_count=count)

    return newest


def test_a_reader_resumes_after_its_last_event(account: Account, tmp_path: Path) -> None:
    with (
        scripted_ledger(account.script | {"GetTransactions": known(*range(300))}) as ledger,
        ledger_api(ledger_settings(ledger.target, tmp_path)) as api,
    ):
        account.coming.put(None)
        api.get(STREAM, headers={"Last-Event-ID": "T-41"})

    assert ledger.calls("WatchTransactions")[0].request.from_transaction_id == "T-41"


@pytest.mark.parametrize("numbers", [(), (1, 2), range(300)], ids=len)
def test_an_unknown_position_is_refused_before_the_stream(
    account: Account, tmp_path: Path, numbers: Iterable[int]
) -> None:
    """A stream that ends at once is one to which an EventSource comes back for ever."""
    with (
        scripted_ledger(account.script | {"GetTransactions": known(*numbers)}) as ledger,
        ledger_api(ledger_settings(ledger.target, tmp_path)) as api,
    ):
        answer = api.get(STREAM, headers={"Last-Event-ID": "T-999"})

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_event")
    assert "'T-999'" in answer.json()["detail"]
    assert ledger.calls("WatchTransactions") == []


def test_the_ledger_decides_about_transactions_it_no_longer_lists(account: Account, tmp_path: Path) -> None:
    with (
        scripted_ledger(account.script | {"GetTransactions": known(7, 8, total=2_000)}) as ledger,
        ledger_api(ledger_settings(ledger.target, tmp_path)) as api,
    ):
        account.coming.put(None)
        assert api.get(STREAM, headers={"Last-Event-ID": "T-1"}).status_code == 200


def test_silence_has_heartbeats(account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each interval: the framework's own, as often as ours here, must not come too."""
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.1)
    with (
        scripted_ledger(account.script) as ledger,
        ledger_api(ledger_settings(ledger.target, tmp_path, ledger_heartbeat_seconds=0.1)) as api,
        api.stream("GET", STREAM) as answer,
    ):
        stream = events(answer)
        next(stream)
        assert [next(stream) for _ in range(3)] == [{"": "nothing new"}] * 3
        account.coming.put(transaction(1))
        assert next(each for each in stream if each != {"": "nothing new"})["id"] == "T-1"


def test_a_disconnected_reader_ends_the_ledgers_watch(account: Account, tmp_path: Path) -> None:
    with (
        scripted_ledger(account.script) as ledger,
        ledger_api(ledger_settings(ledger.target, tmp_path, ledger_heartbeat_seconds=0.1)) as api,
    ):
        account.coming.put(transaction(1))
        with api.stream("GET", STREAM) as answer:
            next(each for each in events(answer) if each.get("id") == "T-1")
        assert account.left.wait(LONG_S)


def test_the_stream_ends_when_the_api_stops(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_GRACE_S", LONG_S)
    with scripted_ledger(account.script) as ledger, ExitStack() as stopped, httpx.Client() as api:
        account.coming.put(transaction(1))
        settings = ledger_settings(ledger.target, tmp_path)
        url = stopped.enter_context(serving(settings))
        token = issue_token(settings, "ann", "readonly")
        with api.stream("GET", url + STREAM, headers={"Authorization": f"Bearer {token}"}) as answer:
            stream = events(answer)
            next(each for each in stream if each.get("id") == "T-1")
            began = time.monotonic()
            stopped.close()
            assert list(stream) == []
            assert time.monotonic() - began < LONG_S, "after which it would be cut off"
        assert account.left.wait(LONG_S)


def test_a_failure_of_the_ledger_is_the_last_event(account: Account, tmp_path: Path) -> None:
    with (
        scripted_ledger(account.script) as ledger,
        ledger_api(ledger_settings(ledger.target, tmp_path)) as api,
        api.stream("GET", STREAM) as answer,
    ):
        account.coming.put(grpc.StatusCode.UNAVAILABLE)
        *_, last = events(answer)

    assert last["event"] == "problem"
    assert '"ledger_unavailable"' in last["data"]


@pytest.mark.parametrize(("status", "http"), [("NOT_FOUND", 404), ("UNAVAILABLE", 503)])
def test_an_error_before_the_stream_is_a_problem(status: str, http: int, tmp_path: Path) -> None:
    with (
        scripted_ledger({"GetBalance": refuses(grpc.StatusCode[status])}) as ledger,
        ledger_api(ledger_settings(ledger.target, tmp_path)) as api,
    ):
        answer = api.get(STREAM)

    assert (answer.status_code, answer.headers["Content-Type"]) == (http, "application/problem+json")
