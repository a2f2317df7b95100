"""Taking turns: consumers that share a store apply and save their batches one after another.

Batches of a busy stream concern the same aggregates, so of two that are applied at once, one nearly always
has to begin anew. Taking turns costs less; the rest of a consumer's work goes on beside it. It is a matter
of speed only: whoever waits in vain goes ahead, does not wait again for half a minute, and optimistic
concurrency still decides.
"""

import fcntl
import os
from collections.abc import Mapping
from time import monotonic, sleep
from typing import Protocol

import psycopg
from eventsourcing.persistence import OperationalError

from app.event_store.postgres import connect

_LONGEST_WAIT_S = 5.0
_IN_VAIN_FOR_S = 30.0
_LOOK_AGAIN_S = 0.0005
_LOCK = 0x42696C6C6966
"""An advisory lock of PostgreSQL: any number that nobody else uses."""


class Turns(Protocol):
    """One store's turns, as one process takes them."""

    def take(self) -> bool:
        """Wait for our turn, five seconds at most. Whether there was anybody to wait for."""

    def end(self) -> None:
        """Let the next one have its turn. Ending what was not taken is harmless."""

    def close(self) -> None:
        """End our turn for good."""


class NoTurns:
    """For a store that nobody else can write to."""

    def take(self) -> bool:
        """There is nobody to wait for."""
        return False

    def end(self) -> None:
        """There is nobody who waits."""

    def close(self) -> None:
        """There is nothing to close."""


class Patience:
    """How long to wait for a turn: not at all, soon after a wait that was in vain."""

    def __init__(self) -> None:
        self._none_until = 0.0

    def seconds(self) -> float:
        return 0.0 if monotonic() < self._none_until else _LONGEST_WAIT_S

    def in_vain(self) -> None:
        """Somebody holds their turn for long: stopped, or on a machine that is gone."""
        self._none_until = monotonic() + _IN_VAIN_FOR_S


class FileTurns:
    """A lock on a file beside a SQLite store: the system gives it back, however a process ends."""

    def __init__(self, store: str) -> None:
        self._path = f"{store}.turn"
        self._descriptor: int | None = None
        self._patience = Patience()

    def take(self) -> bool:
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
            except OSError:
                return False  # Another user's file: we go without turns.
        crowded, until = False, monotonic() + self._patience.seconds()
        while not self._locked(self._descriptor):
            crowded = True
            if monotonic() >= until:
                self._patience.in_vain()
                break
            sleep(_LOOK_AGAIN_S)
        return crowded

    @staticmethod
    def _locked(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def end(self) -> None:
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class PostgresTurns:
    """An advisory lock: the server gives it back when the connection ends."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._connection: psycopg.Connection | None = None
        self._patience = Patience()

    def take(self) -> bool:
        """Raises eventsourcing's OperationalError where the server is away."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._environment)
        try:
            taken = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
            if taken == (True,):
                return False
            if wait := self._patience.seconds():
                self._connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{wait}s",))
                self._connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        except psycopg.errors.LockNotAvailable:
            self._patience.in_vain()
        except psycopg.OperationalError as error:
            self._connection.close()
            raise OperationalError(str(error)) from error
        return True

    def end(self) -> None:
        """A connection that broke gave its turn back."""
        if self._connection is None or self._connection.closed:
            return
        try:
            self._connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
        except psycopg.OperationalError:
            self._connection.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def turns_of(environment: Mapping[str, str]) -> Turns:
    """The turns of the store that the library's settings name."""
    if "POSTGRES_DBNAME" in environment:
        return PostgresTurns(environment)
    if "SQLITE_DBNAME" in environment:
        return FileTurns(environment["SQLITE_DBNAME"])
    return NoTurns()
