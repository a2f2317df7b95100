"""The two ends of a copy of an event store: a SQLite file, or a PostgreSQL database, by plain SQL.

No data key is opened, so no master key is needed: rows go over as they are.
"""

from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from app.event_store.copies.postgres import PostgresEnd
from app.event_store.copies.sqlite import SQLiteEnd
from app.event_store.copies.tables import EVENTS, FACTS, Row, Table
from app.event_store.url import event_store_environment
from app.privacy.key_tables import COPYING


class End(Protocol):
    """A store, by its own connection, in one transaction at a time."""

    def others(self) -> list[str]:
        """Who else is connected to it, as an operator would look for them."""

    def tables(self) -> list[str]:
        """The names of all tables that there are, ours and others."""

    def create(self) -> None:
        """Make our tables, where there are none."""

    def has(self, table: Table) -> bool:
        """Whether there is this table of ours."""

    def transaction(self) -> Any:
        """A context: all that is written in it, or nothing."""

    def held(self) -> Any:
        """A context in which nobody can write to the store, and everybody can read."""

    def rows(self, table: Table, after: int = 0) -> Generator[Row]:
        """The rows of a table in the order of their keys; of events, those after a position.

        To be closed by whoever does not take them all: a cursor stands behind it.
        """

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert rows, as :meth:`rows` gives them."""

    def empty(self, table: Table) -> None:
        """Remove all rows, and their bytes."""

    def newest(self) -> int:
        """The newest position; 0 where there is no event."""

    def go_on_after(self, position: int) -> None:
        """Give the next event a later position."""

    def execute(self, statement: str, *values: Any) -> list[Row]:
        """Execute a statement with ``?`` for values."""

    def close(self) -> None:
        """Close the connection."""


def end_of(url: str) -> End:
    """The store at an event store URL. Raises EventStoreUrlError, or one of EVENT_STORE_ERRORS."""
    environment = event_store_environment(url)
    return PostgresEnd(environment) if "POSTGRES_DBNAME" in environment else SQLiteEnd(environment)


def file_of(url: str) -> Path | None:
    """The SQLite file of a URL, from the root; None for a store on a server."""
    file = event_store_environment(url).get("SQLITE_DBNAME")
    return Path(file).absolute() if file else None


def is_store(url: str) -> bool:
    """Whether there is an event store. It is not made by asking. Raises one of EVENT_STORE_ERRORS."""
    if (file := file_of(url)) is not None and not file.exists():
        return False
    with closing(end_of(url)) as end:
        return end.has(EVENTS)


def share_a_file(url: str, other: str) -> bool:
    """Whether two URLs are of one SQLite file, by whatever paths. To be asked before it is opened twice."""
    one, another = file_of(url), file_of(other)
    return bool(one and another and one.exists() and another.exists() and one.samefile(another))


def share_a_database(one: End, other: End) -> bool:
    """Whether two ends are of one PostgreSQL database."""
    return isinstance(one, PostgresEnd) and isinstance(other, PostgresEnd) and one.is_also(other)


def copying(end: End) -> str | None:
    """Of which store this is an unfinished copy, if it is one."""
    if not end.has(FACTS):
        return None
    found = end.execute(f"SELECT value FROM {FACTS.name} WHERE name = ?", COPYING)
    return str(found[0][0]) if found else None
