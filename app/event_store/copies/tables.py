"""All tables of an event store, as a copy of it reads and writes them: the same rows from any database."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """A table's columns; its rows are in the order of the first ``key_columns`` ones."""

    name: str
    columns: tuple[str, ...]
    key_columns: int = 1


EVENTS = Table("events", ("position", "originator_id", "originator_version", "topic", "state"))
"""The events, by position. Databases have other names for the table and for positions."""
TABLES = (
    EVENTS,
    Table("personal_data_keys", ("originator_id", "wrapped", "master")),
    Table("personal_data_links", ("owner", "kind", "business_id"), key_columns=3),
    Table("personal_data_erased", ("number", "originator_id", "customer_id", "at")),
    Table("personal_data_facts", ("name", "value")),
)
"""A test compares them with the tables of a new store."""


class Content(BaseModel):
    """What a table holds: its number of rows, and the checksum of all their values in order."""

    model_config = ConfigDict(frozen=True)

    rows: int
    sha256: str


def content_of(rows: Iterable[Row]) -> Content:
    """Count rows and sum them up: the same rows give the same in every database."""
    number, checksum = 0, sha256()
    for row in rows:
        number += 1
        checksum.update(repr(row).encode())
    return Content(rows=number, sha256=checksum.hexdigest())
