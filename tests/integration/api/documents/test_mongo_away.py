"""Without MongoDB, the API stays up, says so, and goes on when MongoDB is back."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from app.runtime.servers.embedded import EmbeddedServer, embedded_mongo
from app.runtime.settings.settings import Settings
from tests.support.api.money import client_of
from tests.support.api.serving import serving
from tests.support.waiting import until

LISTS = ("/v1/customers", "/v1/loan-accounts/L1", "/v1/conversations", "/v1/write-off-requests")


@pytest.fixture
def mongo(tmp_path: Path) -> Iterator[EmbeddedServer]:
    server = embedded_mongo(tmp_path / "mongo")
    yield server
    server.stop()


@pytest.fixture
def client(settings: Settings, mongo: EmbeddedServer) -> Iterator[httpx.Client]:
    own = settings.model_copy(update={"mongo_url": mongo.url})
    with serving(own) as url, client_of(url, own, "admin") as client:
        yield client


def is_away(client: httpx.Client) -> None:
    """Each read is a problem within seconds; it is alive, and not ready."""

    def refused(path: str) -> None:
        began = time.monotonic()
        answer = client.get(path)
        assert time.monotonic() - began < 30, "which is how long the driver would wait"
        assert (answer.status_code, answer.json().get("code")) == (503, "database_unavailable"), answer.text
        assert answer.json()["retryable"]
        assert answer.headers["retry-after"]
        assert answer.headers["content-type"] == "application/problem+json"

    with ThreadPoolExecutor() as threads:
        list(threads.map(refused, (*LISTS, "/readyz")))
    assert client.get("/healthz").status_code == 200
    assert "MongoDB" in [each["server"] for each in client.get("/v1/status").json()["away"]]


def stands_still(pid: int) -> bool:
    """Whether each thread was stopped: the signal is only on its way when it was sent."""
    states = [
        each.read_text().rpartition(")")[2].split()[0] for each in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return set(states) == {"T"}


def test_an_unavailable_database_is_a_problem_until_it_returns(
    client: httpx.Client, mongo: EmbeddedServer
) -> None:
    assert client.get("/readyz").status_code == 200
    mongo.kill()
    is_away(client)
    mongo.start()
    until(lambda: client.get("/readyz").status_code == 200, what="MongoDB")
    assert client.get("/v1/customers").json() == {"items": []}


def test_a_hung_database_blocks_no_answer(client: httpx.Client, mongo: EmbeddedServer) -> None:
    assert client.get("/v1/customers").status_code == 200
    os.kill(mongo.pid, signal.SIGSTOP)
    try:
        until(lambda: stands_still(mongo.pid), what="a server that hangs")
        is_away(client)
    finally:
        os.kill(mongo.pid, signal.SIGCONT)
    until(lambda: client.get("/v1/customers").status_code == 200, what="MongoDB")
