"""What the SDK publishes on a real stream becomes documents, once, however often it is sent."""

from threading import Event
from typing import Any

import pytest
from pymongo.database import Database
from redis import Redis
from redis.exceptions import ConnectionError as Unreachable

from app.runtime.settings.settings import Settings
from app.sdk import Message, message_types, publish
from app.sdk._examples import examples
from tests.support.observed import FROM_MESSAGES, dead_letters, documents, newest_position
from tests.support.roles import ingest, project


def test_every_example_lands_once_however_often_it_is_published(
    settings: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    seen = []
    for _ in range(2):
        assert publish(redis_client, list(examples().values())) == len(message_types())
        ingest(settings, drain=True, stop=Event())
        project(settings, drain=True)
        seen.append((newest_position(settings), documents(mongo_db)))
    assert redis_client.xlen("inbox:billie-srv") == 2 * len(message_types())
    assert seen[0] == seen[1]
    assert all(seen[0][1][name] for name in FROM_MESSAGES)
    assert dead_letters(redis_client, settings) == []


def test_a_retry_after_an_error_is_the_same_messages(
    settings: Settings, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [Message("user_input", {"utterance": str(each)}, conversation="V1") for each in range(1_500)]
    pipelines = iter((redis_client.pipeline, None))

    def pipeline(**options: Any) -> Any:
        if (real := next(pipelines)) is None:
            raise Unreachable("away")
        return real(**options)

    with monkeypatch.context() as patched:
        patched.setattr(redis_client, "pipeline", pipeline)
        with pytest.raises(Unreachable):
            publish(redis_client, said, stream=settings.inbox_stream)
    assert redis_client.xlen(settings.inbox_stream) == 1_000
    assert publish(redis_client, said, stream=settings.inbox_stream) == 1_500
    ingest(settings, drain=True, stop=Event())
    assert newest_position(settings) == 1 + 1_500  # The conversation, and what was said in it.
