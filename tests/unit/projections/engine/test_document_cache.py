"""A shelf keeps little at hand, and asks its backing only for what may be there."""

from collections.abc import Iterable, Iterator, Sequence
from random import Random

import pytest

from app.projections.engine import document_cache as module
from app.projections.engine.document_cache import Shelf
from app.projections.engine.document_store import LocalBacking
from app.projections.engine.values import Document


class Counting(LocalBacking):
    """Remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__("counted")
        self.asked_for: list[str] = []

    def fetch(self, ids: Sequence[str] | None = None) -> Iterable[Document]:
        self.asked_for += ids or ()
        return super().fetch(ids)


@pytest.fixture
def backing() -> Iterator[Counting]:
    backing = Counting()
    yield backing
    backing.close()


def count_up(shelf: Shelf, ids: Sequence[str], first: int) -> None:
    """A batch: each document counts how often it was named, wherever it was meanwhile."""
    shelf.load(ids)
    for position, identifier in enumerate(ids, first):
        document = shelf.get(identifier) or {"count": 0}
        document["count"] += 1
        shelf.put(identifier, document, position)
    shelf.spill()


def counts(backing: LocalBacking) -> dict[str, int]:
    return {each["_id"]: each["count"] for each in backing.fetch()}


@pytest.mark.parametrize("remembered", [100_000, 15])
def test_one_that_starts_empty_keeps_count_however_little_it_remembers(
    backing: Counting, monkeypatch: pytest.MonkeyPatch, remembered: int
) -> None:
    monkeypatch.setattr(module, "_MOST_ELSEWHERE", remembered)
    shelf, chance, named = Shelf(backing, keep=8), Random(1), dict.fromkeys(map(str, range(40)), 0)
    shelf.start_empty()
    for number in range(50):
        ids = [chance.choice(list(named)) for _ in range(6)]
        for each in ids:
            named[each] += 1
        count_up(shelf, ids, number * 10 + 1)
    shelf.write()
    assert counts(backing) == {name: count for name, count in named.items() if count}


def test_one_that_starts_empty_asks_for_nothing_that_it_has_not_written(backing: Counting) -> None:
    shelf = Shelf(backing, keep=4)
    shelf.start_empty()
    count_up(shelf, ["a", "b", "c", "d"], 1)
    count_up(shelf, ["e"], 5)
    assert backing.asked_for == []
    count_up(shelf, ["a", "f"], 6)
    assert backing.asked_for == ["a"], "it made room for another"


def test_one_that_has_forgotten_everything_asks_again(backing: Counting) -> None:
    shelf = Shelf(backing, keep=4)
    shelf.start_empty()
    count_up(shelf, ["a"], 1)
    shelf.write()
    shelf.clear()
    count_up(shelf, ["a"], 2)
    shelf.write()
    assert counts(backing) == {"a": 2}
