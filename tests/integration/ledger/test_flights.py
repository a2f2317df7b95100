"""Batches that are stored while the next one is read: what fails there is not acknowledged, and not lost."""

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError
from redis import Redis

from app.aggregates import Conversation
from app.event_store.application import Servicing
from app.ingestion.stream.consumer import Consumer
from app.ingestion.stream.publish import publish
from app.runtime.settings.settings import Settings
from tests.support.observed import dead_letters, pending

ENTRIES = [
    {"typ": "user_input", "cid": "V1", "event_id": f"e{number}", "utterance": str(number)}
    for number in range(40)
]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"ingest_batch": 10})


@pytest.fixture
def servicing(settings: Settings) -> Iterator[Servicing]:
    servicing = Servicing.from_url(settings.event_store_url, cache=100)
    yield servicing
    servicing.close()


def heard(servicing: Servicing) -> list[str]:
    events: Any = servicing.events.get(Conversation.id_of("V1"))
    return [event.utterance for event in events if hasattr(event, "utterance")]


@pytest.mark.parametrize("failing", [1, 2, 4])
def test_a_batch_that_fails_to_store_is_read_again_first(
    settings: Settings,
    redis_client: Redis,
    servicing: Servicing,
    monkeypatch: pytest.MonkeyPatch,
    failing: int,
) -> None:
    publish(redis_client, settings.inbox_stream, ENTRIES)
    insert, calls = servicing.recorder.insert_events, iter(range(1, 100))

    def insert_or_fail(*arguments: Any, **more: Any) -> Any:
        if next(calls) == failing:
            message = "disk I/O error"
            raise OperationalError(message)
        return insert(*arguments, **more)

    monkeypatch.setattr(servicing.recorder, "insert_events", insert_or_fail)
    counted: list[int] = []
    Consumer(settings, redis_client, servicing, Event()).run(
        drain=True, on_progress=lambda entries, _dead: counted.append(entries)
    )
    assert heard(servicing) == [str(number) for number in range(40)]
    assert sum(counted) == 40
    assert (pending(redis_client, settings), dead_letters(redis_client, settings)) == (0, [])


def test_stored_messages_are_acknowledged_before_a_stop(
    settings: Settings, redis_client: Redis, servicing: Servicing
) -> None:
    publish(redis_client, settings.inbox_stream, ENTRIES)
    stop, counted = Event(), []

    def count(entries: int, _dead: int) -> None:
        counted.append(entries)
        stop.set()

    Consumer(settings, redis_client, servicing, stop).run(on_progress=count)
    assert pending(redis_client, settings) == 0
    assert len(heard(servicing)) == sum(counted)


def test_batches_of_one_chat_are_stored_one_after_another(
    settings: Settings, redis_client: Redis, servicing: Servicing
) -> None:
    """Each follows what the other stored: neither loads the chat again, and neither meets a conflict."""
    publish(redis_client, settings.inbox_stream, ENTRIES)
    redis_client.xgroup_create(settings.inbox_stream, settings.consumer_group, id="0")
    with Servicing.from_url(settings.event_store_url, cache=100) as other:
        consumers = [
            Consumer(settings, redis_client, each, Event(), name)
            for each, name in ((servicing, "one"), (other, "two"))
        ]
        for number in range(4):
            consumer, name = consumers[number % 2], ("one", "two")[number % 2]
            answer: Any = redis_client.xreadgroup(
                settings.consumer_group, name, {settings.inbox_stream: ">"}, count=10
            )
            consumer.process(answer[0][1])
    assert heard(servicing) == [str(number) for number in range(40)]
