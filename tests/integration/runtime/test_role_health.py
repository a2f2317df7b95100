"""``/healthz`` and ``/readyz`` of the roles that serve nobody: whether their loops turn."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.projections.migrations import migrate
from app.projections.read_models.catalogue import all_projections
from app.runtime.observability import heartbeats as beating
from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.observability.metrics import Role
from app.runtime.observability.metrics_server import serving_metrics
from app.runtime.servers.embedded import free_port
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.waiting import LONG_S, until

Ask = Callable[[str], tuple[int, dict[str, Any]]]


def asking(port: int) -> Ask:
    def ask(path: str) -> tuple[int, dict[str, Any]]:
        answer = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=LONG_S)
        return answer.status_code, answer.json()

    return ask


@contextmanager
def role(verb: str, settings: Settings, logs: Path) -> Iterator[Ask]:
    """A role as a process, once its port answers."""
    port = free_port()
    with (logs / f"{verb}.log").open("w") as log:
        child = Billie.of(settings).start(verb, log=log, BILLIE_METRICS_PORT=str(port))
    ask = asking(port)

    def answers() -> bool:
        assert child.poll() is None, (logs / f"{verb}.log").read_text()
        try:
            return ask("/healthz")[0] == 200
        except httpx.TransportError:
            return False

    try:
        until(answers, what=f"{verb} to answer")
        yield ask
    finally:
        child.send_signal(signal.SIGTERM)
        assert child.wait(LONG_S) == 0


def test_a_consumer_is_ready_once_it_reads_and_reports_a_quiet_source(
    settings: Settings, redis_client: Any, tmp_path: Path
) -> None:
    seconds, _ = redis_client.time()
    redis_client.xadd(settings.inbox_stream, {"typ": "x"}, id=f"{(seconds - 90_000) * 1_000}-1")
    with role("ingest", settings, tmp_path) as ask:
        until(lambda: ask("/readyz")[0] == 200, what="a turn of the loop")
        status, health = ask("/readyz")
        assert (status, health["status"], health["source"], health["lagSeconds"]) == (200, "ok", "quiet", 0.0)
        assert health["lastEntryAgeSeconds"] > 86_400
        assert health["loopAgeSeconds"]["consumer"] < 60


def test_each_projection_has_its_own_heartbeat(settings: Settings, mongo_db: Any, tmp_path: Path) -> None:
    list(migrate(mongo_db))
    with role("project", settings, tmp_path) as ask:
        until(lambda: ask("/readyz")[0] == 200, what="a turn of each loop")
        status, health = ask("/healthz")
        assert (status, set(health["loopAgeSeconds"])) == (200, {*all_projections(settings), "jobs"})


def test_a_role_waiting_for_a_server_is_alive_and_not_ready(settings: Settings, tmp_path: Path) -> None:
    """Redis is not there; PostgreSQL is not there when the role starts."""
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    with role("ingest", away, tmp_path) as ask:
        assert ask("/readyz")[0] == 503
        assert ask("/healthz")[0] == 200
    nowhere = settings.model_copy(update={"event_store_url": "postgresql://u@127.0.0.1:1/x"})
    with role("project", nowhere, tmp_path) as ask:
        log = tmp_path / "project.log"
        until(lambda: "Waiting for a server" in log.read_text(), what="it to wait")
        assert ask("/readyz")[0] == 503
        assert ask("/healthz")[0] == 200


def test_a_hanging_loop_is_reported(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    port, heartbeats = free_port(), Heartbeats()
    measured = settings.model_copy(update={"metrics_port": port})
    with serving_metrics(measured, Role.PROJECT, (), heartbeats):
        ask = asking(port)
        assert (ask("/healthz")[0], ask("/readyz")[0]) == (200, 503), "it starts"
        heartbeats.expect("customers", "loan-accounts")
        heartbeats.beat("customers")
        assert (ask("/healthz")[0], ask("/readyz")[0]) == (200, 503), "one of them did not turn yet"
        heartbeats.beat("loan-accounts")
        assert (ask("/healthz")[0], ask("/readyz")[0]) == (200, 200)
        metrics = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        assert 'billie_loop_age_seconds{loop="loan-accounts"}' in metrics
        later = beating.monotonic() + beating.LIVE_WITHIN_S
        monkeypatch.setattr(beating, "monotonic", lambda: later)
        heartbeats.beat("customers")
        status, health = ask("/healthz")
        assert (status, health["status"]) == (503, "stalled")
        assert health["loopAgeSeconds"]["loan-accounts"] > 599 > health["loopAgeSeconds"]["customers"]
