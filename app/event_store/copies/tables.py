"""All tables of an event store, as a copy of it reads and writes them: the same rows from any database."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """A table's columns, and those by which its rows are in order: the first ``key_columns`` ones."""

    name: str
    columns: tuple[str, ...]
    key_columns: int = 1


EVENTS = Table("events", ("position", "originator_id", "originator_version", "topic", "state"))
"""The events, by position; an originator's id is hexadecimal digits. Databases have other names for both."""

FACTS = Table("personal_data_facts", ("name", "value"))

BESIDE = (
    Table("personal_data_keys", ("originator_id", "wrapped", "master")),
    Table("personal_data_links", ("owner", "kind", "business_id"), key_columns=3),
    Table("personal_data_erased", ("number", "originator_id", "customer_id", "at")),
    FACTS,
)
"""What :class:`KeyTables` has. A test compares them with the tables that a store is made with."""

TABLES = (EVENTS, *BESIDE)


class Content(NamedTuple):
    """What a table holds: so many rows, and the checksum of all their values in order."""

    rows: int
    sha256: str


def content_of(rows: Iterable[Row]) -> Content:
    """Count rows and sum them up: whatever the database, the same rows give the same."""
    number, summed = 0, sha256()
    for row in rows:
        number += 1
        for value in row:
            if value is None:
                summed.update(b"-")
                continue
            told = value if isinstance(value, bytes) else str(value).encode()
            summed.update(b"%d:" % len(told))
            summed.update(told)
    return Content(number, summed.hexdigest())
