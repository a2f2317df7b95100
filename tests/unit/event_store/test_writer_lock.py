"""The writer lock of a SQLite store: waited for, but never for long."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.event_store import sqlite
from app.event_store.sqlite import FileLock


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between looks, which take no time here: the clock goes on by them."""
    now = [0.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(sqlite, "sleep", sleep)
    monkeypatch.setattr(sqlite, "monotonic", lambda: now[0] + 1_000)
    return slept


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[FileLock, FileLock]]:
    store = str(tmp_path / "events.db")
    one, other = FileLock(store), FileLock(store)
    yield one, other
    one.close()
    other.close()


def test_only_one_process_holds_the_lock(two: tuple[FileLock, FileLock], waits: list[float]) -> None:
    one, other = two
    assert not one.acquire()
    one.release()
    assert not other.acquire()
    assert waits == []
    assert one.acquire()
    assert sum(waits) == pytest.approx(5, abs=0.01)


def test_a_consumer_that_timed_out_does_not_wait_again_soon(
    two: tuple[FileLock, FileLock], waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    one.acquire()
    assert other.acquire()
    waits.clear()
    assert other.acquire()
    assert waits == []
    monkeypatch.setattr(sqlite, "NO_WAIT_FOR_S", 0.0)
    later = FileLock(two[0]._path.removesuffix(".lock"))
    assert later.acquire()
    waits.clear()
    assert later.acquire()
    assert sum(waits) == pytest.approx(5, abs=0.01)
    later.close()


def test_without_a_lock_file_consumers_run_unlocked(tmp_path: Path) -> None:
    nowhere = FileLock(str(tmp_path / "absent" / "events.db"))
    assert not nowhere.acquire()
    nowhere.release()
    nowhere.close()
