"""A message's trace, as a receiver of OpenTelemetry gets it over a socket from each role, a process each."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo.database import Database
from redis import Redis

from app.api.auth.development_tokens import issue_token
from app.ingestion.stream.publish import publish
from app.projections.migrations import migrate
from app.runtime.observability.metrics import Role
from app.runtime.observability.tracing import NO_TRACING, tracing
from app.runtime.servers.embedded import free_port
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.servers.otlp import Receiver, receiving
from tests.support.waiting import LONG_S, until

SECRET = "Wilhelmina"
THEIRS = "0af7651916cd43dd8448eb211c80319c"
NAMED = {
    "typ": "customer.created.v1",
    "event_id": "e1",
    "traceparent": f"00-{THEIRS}-b7ad6b7169203331-01",
    "payload": '{"customer_id": "C1", "first_name": "Wilhelmina", "email_address": "w@example.com"}',
}
SAID = {"typ": "user_input", "cid": "V1", "event_id": "e2", "utterance": f"I am {SECRET}"}
NOBODYS = {"typ": "user_input", "event_id": "e9", "utterance": "in no chat"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def traced(settings: Settings, receiver: Receiver) -> Settings:
    return settings.model_copy(update={"otlp_endpoint": receiver.endpoint, "trace_share": 1.0})


def billie_of(settings: Settings) -> Billie:
    """With the settings that ``model_copy`` added."""
    given = settings.model_copy()
    given.model_fields_set.update(("otlp_endpoint", "trace_share"))
    return Billie.of(given)


@contextmanager
def api(settings: Settings, log: Path) -> Iterator[httpx.Client]:
    port = free_port()
    with log.open("w") as file:
        child = billie_of(settings).start("api", log=file, BILLIE_API_PORT=str(port))
    token = issue_token(settings, "ann", "admin")
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}, timeout=LONG_S
    ) as client:

        def answers() -> bool:
            assert child.poll() is None, log.read_text()
            try:
                return client.get("/healthz").status_code == 200
            except httpx.TransportError:
                return False

        until(answers, what="the API to answer")
        yield client
    child.send_signal(signal.SIGTERM)
    assert child.wait(LONG_S) in (0, -signal.SIGTERM), log.read_text()


def test_a_message_has_one_trace_from_the_stream_to_its_documents(
    traced: Settings, receiver: Receiver, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    list(migrate(mongo_db))
    publish(redis_client, traced.inbox_stream, [NAMED, SAID])
    billie = billie_of(traced)
    billie.run("ingest", "--drain")
    billie.run("project", "--drain")
    [first] = receiver.named("message customer.created.v1")
    assert (first.service, first.parent_id, first.links) == ("billie-ingest", "", [THEIRS])
    assert first.attributes["billie.message_id"] == "id:e1"
    assert first.attributes["messaging.destination.name"] == traced.inbox_stream
    inside = {each.name: each for each in receiver.spans if each.parent_id == first.span_id}
    assert {"wait on the stream", "apply", "project customers", "project customer-timeline"} <= set(inside)
    assert {each.trace_id for each in inside.values()} == {first.trace_id}
    assert inside["project customers"].service == "billie-project"
    assert inside["project customers"].attributes["billie.events"] >= 2, "that it exists, and its details"
    assert first.seconds >= inside["apply"].seconds > 0
    [other] = receiver.named("message user_input")
    assert other.trace_id != first.trace_id
    assert not any(each.failed for each in receiver.spans)
    assert SECRET not in repr(receiver.spans)
    assert "example.com" not in repr(receiver.spans)


def test_rest_joins_its_callers_trace_and_published_messages_link_to_it(
    traced: Settings, receiver: Receiver, redis_client: Redis, mongo_db: Any, tmp_path: Path
) -> None:
    list(migrate(mongo_db))
    with api(traced, tmp_path / "api.log") as client:
        caller = {"traceparent": NAMED["traceparent"]}
        assert client.get(f"/v1/customers/{SECRET}", headers=caller).status_code == 404
        assert client.post("/v1/inbox", params={"wait": 0}, json=SAID, headers=caller).status_code == 202
    billie_of(traced).run("ingest", "--drain")
    [read] = receiver.named("GET /v1/customers/{customerId}")
    assert (read.service, read.trace_id, read.parent_id) == ("billie-api", THEIRS, "b7ad6b7169203331")
    assert (read.attributes["http.response.status_code"], read.failed) == (404, False)
    [published] = receiver.named("POST /v1/inbox")
    assert published.trace_id == THEIRS
    [message] = receiver.named("message user_input")
    assert message.links == [published.trace_id]
    assert SECRET not in repr(receiver.spans), "no address, no query, nothing of what was said"


def test_a_dead_letter_is_traced(traced: Settings, receiver: Receiver, redis_client: Redis) -> None:
    publish(redis_client, traced.inbox_stream, [NOBODYS, SAID])
    billie_of(traced).run("ingest", "--drain")
    [message] = receiver.named("message user_input")
    [failed] = receiver.named("rejected entry")
    assert (message.failed, failed.failed) == (False, True)
    assert failed.trace_id != message.trace_id
    assert "in no chat" not in repr(receiver.spans)


def test_the_share_of_messages_is_the_same_ones_everywhere(settings: Settings, receiver: Receiver) -> None:
    few = settings.model_copy(update={"otlp_endpoint": receiver.endpoint, "trace_share": 0.25})
    names = [f"id:{number}" for number in range(2_000)]
    with tracing(few, Role.INGEST) as one, tracing(few, Role.PROJECT) as other:
        wanted = [name for name in names if one.wants(name)]
        assert 400 < len(wanted) < 600
        assert wanted == [name for name in names if other.wants(name)]


def test_without_an_endpoint_tracing_is_off(
    settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tracing(settings, Role.INGEST) as traced:
        assert traced is NO_TRACING
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    assert Settings().otlp_endpoint == receiver.endpoint


def test_an_unavailable_trace_receiver_stops_no_role(
    settings: Settings, redis_client: Redis, mongo_db: Any
) -> None:
    nowhere = settings.model_copy(update={"otlp_endpoint": "http://127.0.0.1:1", "trace_share": 1.0})
    publish(redis_client, settings.inbox_stream, [NAMED, SAID])
    assert "2 entries taken" in billie_of(nowhere).run("ingest", "--drain")
