"""The writer lock: consumers that share a store apply and save their batches one after another.

Batches of a busy stream concern the same aggregates, so of two that are applied at once, one nearly always
has to start again. Waiting costs less. The lock is a matter of speed only: a consumer that does not get it
goes ahead, does not wait again for half a minute, and optimistic concurrency still decides.
"""

import fcntl
import os
from collections.abc import Mapping
from time import monotonic, sleep

import psycopg
from eventsourcing.persistence import OperationalError

from app.event_store.postgres import connect

_LONGEST_WAIT_S = 5.0
_NO_WAIT_FOR_S = 30.0
_RETRY_S = 0.0005
_ADVISORY_LOCK = 0x42696C6C6966
"""Any number that nobody else uses."""


class WriterLock:
    """One store's lock, as one process takes it. This one is for a store that nobody else can write to."""

    _no_wait_until = 0.0

    def acquire(self) -> bool:
        """Wait for the lock, five seconds at most. Returns whether anybody else held it."""
        return False

    def release(self) -> None:
        """Let the next process have it. Releasing what was not acquired is harmless."""

    def close(self) -> None:
        """Release it for good."""

    def _wait_s(self) -> float:
        return 0.0 if monotonic() < self._no_wait_until else _LONGEST_WAIT_S

    def _gave_up(self) -> None:
        """Somebody holds the lock for long: stopped, or on a machine that is gone."""
        self._no_wait_until = monotonic() + _NO_WAIT_FOR_S


class FileLock(WriterLock):
    """A lock on a file beside a SQLite store: the system releases it, however a process ends."""

    def __init__(self, store: str) -> None:
        self._path = f"{store}.lock"
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
            except OSError:
                return False  # Another user's file: we do without.
        contended, until = False, monotonic() + self._wait_s()
        while not self._is_locked(self._descriptor):
            contended = True
            if monotonic() >= until:
                self._gave_up()
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


class PostgresLock(WriterLock):
    """An advisory lock: the server releases it when the connection ends."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._connection: psycopg.Connection | None = None

    def acquire(self) -> bool:
        """Raises eventsourcing's OperationalError if the server is away."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._environment)
        try:
            found = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (_ADVISORY_LOCK,)).fetchone()
            if found == (True,):
                return False
            if wait := self._wait_s():
                self._connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{wait}s",))
                self._connection.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
        except psycopg.errors.LockNotAvailable:
            self._gave_up()
        except psycopg.OperationalError as error:
            self._connection.close()
            raise OperationalError(str(error)) from error
        return True

    def release(self) -> None:
        """A connection that broke has released it."""
        if self._connection is None or self._connection.closed:
            return
        try:
            self._connection.execute("SELECT pg_advisory_unlock(%s)", (_ADVISORY_LOCK,))
        except psycopg.OperationalError:
            self._connection.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def writer_lock_of(environment: Mapping[str, str]) -> WriterLock:
    """The lock of the store that the library's settings name."""
    if "POSTGRES_DBNAME" in environment:
        return PostgresLock(environment)
    file = environment["SQLITE_DBNAME"]
    return WriterLock() if "mode=memory" in file else FileLock(file)
