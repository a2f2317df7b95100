"""The consumer when messages fail on their own, and when Redis is in a bad state."""

from threading import Event, Thread
from typing import Any

import pytest
from pymongo.database import Database
from redis import Redis

from app.ingestion.messages.chat import NoticePosted
from app.ingestion.stream.publish import publish
from app.ingestion.stream.stream_info import failures_key
from app.runtime.settings.settings import Settings
from tests.support.observed import dead_letters, newest_position, pending
from tests.support.roles import ingest, project
from tests.support.waiting import LONG_S, until

SAID = {"typ": "user_input", "cid": "V1", "event_id": "good", "utterance": "hello"}
NOTED = {"typ": "noticeboard_post", "cid": "V2", "event_id": "bad", "post": "a secret"}


def fail(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Make notices fail so often, as a bug of ours would."""
    works = NoticePosted.apply
    failures = iter(range(times))

    def apply(*arguments: Any) -> None:
        if next(failures, None) is not None:
            raise ZeroDivisionError
        works(*arguments)

    monkeypatch.setattr(NoticePosted, "apply", apply)


@pytest.mark.parametrize("allowed", [1, 2])
def test_message_that_fails_on_its_own_is_set_aside_and_the_others_are_stored(
    allowed: int,
    settings: Settings,
    redis_client: Redis,
    mongo_db: Database[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail(monkeypatch, 100)
    publish(redis_client, settings.inbox_stream, [NOTED, SAID])
    ingest(settings.model_copy(update={"max_deliveries": allowed}), drain=True, stop=Event())
    project(settings, drain=True)
    assert [each["_id"] for each in mongo_db["conversations"].find()] == ["V1"]
    [dead_letter] = dead_letters(redis_client, settings)
    assert (dead_letter["reason"], dead_letter["deliveries"]) == ("failed", str(allowed))
    assert "ZeroDivisionError" in dead_letter["error"]
    assert pending(redis_client, settings) == 0
    assert not redis_client.exists(failures_key(settings.inbox_stream))


def test_deliveries_that_were_not_its_own_failures_do_not_count(
    settings: Settings, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, 1)
    mine = settings.model_copy(update={"consumer_name": "me", "max_deliveries": 2})
    publish(redis_client, settings.inbox_stream, [NOTED])
    redis_client.xgroup_create(settings.inbox_stream, settings.consumer_group, id="0")
    for after in (">", "0", "0", "0"):
        redis_client.xreadgroup(settings.consumer_group, "me", {settings.inbox_stream: after})
    ingest(mine, drain=True, stop=Event())
    assert dead_letters(redis_client, settings) == []
    assert newest_position(settings) == 2


def test_a_consumer_waits_while_redis_refuses_writes(
    settings: Settings, redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    publish(redis_client, settings.inbox_stream, [SAID, {"agt": "nobody"}])  # A dead letter needs memory.
    redis_client.config_set("maxmemory", 1)
    stop = Event()
    consumer = Thread(target=ingest, args=(settings,), kwargs={"drain": False, "stop": stop})
    consumer.start()
    try:
        until(lambda: "Waiting for a server" in caplog.text)
        assert consumer.is_alive()
        redis_client.config_set("maxmemory", 0)
        until(lambda: newest_position(settings) > 0 and not pending(redis_client, settings))
    finally:
        redis_client.config_set("maxmemory", 0)
        stop.set()
        consumer.join(LONG_S)
    assert not consumer.is_alive()
    assert [dead_letter["reason"] for dead_letter in dead_letters(redis_client, settings)] == ["no_type"]
