"""What an event store raises when it cannot be used."""

import sqlite3

from eventsourcing.persistence import MapperDeserialisationError, OperationalError, PersistenceError
from eventsourcing.utils import TopicError

from app.errors import ConfigurationError

EVENT_STORE_ERRORS = (PersistenceError, sqlite3.Error)
"""What a store that is away, locked or broken raises: some of SQLite's own errors get through the library."""
UNREADABLE_ERRORS = (MapperDeserialisationError, TopicError)
"""What a stored event raises that cannot be read: a newer release stored it, say."""


class EventStoreUrlError(ConfigurationError):
    """BILLIE_EVENT_STORE_URL names no usable store. Says what is accepted, and quotes no password."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"BILLIE_EVENT_STORE_URL {reason}")
        self.reason = reason
        """For a URL that comes from elsewhere."""


class NoEventStoreError(OperationalError):
    """The server answers, and there is no event store: says what creates one."""


class OtherStoreError(PersistenceError):
    """The store lacks an event that this process has stored or read: a standby behind was promoted, say."""

    def __init__(self, position: int) -> None:
        super().__init__(
            f"the event store has lost the event at position {position:,}: was a standby promoted that was "
            "behind, or a backup restored? Promote one that has it, or stop all roles and `billie reconcile`"
        )
