"""The stores of the benchmarks: of the size that was asked, and each the beginning of the next."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.shared.event_stores import make_stores


def rows(url: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as store:
        return store.execute("SELECT rowid, * FROM stored_events ORDER BY rowid").fetchall()


def test_each_store_is_the_beginning_of_the_next(tmp_path: Path) -> None:
    stores = make_stores(tmp_path, [5_000, 1_700, 300, 300])
    assert {size: len(rows(url)) for size, url in stores.items()} == {300: 300, 1_700: 1_700, 5_000: 5_000}
    whole = rows(stores[5_000])
    assert [each[0] for each in whole] == list(range(1, 5_001))
    assert whole[:1_700] == rows(stores[1_700])
    assert whole[:300] == rows(stores[300])
