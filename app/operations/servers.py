"""The servers behind operators' commands and the API, with short timeouts: an absent one is reported soon."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

from eventsourcing.persistence import OperationalError, PersistenceError, ProgrammingError
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
"""How long a failure to open the event store is raised again: a server that hangs is waited for once."""


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
        self._lock = Lock()
        self._servicing: Servicing | None = None
        self._failure: PersistenceError | None = None
        self._failed_at = 0.0

    @property
    def database(self) -> Database[dict[str, Any]]:
        return self._mongo[self.settings.mongo_db]

    def dead_letters(self) -> DeadLetterStore:
        return DeadLetterStore(self.redis, self.settings, self.parsers)

    def event_store(self) -> Servicing:
        """The event store, opened by its first user. It caches no aggregates, so threads may share it.

        Raises one of EVENT_STORE_ERRORS if it cannot be opened.
        """
        asked_at = monotonic()
        with self._lock:
            if self._servicing is None:
                if self._failure is not None and asked_at - self._failed_at < _FAILED_FOR_S:
                    raise self._failure.with_traceback(None)
                try:
                    self._servicing = _open(self.settings)
                except NoEventStoreError:
                    raise  # It is known at once, and `billie ingest` may create the store now.
                except PersistenceError as error:
                    self._failure, self._failed_at = error, monotonic()
                    raise
            return self._servicing

    @contextmanager
    def event_store_to_write(self) -> Iterator[Servicing]:
        """An event store for one thread: it caches aggregates, which threads cannot share."""
        with closing(_open(self.settings, _CACHE)) as servicing:
            yield servicing

    def check_master_key(self) -> None:
        """Raises MasterKeyError if the event store exists and its keys are wrapped by another master key."""
        try:
            self.event_store()
        except MasterKeyError:
            raise
        except EVENT_STORE_ERRORS:
            return  # It is away, or not created yet: its first user will see that.

    def close(self) -> None:
        if self._servicing is not None:
            self._servicing.close()
        self._mongo.close()
        self.redis.close()


def _open(settings: Settings, cache: int = 0) -> Servicing:
    environment = event_store_environment(settings.event_store_url)
    if (name := environment.get("SQLITE_DBNAME")) is not None and not Path(name).exists():
        raise NoEventStoreError(f"no file {name}: `billie ingest` creates it")
    defaults = {
        "CREATE_TABLE": "no",
        "SQLITE_LOCK_TIMEOUT": "10",  # Writes wait for a busy `billie ingest`.
        "POSTGRES_LOCK_TIMEOUT": "10",
        "POSTGRES_CONNECT_TIMEOUT": str(TIMEOUT_S),
        "POSTGRES_POOL_SIZE": "1",
        "POSTGRES_MAX_OVERFLOW": "11",
        "POSTGRES_PRE_PING": "yes",
    }
    environment |= defaults
    masters = MasterKeys(*settings.master_keys)
    try:
        return Servicing(environment, cache=cache, masters=masters)
    except OperationalError:
        if name is None:
            from app.event_store.postgres_connections import connect  # Only here is its driver needed.

            connect(environment).close()  # Raises what is wrong: the pool says only that it waited.
        raise
    except ProgrammingError as error:
        from psycopg.errors import UndefinedTable  # Here: only PostgreSQL raises it.

        if not isinstance(error.__cause__, UndefinedTable):
            raise
        raise NoEventStoreError("no tables in the database: `billie ingest` creates them") from error
