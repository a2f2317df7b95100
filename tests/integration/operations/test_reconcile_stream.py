"""What ``billie reconcile`` makes of messages that were acknowledged: as ingestion reads them."""

import json
from collections.abc import Mapping
from contextlib import closing
from threading import Event
from typing import Any

import pytest
from redis import Redis

from app.event_store.application import Servicing
from app.ingestion.messages.parsers import NO_PARSERS, Parsers, TypeParser
from app.ingestion.stream.publish import publish
from app.operations.reconcile import Reconciliation, StreamState, look_at_stream
from app.runtime.settings.settings import Settings
from tests.support.roles import ingest


def parse(_kind: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"account_id": payload["ref"], "current_balance": payload["cents"] / 100}


PARSERS = Parsers([TypeParser("account.", "private-sdk 1.0", parse)])


@pytest.fixture
def ingested(settings: Settings, redis_client: Redis) -> Settings:
    """A message in a format of its own, which landed, and one that became a dead letter."""
    bodies = {"ref": "L1", "cents": 150}, {"ref": "L2", "cents": "many"}
    entries = [{"typ": "account.updated.v1", "dat": json.dumps(body)} for body in bodies]
    publish(redis_client, settings.inbox_stream, entries)
    mine = settings.model_copy(update={"max_deliveries": 1})
    ingest(mine, drain=True, stop=Event(), parsers=PARSERS)
    return settings


def looked_at(settings: Settings, redis: Redis, parsers: Parsers, *, restored: bool) -> StreamState:
    store = Servicing.in_memory() if restored else Servicing.from_url(settings.event_store_url)
    with closing(store) as servicing:
        return look_at_stream(servicing, redis, settings, parsers)


def test_a_message_of_an_adapter_is_lost_if_the_store_lacks_it(
    ingested: Settings, redis_client: Redis
) -> None:
    there = looked_at(ingested, redis_client, PARSERS, restored=False)
    assert (there.taken_and_lost, there.unreadable) == (0, 0)
    lost = looked_at(ingested, redis_client, PARSERS, restored=True)
    assert (lost.taken_and_lost, lost.unreadable) == (1, 0)


def broken(_kind: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    raise KeyError(payload["ref"])


@pytest.mark.parametrize("parsers", [NO_PARSERS, Parsers([TypeParser("account.", "broken 1.0", broken)])])
def test_an_unreadable_entry_that_is_no_dead_letter_is_reported(
    ingested: Settings, redis_client: Redis, parsers: Parsers
) -> None:
    """Where the package is not installed, or fails, nobody can say whether the store has the message."""
    found = looked_at(ingested, redis_client, parsers, restored=True)
    assert (found.taken_and_lost, found.unreadable) == (0, 1)
    whole = Reconciliation(newest_position=0, ahead=[], only_shown=[], not_erased=[], stream=found)
    assert not whole.is_complete
