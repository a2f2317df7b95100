"""The event store under fire: it is locked, its disk is full, and in the end it has to be whole."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Protocol

from app.runtime.servers.embedded import die_with_parent
from tests.chaos.faults.disks import Disk

_LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


class Store(Protocol):
    """What the fire needs of an event store."""

    url: str
    disk: Disk

    def locked(self) -> AbstractContextManager[None]:
        """While entered, nobody else can write."""

    def recover(self) -> None:
        """Its disk has room again: start what ended for want of it."""

    def whole(self) -> bool:
        """Whether the store finds no damage in itself."""


class SqliteStore:
    """A file. Locked: another process is in the middle of a transaction, and is then killed in it."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._path = disk.folder / "events.db"
        # So that a writer that waits for the lock gives up within the fault, and says so.
        self.url = f"sqlite:///{self._path}?timeout=1"

    def recover(self) -> None:
        """There is no server that could have ended."""

    def whole(self) -> bool:
        with closing(sqlite3.connect(self._path)) as connection:
            return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))

    @contextmanager
    def locked(self) -> Iterator[None]:
        locker = subprocess.Popen(
            [sys.executable, "-c", _LOCKER, str(self._path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=die_with_parent,
        )
        with locker:
            try:
                assert locker.stdout is not None
                locker.stdout.readline()  # Empty where the disk was full, or another had the lock for long.
                yield
            finally:
                locker.kill()
