"""Tables beside the events: data keys, links that say whose an aggregate is, tombstones of destroyed keys.

What has to hold together with events is written in their transaction (:meth:`KeyTables.write`).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import time_ns
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from eventsourcing.persistence import RecordConflictError

from app.event_store.copies.tables import CLEAR_UP_TO, COPYING

_IDS_A_QUERY = 200
"""SQLite before 3.32 takes 999 parameters; rows of three have to fit."""
_OWED = "bytes_to_forget"
"""The fact that bytes were removed which the database may still have: when that was, in nanoseconds."""


class StoredKey(NamedTuple):
    """The data key of an aggregate, wrapped by the master key of that name; empty for none."""

    originator_id: UUID
    wrapped: bytes
    master: str


class Link(NamedTuple):
    """An aggregate is of another one: a chat of a customer, a money command of a loan account."""

    owner: UUID
    kind: str
    business_id: str


class Replaced(NamedTuple):
    """A stored event whose state is changed in place."""

    originator_id: UUID
    version: int
    old: bytes
    new: bytes


@dataclass
class Beside:
    """What is written in one transaction with events."""

    keys: list[StoredKey] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    destroyed: list[tuple[UUID, str]] = field(default_factory=list)
    """Whose key is destroyed, and the customer who is erased with it."""
    replaced: list[Replaced] = field(default_factory=list)
    seen: int = 0
    """How many tombstones the writer knows of."""
    links_seen: dict[UUID, int] = field(default_factory=dict)
    """How many links an owner had when somebody decided by them."""


class Execute(Protocol):
    """Executes one statement, with ``?`` for values, and returns its rows."""

    def __call__(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...


class Database(Protocol):
    """A database that has the tables."""

    blob: str
    """Its type for bytes."""
    schema: str
    """What its tables' names begin with."""
    events: str
    """Its table of events, as statements name it."""
    position: str
    """The column of an event's position."""

    def transaction(self, *, commit: bool) -> AbstractContextManager[Execute]:
        """A transaction."""

    def has_table(self, execute: Execute, name: str) -> bool:
        """Whether there is a table."""

    def originator(self, originator_id: UUID) -> Any:
        """An aggregate's id, as the table of events has it."""

    def lock(self, execute: Execute) -> None:
        """Let nobody else insert events before the transaction ends."""

    def wipe(self, execute: Execute) -> None:
        """Have the bytes overwritten that this transaction removes, where the database can."""

    def forget_log(self) -> bool:
        """Let go of removed bytes in the database's own files; False where others are in the way now."""


class KeyTables:
    """The tables, in any SQL database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._exist = False
        prefix = database.schema
        self._keys, self._links = f"{prefix}personal_data_keys", f"{prefix}personal_data_links"
        self._erased, self._facts = f"{prefix}personal_data_erased", f"{prefix}personal_data_facts"

    def transaction(self, *, commit: bool) -> AbstractContextManager[Execute]:
        """A transaction of the database that has them."""
        return self._database.transaction(commit=commit)

    def create(self) -> None:
        """Make the tables, where there are none, and note up to where events are in the clear."""
        if self._exist:
            return
        with self._database.transaction(commit=True) as execute:
            if not self._database.has_table(execute, self._facts):
                for table, columns in (
                    (
                        self._keys,
                        f"originator_id TEXT PRIMARY KEY, wrapped {self._database.blob}, master TEXT",
                    ),
                    (
                        self._links,
                        "owner TEXT, kind TEXT, business_id TEXT, PRIMARY KEY (owner, kind, business_id)",
                    ),
                    (
                        self._erased,
                        "number INTEGER PRIMARY KEY, originator_id TEXT UNIQUE, customer_id TEXT, at TEXT",
                    ),
                    (self._facts, "name TEXT PRIMARY KEY, value TEXT"),
                ):
                    execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
                [(newest,)] = execute(f"SELECT MAX({self._database.position}) FROM {self._database.events}")
                self._put(execute, CLEAR_UP_TO, str(newest or 0))
        self._exist = True

    def exist(self) -> bool:
        """Whether there are the tables: a store that no release with sealing has written to has none."""
        if not self._exist:
            with self._database.transaction(commit=False) as execute:
                self._exist = self._database.has_table(execute, self._facts)
        return self._exist

    def is_unfinished_copy(self) -> bool:
        """Whether the store is being copied from another one, and not whole yet."""
        if not self.exist():
            return False
        with self._database.transaction(commit=False) as execute:
            return bool(execute(f"SELECT 1 FROM {self._facts} WHERE name = ?", (COPYING,)))

    def write(self, execute: Execute, beside: Beside) -> None:
        """Write it, in the transaction of events that were just inserted: nobody else writes meanwhile.

        Raises RecordConflictError where somebody has erased, or linked, what the writer does not know of.
        """
        [(newest,)] = execute(f"SELECT MAX(number) FROM {self._erased}")
        if (newest or 0) != beside.seen:
            msg = "personal data was erased meanwhile"
            raise RecordConflictError(msg)
        for owner, count in beside.links_seen.items():
            if execute(f"SELECT COUNT(*) FROM {self._links} WHERE owner = ?", (owner.hex,)) != [(count,)]:
                msg = "something was linked meanwhile"
                raise RecordConflictError(msg)
        _insert(
            execute,
            f"INSERT INTO {self._keys} (originator_id, wrapped, master) VALUES",
            [(each.originator_id.hex, each.wrapped, each.master) for each in beside.keys],
        )
        for master in {each.master for each in beside.keys}:
            self._put(execute, f"master:{master}", "")
        self._link(execute, beside.links)
        if beside.destroyed or beside.replaced:
            self._database.wipe(execute)
            self._owe(execute)
        for number, (originator_id, customer_id) in enumerate(beside.destroyed, beside.seen + 1):
            execute(f"DELETE FROM {self._keys} WHERE originator_id = ?", (originator_id.hex,))
            execute(
                f"INSERT INTO {self._erased} (number, originator_id, customer_id, at) "
                "VALUES (?, ?, ?, CURRENT_TIMESTAMP)",
                (number, originator_id.hex, customer_id),
            )
        self._replace(execute, beside.replaced)

    def keys_of(self, originator_ids: Sequence[UUID]) -> list[StoredKey]:
        """The data keys of aggregates, of those that have one."""
        if not self.exist():
            return []
        with self._database.transaction(commit=False) as execute:
            rows = _select(
                execute,
                f"SELECT originator_id, wrapped, master FROM {self._keys} WHERE originator_id IN",
                [each.hex for each in originator_ids],
            )
        return [StoredKey(UUID(row[0]), bytes(row[1]), row[2]) for row in rows]

    def erased_after(self, number: int) -> list[tuple[int, UUID, str]]:
        """The tombstones after one: their numbers, whose keys were destroyed, and with which customer."""
        if not self.exist():
            return []
        with self._database.transaction(commit=False) as execute:
            rows = execute(
                f"SELECT number, originator_id, customer_id FROM {self._erased} "
                "WHERE number > ? ORDER BY number",
                (number,),
            )
        return [(row[0], UUID(row[1]), row[2]) for row in rows]

    def links_of(self, owners: Sequence[UUID]) -> list[Link]:
        """What is linked to these."""
        if not self.exist():
            return []
        with self._database.transaction(commit=False) as execute:
            rows = _select(
                execute,
                f"SELECT owner, kind, business_id FROM {self._links} WHERE owner IN",
                [each.hex for each in owners],
            )
        return [Link(UUID(row[0]), row[1], row[2]) for row in rows]

    def masters(self) -> list[str]:
        """The names of the master keys that data keys were wrapped by."""
        if not self.exist():
            return []
        with self._database.transaction(commit=False) as execute:
            rows = execute(f"SELECT name FROM {self._facts} WHERE name LIKE 'master:%'")
        return [str(name).partition(":")[2] for (name,) in rows]

    def count(self) -> dict[str, int]:
        """How many data keys there are, by the names of the master keys."""
        with self._database.transaction(commit=False) as execute:
            rows = execute(f"SELECT master, COUNT(*) FROM {self._keys} GROUP BY master")
        return {str(master): int(number) for master, number in rows}

    def count_erased(self) -> tuple[int, int]:
        """How many customers were erased, and how many keys were destroyed with them."""
        with self._database.transaction(commit=False) as execute:
            rows = execute(f"SELECT COUNT(DISTINCT customer_id), COUNT(*) FROM {self._erased}")
        return int(rows[0][0]), int(rows[0][1])

    def not_wrapped_by(self, master: str, most: int) -> list[StoredKey]:
        """Some data keys that another master key wraps, or none."""
        with self._database.transaction(commit=False) as execute:
            rows = execute(
                f"SELECT originator_id, wrapped, master FROM {self._keys} "
                f"WHERE master <> ? LIMIT {int(most)}",
                (master,),
            )
        return [StoredKey(UUID(row[0]), bytes(row[1]), row[2]) for row in rows]

    def rewrap(self, keys: Iterable[tuple[StoredKey, StoredKey]]) -> None:
        """Put new forms of data keys in the place of old ones, unless these were destroyed meanwhile."""
        with self._database.transaction(commit=True) as execute:
            self._database.wipe(execute)
            self._owe(execute)
            for old, new in keys:
                execute(
                    f"UPDATE {self._keys} SET wrapped = ?, master = ? WHERE originator_id = ? AND master = ?",
                    (new.wrapped, new.master, old.originator_id.hex, old.master),
                )
                self._put(execute, f"master:{new.master}", "")

    def forget_masters(self, but: str) -> None:
        """Forget the names of master keys that wrap no data key any more."""
        with self._database.transaction(commit=True) as execute:
            execute(
                f"DELETE FROM {self._facts} WHERE name LIKE 'master:%' AND name <> ? AND NOT EXISTS "
                f"(SELECT 1 FROM {self._keys} WHERE 'master:' || master = name)",
                (f"master:{but}",),
            )

    def replace(self, replaced: Sequence[Replaced], keys: Sequence[StoredKey], seen: int) -> None:
        """Change stored events in place, in a transaction of its own, with the keys that they take.

        Raises RecordConflictError where one is not what it was, or personal data was erased meanwhile.
        """
        with self._database.transaction(commit=True) as execute:
            self._database.lock(execute)
            self.write(execute, Beside(keys=list(keys), replaced=list(replaced), seen=seen))

    def add_links(self, links: Sequence[Link], up_to: int) -> None:
        """Links of events that were stored without, up to a position."""
        with self._database.transaction(commit=True) as execute:
            self._put(execute, "linked_up_to", str(up_to))
            self._link(execute, links)

    def fact(self, name: str) -> int:
        """A position that was noted; 0 where none was."""
        with self._database.transaction(commit=False) as execute:
            rows = execute(f"SELECT value FROM {self._facts} WHERE name = ?", (name,))
        return int(rows[0][0]) if rows else 0

    def note(self, name: str, position: int) -> None:
        """Note a position."""
        with self._database.transaction(commit=True) as execute:
            self._put(execute, name, str(position))

    def forget_log(self) -> bool:
        """As :meth:`Database.forget_log`, where keys or events were removed since it was last done.

        Where it cannot be done now that stays owed, whoever removed them: to be called again later.
        """
        if not self.exist() or not (owed := self.fact(_OWED)):
            return True
        if not self._database.forget_log():
            return False
        with self._database.transaction(commit=True) as execute:
            execute(f"DELETE FROM {self._facts} WHERE name = ? AND value = ?", (_OWED, str(owed)))
        return True

    def _owe(self, execute: Execute) -> None:
        self._put(execute, _OWED, str(time_ns()))

    def _put(self, execute: Execute, name: str, value: str) -> None:
        execute(
            f"INSERT INTO {self._facts} (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def _link(self, execute: Execute, links: Iterable[Link]) -> None:
        _insert(
            execute,
            f"INSERT INTO {self._links} (owner, kind, business_id) VALUES",
            [(each.owner.hex, each.kind, each.business_id) for each in dict.fromkeys(links)],
            "ON CONFLICT DO NOTHING",
        )

    def _replace(self, execute: Execute, replaced: Iterable[Replaced]) -> None:
        for each in replaced:
            row = (self._database.originator(each.originator_id), each.version)
            found = execute(
                f"SELECT state FROM {self._database.events} "
                "WHERE originator_id = ? AND originator_version = ?",
                row,
            )
            if [bytes(state) for (state,) in found] != [each.old]:
                msg = f"event {each.version} of {each.originator_id} is not what it was"
                raise RecordConflictError(msg)
            execute(
                f"UPDATE {self._database.events} SET state = ? "
                "WHERE originator_id = ? AND originator_version = ?",
                (each.new, *row),
            )


def _pages(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _IDS_A_QUERY):
        yield values[start : start + _IDS_A_QUERY]


def _select(execute: Execute, statement: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
    return [
        row for page in _pages(ids) for row in execute(f"{statement} ({','.join('?' * len(page))})", page)
    ]


def _insert(execute: Execute, statement: str, rows: Sequence[tuple[Any, ...]], ending: str = "") -> None:
    for page in _pages(rows):
        places = ",".join(f"({','.join('?' * len(page[0]))})" for _ in page)
        execute(f"{statement} {places} {ending}", [value for row in page for value in row])
