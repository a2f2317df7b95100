"""The privacy tables beside the events: data keys, links to owners, tombstones of destroyed keys, facts."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import time_ns
from typing import Any, ClassVar, NamedTuple, TypeVar
from uuid import UUID

from eventsourcing.persistence import RecordConflictError

Execute = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""Executes one statement, with ``?`` for values, and returns its rows."""
_PURGE_DUE = "bytes_to_forget"
"""The fact that removed bytes may still be in the database's files, and since when, in nanoseconds."""
T = TypeVar("T")
_ROWS_A_STATEMENT = 200
"""SQLite before 3.32 takes 999 parameters; rows of three have to fit."""


class Database(ABC):
    """What the tables need of the event store's recorder."""

    blob: ClassVar[str]
    """The type for bytes."""
    prefix: str
    """What the tables' names begin with."""

    @abstractmethod
    def transaction(self, *, commit: bool) -> AbstractContextManager[Execute]:
        """Executes in a transaction of its own."""

    @abstractmethod
    def overwrite_removed(self, execute: Execute) -> None:
        """Overwrite the bytes that this transaction removes, where the database can."""

    @abstractmethod
    def purge(self) -> bool:
        """Remove deleted bytes from the database's files. False while a reader is in the way."""


class StoredKey(NamedTuple):
    """The data key of an aggregate, wrapped by the master key of that name; empty for none."""

    originator_id: UUID
    wrapped: bytes
    master: str


class Link(NamedTuple):
    """An aggregate belongs to another one: a chat to a customer, a money command to a loan account."""

    owner: UUID
    kind: str
    business_id: str


@dataclass
class Changes:
    """What is written in one transaction with events, and what the writer took for granted."""

    known_tombstones: int
    keys: list[StoredKey] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    destroyed: dict[UUID, str] = field(default_factory=dict)
    """Whose keys are destroyed, and the customer each is erased with."""
    known_links: dict[UUID, int] = field(default_factory=dict)
    """How many links an owner had when the writer decided by them."""


class KeyTables:
    """The tables, in either database. The event store's opening creates them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.transaction = database.transaction
        prefix = database.prefix
        self.keys, self._links = f"{prefix}personal_data_keys", f"{prefix}personal_data_links"
        self._erased, self.facts = f"{prefix}personal_data_erased", f"{prefix}personal_data_facts"

    def create(self) -> None:
        """Create the tables where they are missing."""
        with self.transaction(commit=True) as execute:
            self.create_by(execute)

    def create_by(self, execute: Execute) -> None:
        """Create them in a transaction that is open."""
        tables = {
            self.keys: f"originator_id TEXT PRIMARY KEY, wrapped {self._database.blob}, master TEXT",
            self._links: "owner TEXT, kind TEXT, business_id TEXT, PRIMARY KEY (owner, kind, business_id)",
            self._erased: "number INTEGER PRIMARY KEY, originator_id TEXT UNIQUE, customer_id TEXT, at TEXT",
            self.facts: "name TEXT PRIMARY KEY, value TEXT",
        }
        for table, columns in tables.items():
            execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})", ())

    def write(self, execute: Execute, changes: Changes) -> None:
        """Write changes in the transaction that inserts events: nobody else writes meanwhile.

        Raises RecordConflictError for an erasure or a link that the writer does not know.
        """
        [(newest,)] = execute(f"SELECT MAX(number) FROM {self._erased}", ())
        if (newest or 0) != changes.known_tombstones:
            raise RecordConflictError("personal data was erased meanwhile")
        for owner, count in changes.known_links.items():
            if execute(f"SELECT COUNT(*) FROM {self._links} WHERE owner = ?", (owner.hex,)) != [(count,)]:
                raise RecordConflictError("something was linked meanwhile")
        keys = [(each.originator_id.hex, each.wrapped, each.master) for each in changes.keys]
        _insert(execute, self.keys, keys)
        for master in {each.master for each in changes.keys}:
            self.note_master(execute, master)
        links = [(each.owner.hex, each.kind, each.business_id) for each in dict.fromkeys(changes.links)]
        _insert(execute, self._links, links, "ON CONFLICT DO NOTHING")
        if changes.destroyed:
            self.removing(execute)
        destroyed = changes.destroyed.items()
        tombstone = f"INSERT INTO {self._erased} VALUES (?, ?, ?, CURRENT_TIMESTAMP)"
        for number, (originator_id, customer) in enumerate(destroyed, changes.known_tombstones + 1):
            execute(f"DELETE FROM {self.keys} WHERE originator_id = ?", (originator_id.hex,))
            execute(tombstone, (number, originator_id.hex, customer))

    def keys_of(self, originator_ids: Sequence[UUID]) -> list[StoredKey]:
        """The data keys of aggregates, of those that have one."""
        rows = self._select(
            f"SELECT originator_id, wrapped, master FROM {self.keys} WHERE originator_id IN", originator_ids
        )
        return [StoredKey(UUID(row[0]), bytes(row[1]), row[2]) for row in rows]

    def links_of(self, owners: Sequence[UUID]) -> list[Link]:
        """What is linked to these aggregates."""
        rows = self._select(f"SELECT owner, kind, business_id FROM {self._links} WHERE owner IN", owners)
        return [Link(UUID(row[0]), row[1], row[2]) for row in rows]

    def erased_after(self, number: int) -> list[tuple[int, UUID, str]]:
        """The tombstones after one: number, whose key was destroyed, and the customer erased with it."""
        rows = self._read(
            f"SELECT number, originator_id, customer_id FROM {self._erased} WHERE number > ? ORDER BY number",
            number,
        )
        return [(row[0], UUID(row[1]), row[2]) for row in rows]

    def count_erased(self) -> tuple[int, int]:
        """How many customers were erased, and how many keys were destroyed with them."""
        [(customers, keys)] = self._read(f"SELECT COUNT(DISTINCT customer_id), COUNT(*) FROM {self._erased}")
        return customers, keys

    def masters(self) -> list[str]:
        """The names of the master keys that wrap data keys."""
        rows = self._read(f"SELECT name FROM {self.facts} WHERE name LIKE 'master:%'")
        return [str(name).partition(":")[2] for (name,) in rows]

    def removing(self, execute: Execute) -> None:
        """Have removed bytes overwritten, and note that a purge is due."""
        self._database.overwrite_removed(execute)
        self._note(execute, _PURGE_DUE, str(time_ns()))

    def note_master(self, execute: Execute, master: str) -> None:
        """Note that a master key wraps data keys."""
        self._note(execute, f"master:{master}", "")

    def purge(self) -> bool:
        """Remove the bytes of destroyed keys from the database's files, if that is due.

        False while a reader is in the way: it stays due, for the next call.
        """
        due = self._read(f"SELECT value FROM {self.facts} WHERE name = ?", _PURGE_DUE)
        if not due or not self._database.purge():
            return not due
        with self.transaction(commit=True) as execute:
            execute(f"DELETE FROM {self.facts} WHERE name = ? AND value = ?", (_PURGE_DUE, due[0][0]))
        return True

    def _note(self, execute: Execute, name: str, value: str) -> None:
        execute(
            f"INSERT INTO {self.facts} (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def _read(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self.transaction(commit=False) as execute:
            return execute(statement, values)

    def _select(self, statement: str, ids: Sequence[UUID]) -> list[tuple[Any, ...]]:
        with self.transaction(commit=False) as execute:
            return [
                row
                for page in _pages(ids)
                for row in execute(f"{statement} ({','.join('?' * len(page))})", [each.hex for each in page])
            ]


def _pages(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), _ROWS_A_STATEMENT):
        yield values[start : start + _ROWS_A_STATEMENT]


def _insert(execute: Execute, table: str, rows: Sequence[tuple[Any, ...]], ending: str = "") -> None:
    for page in _pages(rows):
        places = ",".join(f"({','.join('?' * len(page[0]))})" for _ in page)
        execute(f"INSERT INTO {table} VALUES {places} {ending}", [value for row in page for value in row])
