"""The event store in a SQLite file."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from time import monotonic, sleep
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.persistence import OperationalError, StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteCursor

from app.event_store.recorder import (
    COLUMNS,
    LONGEST_WAIT_S,
    NO_WAIT_FOR_S,
    PAGE_BYTES,
    BatchRecorder,
    Recorded,
    WriterLock,
)
from app.privacy.key_tables import Execute

_ROWS_A_STATEMENT = 4_000
_READERS_MS = 200
"""How long a checkpoint waits for readers: all writers wait meanwhile."""
_RETRY_S = 0.0005

_uuid = lru_cache(20_000)(UUID)  # Most events are of an aggregate that had another one just before.


class SQLiteBatchRecorder(SQLiteApplicationRecorder, BatchRecorder):
    """Inserts many rows a statement."""

    position: ClassVar[str] = "rowid"
    blob: ClassVar[str] = "BLOB"
    prefix = ""

    @classmethod
    @contextmanager
    def opening(cls, environment: Mapping[str, str]) -> Iterator[None]:
        """SQLite does not wait for another connection while it goes into WAL mode."""
        # The lock is on the file's folder, so that nothing is left behind.
        folder = Path(environment["SQLITE_DBNAME"]).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise OperationalError(f"{error.filename}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @classmethod
    def writer_lock(cls, environment: Mapping[str, str]) -> WriterLock:
        file = environment["SQLITE_DBNAME"]
        return WriterLock() if "mode=memory" in file else FileLock(file)

    def _insert_events(
        self,
        c: SQLiteCursor,
        stored_events: Sequence[StoredEvent],
        beside: Callable[[Execute], None] | None = None,
        **_: object,
    ) -> Sequence[int] | None:
        for start in range(0, len(stored_events), _ROWS_A_STATEMENT):
            page = stored_events[start : start + _ROWS_A_STATEMENT]
            values: list[object] = []
            for each in page:
                values += (each.originator_id.hex, each.originator_version, each.topic, each.state)  # type: ignore[union-attr]
            rows = ",".join(("(?,?,?,?)",) * len(page))
            c.execute(f"INSERT INTO {self.events_table_name} VALUES {rows}", values)
        # The transaction holds SQLite's one write lock, so the row ids are consecutive.
        last = c.lastrowid
        if beside is not None:
            beside(_executing(c))
        return range(last - len(stored_events) + 1, last + 1)

    def select(self, where: str, values: Sequence[object], order: str, most: int | None) -> list[Recorded]:
        page: list[Recorded] = []
        size = 0
        limit = "" if most is None else f" ORDER BY {order} LIMIT {most}"
        with self.datastore.transaction(commit=False) as c:
            statement = f"SELECT rowid, {COLUMNS} FROM {self.events_table_name} WHERE {where}{limit}"
            c.execute(statement, [each.hex if isinstance(each, UUID) else each for each in values])
            while (most is None or size < PAGE_BYTES) and (row := c.fetchone()) is not None:
                page.append(Recorded(row[0], _uuid(row[1]), row[2], row[3], row[4]))
                size += len(row[4])
        return page

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[Execute]:
        with self.datastore.transaction(commit=commit) as cursor:
            yield _executing(cursor)

    def overwrite_removed(self, execute: Execute) -> None:
        """Of this connection, from now on."""
        execute("PRAGMA secure_delete = ON", ())

    def purge(self) -> bool:
        """Move the write-ahead log into the file, and empty it."""
        with self.datastore.get_connection(commit=True) as connection:
            execute = _executing(connection.cursor())
            [(timeout,)] = execute("PRAGMA busy_timeout", ())
            execute(f"PRAGMA busy_timeout = {_READERS_MS}", ())
            try:
                [(is_busy, *_)] = execute("PRAGMA wal_checkpoint(TRUNCATE)", ())
            finally:
                execute(f"PRAGMA busy_timeout = {int(timeout)}", ())
        return not is_busy


def _executing(cursor: SQLiteCursor) -> Execute:
    def execute(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        cursor.execute(statement, values)
        return [tuple(row) for row in cursor.fetchall()]

    return execute


class FileLock(WriterLock):
    """A lock on a file beside the store: the system releases it, however a process ends."""

    def __init__(self, store: str) -> None:
        self._path = f"{store}.lock"
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
            except OSError:
                return False  # Another user's file: we do without.
        began, contended = monotonic(), False
        while not self._is_locked(self._descriptor):
            contended, now = True, monotonic()
            if now < self.no_wait_until:
                break
            if now >= began + LONGEST_WAIT_S:
                self.no_wait_until = now + NO_WAIT_FOR_S
                break
            sleep(_RETRY_S)
        return contended

    @staticmethod
    def _is_locked(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
