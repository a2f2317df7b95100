"""The log as JSON, of roles at work."""

import json
from pathlib import Path
from signal import SIGTERM
from typing import Any

import httpx
from pymongo.database import Database
from redis import Redis

from app.api.auth.development_tokens import issue_token
from app.ingestion.stream.publish import publish
from app.runtime.servers.embedded import free_port
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.waiting import until

POISON = {"typ": "account.updated.v1", "payload": '{"account_number": "SECRET"}'}


def test_an_entry_that_is_set_aside_is_named_in_a_field(settings: Settings, redis_client: Redis) -> None:
    publish(redis_client, settings.inbox_stream, [POISON])
    entries: Any = redis_client.xrange(settings.inbox_stream)
    done = Billie.of(settings).end("ingest", "--drain", BILLIE_LOG_FORMAT="json")
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    (aside,) = [line for line in lines if "set aside" in line["message"]]
    assert aside["entry_id"] == entries[0][0].decode()
    assert (aside["role"], aside["level"], aside["logger"]) == (
        "ingest",
        "warning",
        "app.ingestion.stream.acknowledge",
    )
    assert "SECRET" not in done.stderr


def test_a_read_and_a_refusal_have_the_id_of_their_request(
    settings: Settings, mongo_db: Database[dict[str, Any]], tmp_path: Path
) -> None:
    mongo_db["customers"].insert_one({"_id": "C1", "customerId": "C1", "firstName": "SECRET"})
    port, log = free_port(), tmp_path / "log"
    headers = {"Authorization": f"Bearer {issue_token(settings, 'ann', 'readonly')}"}
    more = {"BILLIE_LOG_FORMAT": "json", "BILLIE_API_PORT": str(port)}
    with log.open("w") as file, httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        process = Billie.of(settings).start("api", log=file, **more)
        try:
            until(lambda: process.poll() is not None or _lives(client), 120, "the API serves")
            read, refused = client.get("/v1/customers/C1"), client.get("/v1/dead-letters")
        finally:
            process.terminate()
            code = process.wait(60)
    assert code == -SIGTERM
    assert (read.status_code, refused.status_code) == (200, 403)
    text = log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    by_request = {line["request_id"]: line for line in lines if "request_id" in line}
    audit = by_request[read.headers["X-Request-ID"]]
    assert audit["logger"] == "billie.audit"
    assert audit["audit"]["customerIds"] == ["C1"]
    assert "403" in by_request[refused.headers["X-Request-ID"]]["message"]
    assert "SECRET" not in text


def _lives(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
