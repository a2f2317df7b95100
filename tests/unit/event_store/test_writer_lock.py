"""Turns at one SQLite store: waited for, but never for long."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.event_store import writer_lock as turns
from app.event_store.writer_lock import FileTurns


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between looks, which take no time here: the clock goes on by them."""
    now = [0.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(turns, "sleep", sleep)
    monkeypatch.setattr(turns, "monotonic", lambda: now[0] + 1_000)
    return slept


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[FileTurns, FileTurns]]:
    store = str(tmp_path / "events.db")
    one, other = FileTurns(store), FileTurns(store)
    yield one, other
    one.close()
    other.close()


def test_only_one_has_its_turn(two: tuple[FileTurns, FileTurns], waits: list[float]) -> None:
    one, other = two
    assert not one.take()
    one.end()
    assert not other.take()
    assert waits == []
    assert one.take()
    assert sum(waits) == pytest.approx(5, abs=0.01)


def test_who_waited_in_vain_does_not_wait_again_at_once(
    two: tuple[FileTurns, FileTurns], waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    one.take()
    assert other.take()
    waits.clear()
    assert other.take()
    assert waits == []
    monkeypatch.setattr(turns, "_IN_VAIN_FOR_S", 0.0)
    later = FileTurns(two[0]._path.removesuffix(".turn"))
    assert later.take()
    waits.clear()
    assert later.take()
    assert sum(waits) == pytest.approx(5, abs=0.01)
    later.close()


def test_where_no_file_can_be_made_there_are_no_turns(tmp_path: Path) -> None:
    nowhere = FileTurns(str(tmp_path / "absent" / "events.db"))
    assert not nowhere.take()
    nowhere.end()
    nowhere.close()
