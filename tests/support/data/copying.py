"""Copies of an event store: what is on both sides, and a source that takes its time."""

import sqlite3
from contextlib import closing

from app.event_store.copies.endpoints import TABLES, Row, endpoint_at


def all_rows(url: str) -> dict[str, list[Row]]:
    with closing(endpoint_at(url)) as end:
        return {table.name: list(end.rows(table)) for table in TABLES}


def go_on(*_: object) -> bool:
    return True


def make_large(source: str, events: int) -> None:
    """So many events more, of aggregates that nobody reads: a copy takes rows as they are."""
    with closing(sqlite3.connect(source.removeprefix("sqlite:///"))) as store, store:
        store.execute(
            "WITH RECURSIVE numbers (number) AS "
            "(SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?) "
            "INSERT INTO stored_events "
            "SELECT lower(hex(randomblob(16))), 1, 'T', randomblob(600) FROM numbers",
            (events,),
        )
