"""The servers that an operator's questions go to: asked briefly, so that one that is away is soon known."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic
from types import MappingProxyType
from typing import Any

from eventsourcing.persistence import OperationalError, PersistenceError
from pymongo import MongoClient
from pymongo.database import Database

from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.event_store.url import event_store_environment
from app.ingestion.dead_letters.store import DeadLetterStore
from app.ingestion.messages.parsers import NO_PARSERS, Parsers
from app.privacy.master_keys import MasterKeyError, MasterKeys
from app.runtime.servers.clients import mongo_options, redis_client
from app.runtime.settings.settings import Settings

_WITHIN_S = 2
_CACHE = 1_000
_FAILED_FOR_S = 1.0
_PATIENT = {"SQLITE_LOCK_TIMEOUT": "10", "POSTGRES_LOCK_TIMEOUT": "10"}
"""Whoever writes waits for an ingest process that is at it."""


class Servers:
    """Clients of Redis, MongoDB and the event store; any number of threads may use them.

    Nothing is connected before the first question, and the event store is never created by asking.
    """

    def __init__(self, settings: Settings, parsers: Parsers = NO_PARSERS) -> None:
        """``parsers``: those of installed packages, for whoever replays dead letters."""
        self.settings = settings
        self.parsers = parsers
        self.redis = redis_client(settings, socket_timeout=_WITHIN_S, socket_connect_timeout=_WITHIN_S)
        self._mongo: MongoClient[dict[str, Any]] = MongoClient(
            settings.mongo_url,
            serverSelectionTimeoutMS=_WITHIN_S * 1_000,
            timeoutMS=_WITHIN_S * 1_000,
            **mongo_options(settings),
        )
        self._to_read = _Store(settings)
        self._for_commands = _Store(settings, _PATIENT, fails_for_s=_FAILED_FOR_S)

    @property
    def database(self) -> Database[dict[str, Any]]:
        """The database of the read models."""
        return self._mongo[self.settings.mongo_db]

    def dead_letters(self) -> DeadLetterStore:
        """The entries that were set aside."""
        return DeadLetterStore(self.redis, self.settings, self.parsers)

    def event_store(self) -> Servicing:
        """The event store, to be read only. Raises one of EVENT_STORE_ERRORS where it cannot be opened."""
        return self._to_read.opened()

    def event_store_for_commands(self) -> Servicing:
        """The event store for what is asked over the API: it caches nothing, so threads may share it.

        Raises one of EVENT_STORE_ERRORS where it cannot be opened.
        """
        return self._for_commands.opened()

    @contextmanager
    def event_store_to_write(self) -> Iterator[Servicing]:
        """An event store for one thread: it loads and saves aggregates, which threads cannot share."""
        servicing = _existing(self.settings, _PATIENT, _CACHE)
        try:
            yield servicing
        finally:
            servicing.close()

    def check_master_key(self) -> None:
        """Raises MasterKeyError where the event store is there, and its keys are wrapped by another one."""
        try:
            self.event_store()
        except MasterKeyError:
            raise
        except EVENT_STORE_ERRORS:
            return  # It is away, or not made yet: whoever asks it will be told.

    def close(self) -> None:
        """Let go of all."""
        self._to_read.close()
        self._for_commands.close()
        self._mongo.close()
        self.redis.close()


class _Store:
    """An event store that is opened by whoever asks first; many ask at once.

    Not each of them has to wait for a server that hangs: a failure is that of all who waited for it, and
    stands for ``fails_for_s`` more.
    """

    def __init__(
        self,
        settings: Settings,
        changes: Mapping[str, str] = MappingProxyType({}),
        *,
        fails_for_s: float = 0.0,
    ) -> None:
        self._settings, self._changes, self._fails_for_s = settings, changes, fails_for_s
        self._opening = Lock()
        self._servicing: Servicing | None = None
        self._failure: PersistenceError | None = None
        self._failed_at = 0.0

    def opened(self) -> Servicing:
        asked_at = monotonic()
        with self._opening:
            if self._servicing is None:
                if self._failure is not None and asked_at - self._failed_at < self._fails_for_s:
                    raise self._failure.with_traceback(None)
                try:
                    self._servicing = _existing(self._settings, self._changes)
                except PersistenceError as error:
                    self._failure, self._failed_at = error, monotonic()
                    raise
            return self._servicing

    def close(self) -> None:
        if self._servicing is not None:
            self._servicing.close()


def _existing(
    settings: Settings, changes: Mapping[str, str] = MappingProxyType({}), cache: int = 0
) -> Servicing:
    environment = event_store_environment(settings.event_store_url)
    if (name := environment.get("SQLITE_DBNAME")) is not None and not Path(name).exists():
        msg = f"there is no file {name}: `billie ingest` makes it"
        raise OperationalError(msg)
    briefly = {
        "CREATE_TABLE": "no",
        "SQLITE_LOCK_TIMEOUT": str(_WITHIN_S),
        "POSTGRES_CONNECT_TIMEOUT": str(_WITHIN_S),
        "POSTGRES_POOL_SIZE": "1",
        "POSTGRES_MAX_OVERFLOW": "5",
        "POSTGRES_PRE_PING": "yes",
    }
    masters = MasterKeys(*settings.master_keys)
    return Servicing({**environment, **briefly, **changes}, cache=cache, masters=masters)
