"""Event stores that fail for real, and come back."""

import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import psutil
import psycopg

from app.runtime.embedded import die_with_parent
from app.runtime.private_postgres import PrivatePostgres
from tests.event_stores import cluster_of_tests


class StoreUnderFire(Protocol):
    """What the fire needs of an event store: a server's is ``kill -9``, and a start on the same data."""

    url: str

    def fault(self, number: int) -> AbstractContextManager[str]:
        """While entered, no process can save. Tells a word of what the processes then say."""

    def writer_started(self, pid: int) -> None:
        """A process that writes was started: a fault that lasts must reach it too."""

    def whole(self) -> bool:
        """Whether the store finds no damage in itself."""


@contextmanager
def store_under_fire(kind: str, folder: Path) -> Iterator[StoreUnderFire]:
    """A store of a test's own, ``sqlite`` or ``postgresql``."""
    if kind == "sqlite":
        yield SqliteStore(folder / "events.db")
        return
    with cluster_of_tests() as cluster:
        yield PostgresStore(cluster)


_LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""
_SMALL_FILE = 64 * 1024


class SqliteStore:
    """A SQLite file. There is no server to kill, so its lock is held, or its disk is full, in turn.

    Locked: another process holds an exclusive transaction for longer than the lock time-out, and is then
    killed in it. Full: no writer may write beyond the first 64 KiB of any file, so that the kernel refuses
    a write in the middle of a commit. That needs Linux.
    """

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}?timeout=1"
        self._path = path
        self._full = False
        self._writers: set[int] = set()

    def fault(self, number: int) -> AbstractContextManager[str]:
        return self._disk_full() if number % 2 else self._locked()

    def writer_started(self, pid: int) -> None:
        self._writers.add(pid)
        if self._full:
            _limit(pid, _SMALL_FILE)

    def whole(self) -> bool:
        with closing(sqlite3.connect(self._path)) as connection:
            return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))

    @contextmanager
    def _locked(self) -> Iterator[str]:
        locker = subprocess.Popen(
            [sys.executable, "-c", _LOCKER, str(self._path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )
        with locker:
            try:
                assert locker.stdout is not None
                assert locker.stdout.readline() == "locked\n"
                yield "database is locked"
            finally:
                locker.kill()

    @contextmanager
    def _disk_full(self) -> Iterator[str]:
        self._set_full(True)
        try:
            yield "disk I/O error"
        finally:
            self._set_full(False)

    def _set_full(self, full: bool) -> None:
        self._full = full
        for pid in tuple(self._writers):
            try:
                _limit(pid, _SMALL_FILE if full else resource.RLIM_INFINITY)
            except ProcessLookupError:
                self._writers.discard(pid)


def _limit(pid: int, size: int) -> None:
    _soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


class PostgresStore:
    """A database in a cluster of its own. In turn the server is killed, and it lets nobody connect."""

    _NAME = "events"

    def __init__(self, cluster: PrivatePostgres) -> None:
        self._cluster = cluster
        self.url = f"{cluster.url}/{self._NAME}"
        self._administer(f"CREATE DATABASE {self._NAME}")

    def fault(self, number: int) -> AbstractContextManager[str]:
        return self._closed() if number % 2 else self._killed()

    def writer_started(self, pid: int) -> None:
        """It meets the fault where it connects."""

    def whole(self) -> bool:
        """By PostgreSQL's own check of tables, and of each index against its table."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION amcheck")
            damaged = connection.execute(
                "SELECT msg FROM pg_class, verify_heapam(pg_class.oid) "
                "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            ).fetchall()
            connection.execute(
                "SELECT bt_index_check(pg_class.oid, true) FROM pg_class JOIN pg_am ON pg_am.oid = relam "
                "WHERE relkind = 'i' AND amname = 'btree' AND relnamespace = 'public'::regnamespace"
            )
            return damaged == []

    @contextmanager
    def _killed(self) -> Iterator[str]:
        """``kill -9`` of the server with all of its processes: it recovers from its log when it starts."""
        server = psutil.Process(self._cluster.pid)
        killed = [server, *server.children()]
        for each in killed:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(killed, timeout=30)
        try:
            yield "Connection refused"
        finally:
            self._cluster.start()

    @contextmanager
    def _closed(self) -> Iterator[str]:
        self._administer(f"ALTER DATABASE {self._NAME} ALLOW_CONNECTIONS false")
        try:
            self._administer(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._NAME}'"
            )
            yield "not currently accepting connections"
        finally:
            self._administer(f"ALTER DATABASE {self._NAME} ALLOW_CONNECTIONS true")

    def _administer(self, statement: str) -> None:
        with psycopg.connect(f"{self._cluster.url}/postgres", autocommit=True) as connection:
            connection.execute(statement.encode())
