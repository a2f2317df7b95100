"""A cache keeps little at hand, and asks its store only for what may be there."""

from collections.abc import Iterable, Iterator, Sequence
from random import Random

import pytest

from app.projections.engine import documents as module
from app.projections.engine.documents import Document, DocumentCache
from app.projections.rebuild.scratch import LocalDocumentStore


class Counting(LocalDocumentStore):
    """Remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__("counted")
        self.asked_for: list[str] = []

    def fetch(self, ids: Sequence[str] | None = None) -> Iterable[Document]:
        self.asked_for += ids or ()
        return super().fetch(ids)


@pytest.fixture
def store() -> Iterator[Counting]:
    store = Counting()
    yield store
    store.close()


def count_up(cache: DocumentCache, ids: Sequence[str], first: int) -> None:
    """A batch: each document counts how often it was named, wherever it was meanwhile."""
    cache.load(ids)
    for position, identifier in enumerate(ids, first):
        document = cache.get(identifier) or {"count": 0}
        document["count"] += 1
        cache.put(identifier, document, position)
    cache.spill()


def counts(store: LocalDocumentStore) -> dict[str, int]:
    return {each["_id"]: each["count"] for each in store.fetch()}


@pytest.mark.parametrize("remembered", [100_000, 15])
def test_a_small_cache_of_a_new_collection_counts_correctly(
    store: Counting, monkeypatch: pytest.MonkeyPatch, remembered: int
) -> None:
    monkeypatch.setattr(module, "_MOST_ELSEWHERE", remembered)
    cache, chance, named = DocumentCache(store, keep=8), Random(1), dict.fromkeys(map(str, range(40)), 0)
    cache.start_empty()
    for number in range(50):
        ids = [chance.choice(list(named)) for _ in range(6)]
        for each in ids:
            named[each] += 1
        count_up(cache, ids, number * 10 + 1)
    cache.write()
    assert counts(store) == {name: count for name, count in named.items() if count}


def test_a_cache_of_a_new_collection_queries_only_written_documents(store: Counting) -> None:
    cache = DocumentCache(store, keep=4)
    cache.start_empty()
    count_up(cache, ["a", "b", "c", "d"], 1)
    count_up(cache, ["e"], 5)
    assert store.asked_for == []
    count_up(cache, ["a", "f"], 6)
    assert store.asked_for == ["a"], "it made room for another"


def test_an_emptied_cache_queries_again(store: Counting) -> None:
    cache = DocumentCache(store, keep=4)
    cache.start_empty()
    count_up(cache, ["a"], 1)
    cache.write()
    cache.clear()
    count_up(cache, ["a"], 2)
    cache.write()
    assert counts(store) == {"a": 2}
