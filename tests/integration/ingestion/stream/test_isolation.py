"""In a batch of 500, three that cannot land delay nobody; and a fault of the store is nobody's own."""

import json
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest
from redis import Redis

from app.event_store.application import Servicing
from app.ingestion.messages.chat import NoticePosted
from app.ingestion.stream.consumer import Consumer
from app.ingestion.stream.publish import publish
from app.ingestion.stream.stream_info import failures_key
from app.runtime.settings.settings import Settings
from tests.support.observed import all_read, dead_letters, pending
from tests.support.roles import ingest
from tests.support.servers.event_stores import events_table, execute
from tests.support.stream_accounts import Accounts, accounts
from tests.support.waiting import LONG_S, until

PLACES = (0, 250, 499)
POISON = [
    {"typ": "account.updated.v1", "event_id": "p1", "dat": "not json"},
    {"typ": "account.updated.v1", "event_id": "p2", "dat": '{"account_id": "L1", "current_balance": "many"}'},
    {"agt": "somebody"},
]
NOTED = [{"typ": "noticeboard_post", "cid": "V1", "event_id": f"n{number}"} for number in range(3)]


def batch_with(three: list[dict[str, str]]) -> list[dict[str, str]]:
    """497 utterances of 20 conversations, and three others at the start, in the middle and at the end."""
    entries = [
        {
            "typ": "user_input",
            "cid": f"V{n % 20}",
            "event_id": f"e{n}",
            "dat": json.dumps({"utterance": "hi"}),
        }
        for n in range(497)
    ]
    for place, entry in zip(PLACES, three, strict=True):
        entries.insert(place, entry)
    return entries


@pytest.fixture
def servicing(settings: Settings) -> Iterator[Servicing]:
    servicing = Servicing.from_url(settings.event_store_url)
    yield servicing
    servicing.close()


def in_one_pass(
    entries: list[dict[str, str]], settings: Settings, client: Redis, servicing: Servicing
) -> int:
    """Have a consumer process the entries as one batch, once. Returns how many were set aside."""
    publish(client, settings.inbox_stream, entries)
    client.xgroup_create(settings.inbox_stream, settings.consumer_group, id="0")
    stream = {settings.inbox_stream: ">"}
    answer: Any = client.xreadgroup(settings.consumer_group, "me", stream, count=500)
    batch = answer[0][1]
    assert len(batch) == 500
    mine = settings.model_copy(update={"consumer_name": "me"})
    return Consumer(mine, client, servicing, Event()).process(batch)


def test_three_poison_messages_in_a_batch_of_500(
    settings: Settings, redis_client: Redis, servicing: Servicing
) -> None:
    assert in_one_pass(batch_with(POISON), settings, redis_client, servicing) == 3
    assert pending(redis_client, settings) == 0, "nothing waits"
    reasons = [dead_letter["reason"] for dead_letter in dead_letters(redis_client, settings)]
    assert reasons == ["not_json", "invalid_value", "no_type"]
    assert accounts(redis_client, settings) == Accounts(500, landed=497, repeats=0, dead=3, unknown=0)


@pytest.mark.parametrize("allowed", [1, 5])
def test_three_messages_that_fail_on_their_own_in_a_batch_of_500(
    allowed: int,
    settings: Settings,
    redis_client: Redis,
    servicing: Servicing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def apply(*_arguments: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(NoticePosted, "apply", apply)
    mine = settings.model_copy(update={"max_deliveries": allowed})
    set_aside = in_one_pass(batch_with(NOTED), mine, redis_client, servicing)
    assert set_aside == (3 if allowed == 1 else 0)
    assert pending(redis_client, settings) == 3 - set_aside, "only the three wait, if anybody does"
    assert redis_client.hlen(failures_key(settings.inbox_stream)) == 3 - set_aside
    stored = servicing.recorder.select_notifications(1, 10_000)
    message_ids = {servicing.mapper.to_domain_event(each).message_id for each in stored}  # type: ignore[attr-defined]
    assert message_ids == {f"id:e{number}" for number in range(497)}


def test_fault_of_the_store_makes_no_dead_letters_however_long_it_lasts(
    settings: Settings, redis_client: Redis, servicing: Servicing
) -> None:
    mine = settings.model_copy(update={"consumer_name": "me", "max_deliveries": 2, "claim_idle_ms": 100})
    redis_client.xgroup_create(settings.inbox_stream, settings.consumer_group, id="0", mkstream=True)
    stop = Event()
    consumer = Thread(target=ingest, args=(mine,), kwargs={"drain": False, "stop": stop})
    consumer.start()
    try:
        until(lambda: bool(redis_client.xinfo_consumers(settings.inbox_stream, settings.consumer_group)))
        table = events_table(settings.event_store_url)
        execute(settings.event_store_url, f"ALTER TABLE {table} RENAME TO hidden")
        publish(redis_client, settings.inbox_stream, batch_with(NOTED))
        until(lambda: deliveries(redis_client, settings) >= 2 * mine.max_deliveries)
        assert dead_letters(redis_client, settings) == []
        assert not redis_client.exists(failures_key(settings.inbox_stream))
        execute(settings.event_store_url, f"ALTER TABLE hidden RENAME TO {table}")
        until(lambda: all_read(redis_client, settings) and not pending(redis_client, settings))
    finally:
        stop.set()
        consumer.join(LONG_S)
    assert not consumer.is_alive()
    assert accounts(redis_client, settings) == Accounts(500, landed=500, repeats=0, dead=0, unknown=0)


def deliveries(client: Redis, settings: Settings) -> int:
    """How often Redis has handed out the entry that was handed out least."""
    found: Any = client.xpending_range(settings.inbox_stream, settings.consumer_group, "-", "+", 1_000)
    return min((each["times_delivered"] for each in found), default=0)
