"""The servers behind operators' commands and the API, with short timeouts: an absent one is reported soon."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic
from types import MappingProxyType
from typing import Any

from eventsourcing.persistence import PersistenceError, ProgrammingError
from pymongo import MongoClient
from pymongo.database import Database

from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS, NoEventStoreError
from app.event_store.url import event_store_environment
from app.ingestion.dead_letters.store import DeadLetterStore
from app.ingestion.messages.parsers import NO_PARSERS, Parsers
from app.privacy.master_keys import MasterKeyError, MasterKeys
from app.runtime.servers.clients import mongo_options, redis_client
from app.runtime.settings.settings import Settings

TIMEOUT_S = 2
_CACHE = 1_000
_FAILED_FOR_S = 1.0
_READS: Mapping[str, str] = MappingProxyType({})
_WRITES: Mapping[str, str] = MappingProxyType(
    {"SQLITE_LOCK_TIMEOUT": "10", "POSTGRES_LOCK_TIMEOUT": "10"}  # Wait for a busy `billie ingest`.
)


class Servers:
    """Clients of Redis, MongoDB and the event store, for any number of threads.

    Nothing connects before it is first used, and the event store is never created.
    """

    def __init__(self, settings: Settings, parsers: Parsers = NO_PARSERS) -> None:
        """``parsers`` are those of installed packages, for replays of dead letters."""
        self.settings = settings
        self.parsers = parsers
        self.redis = redis_client(settings, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
        self._mongo: MongoClient[dict[str, Any]] = MongoClient(
            settings.mongo_url,
            connect=False,
            serverSelectionTimeoutMS=TIMEOUT_S * 1_000,
            timeoutMS=TIMEOUT_S * 1_000,
            **mongo_options(settings),
        )
        self._for_reads = _SharedStore(settings, _READS)
        self._for_commands = _SharedStore(settings, _WRITES, fails_for_s=_FAILED_FOR_S)

    @property
    def database(self) -> Database[dict[str, Any]]:
        """The database of the read models."""
        return self._mongo[self.settings.mongo_db]

    def dead_letters(self) -> DeadLetterStore:
        """The dead letters of the inbox stream."""
        return DeadLetterStore(self.redis, self.settings, self.parsers)

    def event_store(self) -> Servicing:
        """The event store, for reads. Raises one of EVENT_STORE_ERRORS if it cannot be opened."""
        return self._for_reads.opened()

    def event_store_for_commands(self) -> Servicing:
        """The event store for commands of the API: it caches nothing, so threads may share it.

        Raises one of EVENT_STORE_ERRORS if it cannot be opened.
        """
        return self._for_commands.opened()

    @contextmanager
    def event_store_to_write(self) -> Iterator[Servicing]:
        """An event store for one thread: it caches aggregates, which threads cannot share."""
        servicing = _open(self.settings, _WRITES, _CACHE)
        try:
            yield servicing
        finally:
            servicing.close()

    def check_master_key(self) -> None:
        """Raises MasterKeyError if the event store exists and its keys are wrapped by another master key."""
        try:
            self.event_store()
        except MasterKeyError:
            raise
        except EVENT_STORE_ERRORS:
            return  # It is away, or not created yet: its first user will see that.

    def close(self) -> None:
        """Close all connections."""
        self._for_reads.close()
        self._for_commands.close()
        self._mongo.close()
        self.redis.close()


class _SharedStore:
    """An event store that its first user opens; others wait for that, and share it.

    A server that hangs must not be waited for by each in turn: a failure is shared by all who waited, and
    is raised again for ``fails_for_s``.
    """

    def __init__(self, settings: Settings, options: Mapping[str, str], *, fails_for_s: float = 0.0) -> None:
        self._settings, self._options, self._fails_for_s = settings, options, fails_for_s
        self._lock = Lock()
        self._servicing: Servicing | None = None
        self._failure: PersistenceError | None = None
        self._failed_at = 0.0

    def opened(self) -> Servicing:
        asked_at = monotonic()
        with self._lock:
            if self._servicing is None:
                if self._failure is not None and asked_at - self._failed_at < self._fails_for_s:
                    raise self._failure.with_traceback(None)
                try:
                    self._servicing = _open(self._settings, self._options)
                except PersistenceError as error:
                    self._failure, self._failed_at = error, monotonic()
                    raise
            return self._servicing

    def close(self) -> None:
        if self._servicing is not None:
            self._servicing.close()


def _open(settings: Settings, options: Mapping[str, str], cache: int = 0) -> Servicing:
    environment = event_store_environment(settings.event_store_url)
    if (name := environment.get("SQLITE_DBNAME")) is not None and not Path(name).exists():
        msg = f"no file {name}: `billie ingest` creates it"
        raise NoEventStoreError(msg)
    defaults = {
        "CREATE_TABLE": "no",
        "SQLITE_LOCK_TIMEOUT": str(TIMEOUT_S),
        "POSTGRES_CONNECT_TIMEOUT": str(TIMEOUT_S),
        "POSTGRES_POOL_SIZE": "1",
        "POSTGRES_MAX_OVERFLOW": "5",
        "POSTGRES_PRE_PING": "yes",
    }
    masters = MasterKeys(*settings.master_keys)
    try:
        return Servicing({**environment, **defaults, **options}, cache=cache, masters=masters)
    except ProgrammingError as error:
        from psycopg.errors import UndefinedTable  # Here: only PostgreSQL raises it.

        if not isinstance(error.__cause__, UndefinedTable):
            raise
        raise NoEventStoreError("no tables in the database: `billie ingest` creates them") from error
