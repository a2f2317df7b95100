"""What the event store needs of a database: ``sqlite.py`` and ``postgres.py`` each have all of it."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar, NamedTuple
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder
from eventsourcing.utils import resolve_topic

from app.privacy.key_tables import Database

PAGE_BYTES = 16 * 1024 * 1024
"""A page ends with the event that makes it this large: an event may have some hundred kilobytes."""
COLUMNS = "originator_id, originator_version, topic, state"
LONGEST_WAIT_S, NO_WAIT_FOR_S = 5.0, 30.0
"""Of a writer lock: how long a consumer waits for it, and how long it does not wait again after that."""


class Recorded(NamedTuple):
    """A stored event with its position."""

    position: int
    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes


class Mark(NamedTuple):
    """Identifies the event at a position: another store has another one there."""

    originator_id: UUID
    originator_version: int


class WriterLock:
    """One process's hold on a store: consumers that share it apply and save their batches in turn.

    Batches of a busy stream concern the same aggregates, so of two that are applied at once, one nearly
    always has to start again. Waiting costs less. The lock is a matter of speed only: a consumer that does
    not get it goes ahead, and optimistic concurrency still decides. This one is for a store that nobody else
    can write to.
    """

    no_wait_until = 0.0

    def acquire(self) -> bool:
        """Wait for the lock, LONGEST_WAIT_S at most. Returns whether anybody else held it."""
        return False

    def release(self) -> None:
        """Let the next process have it. Releasing what was not acquired is harmless."""

    def close(self) -> None:
        """Release it for good."""


class BatchRecorder(ApplicationRecorder, Database):
    """The library's recorder, with batches, the writer lock, and tables beside the events.

    ``insert_events`` takes ``beside``: what else to write in the transaction, once nobody else can insert
    events. It is given an Execute.
    """

    position: ClassVar[str]
    """The column of an event's position."""

    @classmethod
    @abstractmethod
    def opening(cls, environment: Mapping[str, str]) -> AbstractContextManager[None]:
        """Let one process at a time open a store: two at once can fail if it is new.

        Raises eventsourcing's OperationalError if the server is away, or the folder cannot be used.
        """

    @classmethod
    @abstractmethod
    def writer_lock(cls, environment: Mapping[str, str]) -> WriterLock:
        """A store's writer lock."""

    @abstractmethod
    def select(self, where: str, values: Sequence[object], order: str, most: int | None) -> list[Recorded]:
        """The events that a condition with ``?`` for values holds for; an aggregate's id is a UUID.

        ``most`` of them, in their order by a column, and PAGE_BYTES are enough; or, with None, all in any.
        """


def recorder_class(environment: Mapping[str, str]) -> type[BatchRecorder]:
    """The recorder that the library's settings name. Only its own database's client is imported."""
    found: type[BatchRecorder] = resolve_topic(environment["APPLICATION_RECORDER_TOPIC"])
    return found
