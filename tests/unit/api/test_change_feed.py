"""The newest changes in memory: bounded, and without a gap."""

from app.api.changes.service import Tail
from app.projections.engine.changes import Change, Changes


def page(after: int, reached: int, *positions: int) -> Changes:
    return Changes(after, reached, [Change(f"D{each}", each, None) for each in positions])


def test_a_reader_finds_its_next_page() -> None:
    tail = Tail(10)
    for each in (page(10, 14, 12, 14), page(14, 20, 15), page(20, 30)):
        tail.add(each)
    assert tail.reached == 30
    assert tail.after(10) == tail.after(13) == page(10, 14, 12, 14)
    assert tail.after(14) == page(14, 30, 15), "what holds nothing makes no page of its own"
    assert tail.after(29) == page(14, 30, 15)
    assert tail.after(9) is None, "that was before it began"


def test_old_pages_are_dropped_and_the_newest_stays() -> None:
    tail = Tail(0, kept=6)
    for number in range(10):
        tail.add(page(number * 10, number * 10 + 10, number * 10 + 5))
    assert tail.after(60) is None
    assert tail.after(70) == page(70, 80, 75)
    tail.add(page(100, 200, *range(101, 150)))
    assert tail.after(99) is None
    assert tail.after(100) == page(100, 200, *range(101, 150))
