"""An end of a copy that is a SQLite file: see :class:`app.event_store.copies.endpoints.End`."""

import fcntl
import os
import sqlite3
import struct
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eventsourcing.persistence import OperationalError

from app.event_store.copies.tables import EVENTS, Row, Table
from app.event_store.opening import recorder_of
from app.privacy.databases import database_of
from app.privacy.key_tables import KeyTables


class SQLiteEnd:
    """A store in a file."""

    def __init__(self, environment: dict[str, str]) -> None:
        """Raises eventsourcing's OperationalError where the file, or its folder, cannot be had."""
        self._environment = environment
        self._file = environment["SQLITE_DBNAME"]
        self._patience_s = environment["SQLITE_LOCK_TIMEOUT"]
        try:
            self._others = _who_has_open(self._file)
            Path(self._file).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"{error.filename}: {error.strerror}"
            raise OperationalError(msg) from error
        _refuse_read_only(Path(self._file))
        self._connection = sqlite3.connect(self._file, isolation_level=None, timeout=float(self._patience_s))
        self._connection.execute("PRAGMA secure_delete = ON")

    def others(self) -> list[str]:
        """As it was before we opened it: closing any descriptor of a file drops our own locks on it."""
        return self._others

    def tables(self) -> list[str]:
        found = self._connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        return [("events" if name == "stored_events" else name) for (name,) in found]

    def create(self) -> None:
        with recorder_of(self._environment) as recorder:
            KeyTables(database_of(recorder)).create()

    def has(self, table: Table) -> bool:
        return table.name in self.tables()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        with self._ending():
            yield

    @contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # A full disk may have ended it.
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def held(self) -> Iterator[None]:
        """There is one writer at a time, and that is us."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            msg = f"somebody writes to {self._file} for longer than {self._patience_s} s"
            raise OperationalError(msg) from error
        with self._ending():
            yield

    def rows(self, table: Table, after: int = 0) -> Generator[Row]:
        keys = ", ".join(self._columns(table)[: table.key_columns])
        beyond = f"WHERE rowid > {int(after)}" if table is EVENTS else ""
        yield from self._connection.execute(
            f"SELECT {', '.join(self._columns(table))} FROM {self._name(table)} {beyond} ORDER BY {keys}"
        )

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        columns = self._columns(table)
        self._connection.executemany(
            f"INSERT INTO {self._name(table)} ({', '.join(columns)}) VALUES ({','.join('?' * len(columns))})",
            rows,
        )

    def empty(self, table: Table) -> None:
        self._connection.execute(f"DELETE FROM {self._name(table)}")

    def newest(self) -> int:
        [(newest,)] = self._connection.execute("SELECT MAX(rowid) FROM stored_events")
        return newest or 0

    def go_on_after(self, position: int) -> None:
        """The next row has the id after the greatest one."""

    def execute(self, statement: str, *values: Any) -> list[Row]:
        return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        self._connection.close()

    @staticmethod
    def _name(table: Table) -> str:
        return "stored_events" if table is EVENTS else table.name

    @staticmethod
    def _columns(table: Table) -> tuple[str, ...]:
        return ("rowid", *table.columns[1:]) if table is EVENTS else table.columns


def _refuse_read_only(file: Path) -> None:
    """SQLite would say no more than that it cannot open the file."""
    for each in (file, file.parent):
        if each.exists() and not os.access(each, os.W_OK):
            msg = (
                f"{each} is read-only, and SQLite writes beside a file, and locks it, even to read it. "
                "Copy the file, with its -wal, to where it can"
            )
            raise OperationalError(msg)


def _who_has_open(file: str) -> list[str]:
    """A process that has a SQLite file open: in WAL mode each holds a shared lock for as long."""
    if not Path(file).exists():
        return []
    shared_from, shared_bytes = 0x40000002, 510  # As SQLite's file format fixes them.
    lock = (fcntl.F_WRLCK, os.SEEK_SET, shared_from, shared_bytes, 0)
    is_linux = sys.platform == "linux"
    form, order = ("hhqqi", (0, 1, 2, 3, 4)) if is_linux else ("qqihh", (2, 3, 4, 0, 1))
    with Path(file).open("rb") as opened:
        asked = struct.pack(form, *(lock[each] for each in order))
        told = struct.unpack(form, fcntl.fcntl(opened.fileno(), fcntl.F_GETLK, asked))
    kind, holder = told[order.index(0)], told[order.index(4)]
    return [] if kind == fcntl.F_UNLCK else [f"process {holder} has {file} open"]
