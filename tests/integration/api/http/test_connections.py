"""Clients that are slow, or send too much, over plain sockets."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi.responses import Response, StreamingResponse

from app.api.application import create_app
from app.api.auth.development_tokens import issue_token
from app.runtime.settings.settings import Settings
from tests.support.api.ledger_api import ledger_settings
from tests.support.api.serving import serving
from tests.support.waiting import LONG_S, until


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return ledger_settings(
        "127.0.0.1:1",
        tmp_path,
        api_request_seconds=LONG_S,
        api_stall_seconds=LONG_S,
        api_header_bytes=4_096,
    )


@pytest.fixture
def url(settings: Settings) -> Iterator[str]:
    with serving(settings) as url:
        yield url


def connected(url: str) -> socket.socket:
    place = urlsplit(url)
    assert place.hostname
    client = socket.create_connection((place.hostname, place.port or 80), timeout=LONG_S)
    return client


def answer_of(client: socket.socket) -> tuple[int, dict[str, Any]]:
    """Everything until the server closes: one answer, which is a problem."""
    head, _, body = _rest(client).partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    problem = json.loads(body)
    assert f"x-request-id: {problem['requestId']}".encode() in head
    return int(head.split()[1]), problem


def _rest(client: socket.socket) -> bytes:
    received = b""
    while part := client.recv(65_536):
        received += part
    return received


def send(url: str, *parts: bytes) -> tuple[int, dict[str, Any]]:
    with closing(connected(url)) as client:
        for part in parts:
            client.sendall(part)
        return answer_of(client)


HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        (HEAD + b"X-Long: " + b"x" * 4_096 + b"\r\n\r\n",),
        (HEAD + b"".join(b"X-%d: y\r\n" % number for number in range(1_000)) + b"\r\n",),
        (b"GET /healthz?" + b"x" * 4_096 + b" HTTP/1.1\r\nHost: x\r\n\r\n",),
    ],
    ids=["one header", "many headers", "a long query"],
)
def test_headers_have_a_size(url: str, parts: tuple[bytes, ...]) -> None:
    status, problem = send(url, *parts)
    assert (status, problem["code"]) == (431, "headers_too_large")
    assert "4096" in problem["detail"]


def test_a_body_that_does_not_arrive_is_ended(settings: Settings) -> None:
    token = issue_token(settings, "ann", "admin").encode()
    head = POST % b"/v1/ledger/accounts/L1/repayments"
    authorized = head.replace(b"Host: x", b"Host: x\r\nAuthorization: Bearer " + token)
    with serving(settings.model_copy(update={"api_request_seconds": 0.6})) as url:
        status, problem = send(url, authorized + b"{")
    assert (status, problem["code"], problem["retryable"]) == (408, "request_too_slow", True)


def test_an_early_answer_is_sent_once(url: str) -> None:
    with closing(connected(url)) as client:
        client.sendall(POST % b"/v1/inbox" + b"{")
        answers = _rest(client)
    assert answers.startswith(b"HTTP/1.1 401 ")
    assert answers.count(b"HTTP/1.1 ") == 1


def test_anything_but_http_is_refused(url: str) -> None:
    for sent in (b"HELO there\r\n\r\n", b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n"):
        with closing(connected(url)) as client:
            client.sendall(sent)
            assert _rest(client).startswith(b"HTTP/1.1 400 ")


def test_requests_in_a_row_are_each_answered(url: str) -> None:
    with closing(connected(url)) as client:
        client.sendall((HEAD + b"\r\n") * 2 + HEAD + b"Connection: close\r\n\r\n")
        assert _rest(client).count(b'{"status":"ok"}') == 3


def test_a_client_that_never_reads_is_disconnected(settings: Settings) -> None:
    settings = settings.model_copy(update={"api_stall_seconds": 0.3})
    app = create_app(settings)
    ended: list[bool] = []

    @app.get("/endless")
    async def endless() -> Any:
        async def parts() -> Any:
            try:
                while True:
                    yield b"x" * 65_536
                    await asyncio.sleep(0)
            finally:
                ended.append(True)

        return StreamingResponse(parts())

    with serving(settings, app) as url, closing(connected(url)) as client:
        client.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: bool(ended), LONG_S / 2, what="the end of the stream")


def test_a_slow_client_that_keeps_reading_is_not_disconnected(settings: Settings) -> None:
    settings = settings.model_copy(update={"api_stall_seconds": 1})
    app = create_app(settings)
    size = 16 * 1024 * 1024

    @app.get("/large")
    async def large() -> Any:
        return Response(b"x" * size)

    with serving(settings, app) as url, closing(connected(url)) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received, resting = 0, Event()
        while part := client.recv(512 * 1024):
            received += len(part)
            resting.wait(0.1)  # Three seconds for all of it: three times as long as it may stand still.
        assert received > size


def test_connections_have_a_number(settings: Settings) -> None:
    few = settings.model_copy(update={"api_connections": 2})
    with serving(few) as url, closing(connected(url)), closing(connected(url)):
        assert httpx.get(f"{url}/healthz").status_code == 503


def test_a_body_beyond_its_size_is_a_problem(url: str, settings: Settings) -> None:
    token = issue_token(settings, "ann", "admin")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    path = f"{url}/v1/ledger/accounts/L1/repayments"
    for content in (b"[" * 65_537, (b"[" * 1_000 for _ in range(80))):
        answer = httpx.post(path, headers=headers, content=content)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert answer.json()["requestId"] == answer.headers["x-request-id"]


def test_a_deep_body_is_a_problem(url: str, settings: Settings) -> None:
    token = issue_token(settings, "ann", "admin")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for path in ("/v1/ledger/accounts/L1/repayments", "/v1/inbox", "/v1/dead-letters/replay"):
        answer = httpx.post(url + path, headers=headers, content=b"[" * 30_000 + b"]" * 30_000)
        assert answer.status_code in (400, 422), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
