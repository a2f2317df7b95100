"""What the roles show to Prometheus, on real servers."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGTERM
from threading import Event
from typing import Any

import httpx
import pytest
from pymongo.database import Database
from redis import Redis

from app.ingestion.stream.publish import publish
from app.ledger.client.calls import Breaker
from app.ledger.sandbox.books import Books
from app.operations.servers import Servers
from app.operations.status.inbox import inbox_state
from app.operations.status.metrics import InboxMetrics, MoneyMetrics, ProjectionMetrics
from app.projections.migrations import all_migrations
from app.runtime.observability.metrics import Role
from app.runtime.servers.embedded import free_port
from app.runtime.settings.settings import Settings
from tests.support.api.ledger_api import ledger_api
from tests.support.api.money import KEY, REPAYMENT, REPAYMENTS, open_account
from tests.support.api.scraping import Moves, metrics_of, scraped, value
from tests.support.commands import Billie
from tests.support.roles import ingest, project
from tests.support.servers.sandbox import open_loan, serving
from tests.support.waiting import LONG_S, until

SAID = {"typ": "user_input", "cid": "V1", "utterance": "hello"}
POISON = {"typ": "account.updated.v1", "payload": "{}"}
UNKNOWN = {"typ": "weather.changed", "payload": "{}"}


def test_ingestion_counts_entries_by_outcome(settings: Settings, redis_client: Redis) -> None:
    publish(redis_client, settings.inbox_stream, [SAID, POISON, UNKNOWN, UNKNOWN])
    with metrics_of(settings, Role.INGEST, InboxMetrics(settings)) as url:
        before = scraped(url)
        assert value(before, "billie_stream_entries") == 4
        assert value(before, "billie_stream_unread_entries") is None  # There is no group yet.
        moves = Moves(url)
        ingest(settings, drain=True, stop=Event())
        assert moves.of("billie_ingest_entries_total") == 4
        assert moves.of("billie_ingest_landed_total") == 1
        assert moves.of("billie_ingest_dead_letters_total", reason="missing_key") == 1
        assert moves.of("billie_ingest_unknown_total") == 2
        assert moves.of("billie_ingest_batch_entries_count") == 1
        assert moves.of("billie_ingest_batch_entries_sum") == 4
        assert moves.of("billie_ingest_batch_seconds_count") == 1
        after = scraped(url)
    assert value(after, "billie_server_up", server="redis") == 1
    assert value(after, "billie_stream_unread_entries") == 0
    assert value(after, "billie_stream_lag_seconds") == 0
    assert value(after, "billie_stream_pending_entries") == 0
    assert value(after, "billie_dead_letters") == 1


def test_ingestion_counts_unreadable_parts_and_clocks_ahead(settings: Settings, redis_client: Redis) -> None:
    odd = {"customer_id": "C1", "ekyc_status": "maybe", "changed_at": "2126-03-01T09:00"}
    entry = {"typ": "customer.changed.v1", "event_id": "e1", "payload": json.dumps(odd)}
    publish(redis_client, settings.inbox_stream, [entry, SAID])
    with metrics_of(settings, Role.INGEST, InboxMetrics(settings)) as url:
        moves = Moves(url)
        ingest(settings, drain=True, stop=Event())
        unreadable = {"type": "customer.changed.v1", "path": "ekyc_status"}
        assert moves.of("billie_ingest_unreadable_total", **unreadable) == 1
        assert moves.of("billie_ingest_clock_ahead_total", type="customer.changed.v1") == 1
    state = inbox_state(redis_client, settings)
    assert [(each.field, each.count) for each in state.dropped_values] == [
        ("customer.changed.v1.ekyc_status", 1)
    ]
    assert [(each.field, each.count) for each in state.clocks_ahead] == [
        ("customer.changed.v1.changed_at", 1)
    ]


def test_lag_is_distinguished_from_a_silent_source(settings: Settings, redis_client: Redis) -> None:
    name = settings.inbox_stream
    seconds, _ = redis_client.time()
    redis_client.xadd(name, {"typ": "user_input"}, id=f"{(seconds - 1_000) * 1_000}-0")
    redis_client.xgroup_create(name, settings.consumer_group, id="0")
    with metrics_of(settings, Role.INGEST, InboxMetrics(settings)) as url:
        lags = scraped(url)
        redis_client.xreadgroup(settings.consumer_group, "me", {name: ">"})
        held = scraped(url)
        redis_client.xack(name, settings.consumer_group, f"{(seconds - 1_000) * 1_000}-0")
        silent = scraped(url)
    for samples, lag, pending in ((lags, 1_000, 0), (held, 0, 1_000), (silent, 0, 0)):
        assert value(samples, "billie_stream_lag_seconds") == pytest.approx(lag, abs=LONG_S)
        assert value(samples, "billie_stream_oldest_pending_seconds") == pytest.approx(pending, abs=LONG_S)
        assert value(samples, "billie_stream_last_entry_age_seconds") == pytest.approx(1_000, abs=LONG_S)


def test_projections_report_their_positions(
    settings: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    publish(redis_client, settings.inbox_stream, [SAID])
    ingest(settings, drain=True, stop=Event())
    with (
        closing(Servers(settings)) as servers,
        metrics_of(settings, Role.PROJECT, ProjectionMetrics(servers)) as url,
    ):
        before = scraped(url)
        position = value(before, "billie_event_store_position")
        assert position is not None
        assert position > 0
        moves = Moves(url)
        project(settings, drain=True)
        assert moves.of("billie_projection_events_total", projection="conversations") > 0
        assert moves.of("billie_projection_batch_seconds_count", projection="conversations") == 1
        mongo_db["projection-positions"].update_one(
            {"_id": "customers"},
            {"$set": {"standstill": {"cause": "mongo_refused", "detail": "no"}, "version": 0}},
        )
        after = scraped(url)
    for samples, behind in ((before, position), (after, 0)):
        assert value(samples, "billie_projection_behind_events", projection="conversations") == behind
    assert value(after, "billie_projection_position", projection="conversations") == position
    assert value(after, "billie_projection_waiting_seconds", projection="conversations") == 0
    assert value(after, "billie_projection_stalled", projection="customers", cause="mongo_refused") == 1
    assert value(after, "billie_projection_outdated", projection="customers") == 1
    assert value(after, "billie_projection_outdated", projection="conversations") == 0
    assert value(after, "billie_projection_documents_set_aside", projection="conversations") == 0
    assert value(after, "billie_migrations_waiting") == len(all_migrations())


def test_an_unavailable_server_is_reported_beside_the_others(settings: Settings, redis_client: Redis) -> None:
    publish(redis_client, settings.inbox_stream, [SAID])
    ingest(settings, drain=True, stop=Event())
    away = settings.model_copy(
        update={"mongo_url": "mongodb://127.0.0.1:1", "redis_url": "redis://127.0.0.1:1"}
    )
    with closing(Servers(away)) as servers, metrics_of(away, Role.PROJECT, ProjectionMetrics(servers)) as url:
        seen = scraped(url)
    with metrics_of(away, Role.INGEST, InboxMetrics(away)) as url:
        of_redis = scraped(url)
    assert value(of_redis, "billie_server_up", server="redis") == 0
    assert value(of_redis, "billie_stream_entries") is None
    assert value(seen, "billie_server_up", server="event_store") == 1
    assert value(seen, "billie_server_up", server="mongodb") == 0
    assert value(seen, "billie_event_store_position")
    assert value(seen, "billie_projection_behind_events", projection="customers") is None


def test_the_api_counts_requests_by_route_and_ledger_calls_and_money(
    settings: Settings, tmp_path: Path, mongo_db: Database[dict[str, Any]]
) -> None:
    books = Books(tmp_path / "ledger.db")
    open_loan(books)
    open_account(settings, "L1")
    with (
        closing(Servers(settings)) as servers,
        serving(books) as target,
        ledger_api(settings.model_copy(update={"ledger_target": target}), role="operations") as client,
        metrics_of(settings, Role.API, MoneyMetrics(servers)) as url,
        metrics_of(settings, Role.LEDGER_SANDBOX) as sandbox,
    ):
        moves, its = Moves(url), Moves(sandbox)
        for path in ("/v1/customers/C-SECRET-1", "/v1/customers/C-SECRET-2", "/nowhere/C-SECRET-3"):
            assert client.get(path).status_code == 404
        assert client.head("/v1/customers/C-SECRET-1").status_code == 404
        assert client.post(REPAYMENTS, json=REPAYMENT, headers=KEY).status_code in (200, 201, 202)
        one = {"route": "/v1/customers/{customerId}", "method": "GET"}
        assert moves.of("billie_http_requests_total", **one, status="404") == 3
        assert moves.of("billie_http_request_seconds_count", **one) == 3
        assert moves.of("billie_http_requests_total", route="none", method="GET", status="404") == 1
        assert moves.of("billie_ledger_calls_total", operation="RecordRepayment", outcome="OK") == 1
        assert moves.of("billie_ledger_call_seconds_count", operation="RecordRepayment") == 1
        assert moves.of("billie_money_commands_total", kind="repayment", outcome="posted") == 1
        assert its.of("billie_ledger_sandbox_calls_total", operation="RecordRepayment", outcome="OK") == 1
        assert client.get("/v1/ledger/accounts/NONE/balance").status_code == 404
        assert its.of("billie_ledger_sandbox_calls_total", operation="GetBalance", outcome="NOT_FOUND") == 1
        assert moves.of("billie_ledger_calls_total", operation="GetBalance", outcome="NOT_FOUND") == 1
        seen = scraped(url)
        assert not [labels for _, labels in seen if "SECRET" in str(labels)]
        assert value(seen, "billie_ledger_breaker_open") == 0
        assert value(seen, "billie_money_unknown_commands") == 0
        mongo_db["ledger-commands"].insert_one({"_id": "x", "status": "unknown", "requestedAt": _long_ago()})
        seen = scraped(url)
    books.close()
    assert value(seen, "billie_money_unknown_commands") == 1
    age = value(seen, "billie_money_oldest_unknown_seconds")
    assert age is not None
    assert age > 3_600


def test_an_open_breaker_is_reported_and_spared_calls_have_no_duration(
    settings: Settings, mongo_db: Database[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = Breaker.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "rest_seconds", LONG_S)
    nobody = settings.model_copy(update={"ledger_target": "127.0.0.1:1"})
    with ledger_api(nobody) as client, metrics_of(settings, Role.API) as url:
        moves = Moves(url)
        for _ in range(5):
            assert client.get("/v1/ledger/accounts/L1/balance").status_code == 503
        assert moves.of("billie_ledger_calls_total", operation="GetBalance", outcome="UNAVAILABLE") == 3
        assert moves.of("billie_ledger_calls_total", operation="GetBalance", outcome="NOT_ASKED") == 2
        assert moves.of("billie_ledger_call_seconds_count", operation="GetBalance") == 3
        assert value(scraped(url), "billie_ledger_breaker_open") == 1


@pytest.mark.parametrize("role", list(Role))
def test_each_role_serves_them_on_a_port_of_its_own(
    role: Role, settings: Settings, tmp_path: Path, mongo_db: Database[dict[str, Any]]
) -> None:
    port = free_port()
    more = {
        "BILLIE_METRICS_PORT": str(port),
        "BILLIE_API_PORT": str(free_port()),
        "BILLIE_LEDGER_TARGET": f"127.0.0.1:{free_port()}",
    }
    data = ("--data", str(tmp_path / "books.db")) if role is Role.LEDGER_SANDBOX else ()
    billie = Billie.of(settings)
    with (tmp_path / "log").open("w") as log:
        process = billie.start(role.value, *data, log=log, **more)
        try:
            until(lambda: process.poll() is not None or _answers(port), 120, "metrics are served")
            seen = scraped(f"http://127.0.0.1:{port}/metrics")
        finally:
            process.terminate()
            code = process.wait(60)
    assert code == (-SIGTERM if role is Role.API else 0)  # uvicorn ends as if it had not caught it.
    assert [dict(labels)["role"] for name, labels in seen if name == "billie_build_info"] == [role.value]


def test_a_port_in_use_ends_the_role_and_names_the_setting(settings: Settings) -> None:
    with metrics_of(settings, Role.INGEST) as url:
        port = url.removesuffix("/metrics").rpartition(":")[2]
        ended = Billie.of(settings).end("ingest", BILLIE_METRICS_PORT=port)
    assert ended.returncode == 3
    assert "BILLIE_METRICS_PORT: each process has its own" in ended.stderr


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics").status_code == 200
    except httpx.TransportError:
        return False


def _long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=2)
