"""The cache of aggregates is bounded: in their number, and in what they remember together."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.aggregates import Conversation, LoanAccount, Source
from app.aggregates.base import Aggregate
from app.event_store.aggregate_cache import AggregateCache
from app.event_store.application import Servicing

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def source_of(message: str) -> Source:
    return Source(message, NOON, NOON)


def chat(name: str, utterances: int) -> Conversation:
    conversation = Conversation.register(name, source_of(f"{name}-start"))
    more_of(conversation, utterances)
    return conversation


def more_of(conversation: Conversation, utterances: int) -> None:
    heard = conversation.version
    for number in range(heard, heard + utterances):
        source = source_of(f"{conversation.business_id}-{number}")
        conversation.add_utterance(source, username="customer", utterance="hello")


def kept(cache: AggregateCache, *aggregates: Aggregate) -> list[bool]:
    return [cache.get((type(each), each.business_id)) is each for each in aggregates]


def test_the_ones_saved_longest_ago_go_first() -> None:
    cache = AggregateCache(2)
    first, second, third = (chat(name, 1) for name in ("A", "B", "C"))
    for each in (first, second, first, third):
        cache.keep(each)
    assert kept(cache, first, second, third) == [True, False, True]


def test_long_histories_weigh_more_than_one() -> None:
    cache = AggregateCache(10)  # Room for what ten usual ones remember: 500 messages and fields.
    short = [chat(f"S{number}", 10) for number in range(5)]
    long = [chat("L1", 240), chat("L2", 240)]
    for each in (*short, *long):
        cache.keep(each)
    assert kept(cache, *short, *long) == [False] * 3 + [True] * 4
    assert cache.remembered == 500


def test_a_cached_aggregates_growth_is_counted() -> None:
    cache = AggregateCache(10)
    other, growing = chat("A", 200), chat("B", 200)
    cache.keep(other)
    cache.keep(growing)
    more_of(growing, 150)
    cache.keep(growing)
    assert kept(cache, other, growing) == [False, True]
    assert cache.remembered == growing.remembered == 350


def test_the_newest_aggregate_stays_at_any_size() -> None:
    cache = AggregateCache(10)
    huge = chat("H", 1_000)
    cache.keep(chat("A", 1))
    cache.keep(huge)
    assert kept(cache, huge) == [True]
    assert len(cache) == 1


def test_a_cache_of_size_zero_is_empty() -> None:
    cache = AggregateCache(0)
    cache.keep(chat("A", 1))
    assert (len(cache), cache.remembered) == (0, 0)


def test_dropped_aggregates_are_not_counted() -> None:
    cache = AggregateCache(10)
    first, second = chat("A", 5), chat("B", 7)
    cache.keep(first)
    cache.keep(second)
    cache.forget(first)
    cache.forget(first)
    assert cache.remembered == 7
    cache.clear()
    assert cache.remembered == 0


def test_events_of_other_processes_are_counted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    ours, theirs = (Servicing.from_url(url, cache=10) for _ in range(2))
    ours.store([chat("A", 3)])
    ours.catch_up()
    conversation = theirs.load(Conversation, "A") or pytest.fail("it is stored")
    more_of(conversation, 2)
    theirs.store([conversation])
    ours.catch_up()
    assert ours._cache.remembered == 5
    ours.close()
    theirs.close()


def test_fields_count_like_messages() -> None:
    conversation = Conversation.register("A", source_of("m1"))
    data = {"employment": {"occupation": "baker", "since": "2020"}, "amount": "700"}
    conversation.change_application(source_of("m2"), application_data=data)
    assert conversation.remembered == 1 + 3 + 1, "a message, three leaves, an object"
    account = LoanAccount.register("B", source_of("m1"))
    account.update(source_of("m2"), status="ACTIVE")
    assert account.remembered == 1 + 2, "a message, a report of a status"
