"""The event store of this system, as roles, routes and commands open it."""

from collections.abc import Callable
from typing import TypeVar
from uuid import uuid4

from eventsourcing.persistence import RecordConflictError

from app.event_store.opening import opening
from app.event_store.repository import Repository
from app.event_store.unit_of_work import UnitOfWork
from app.event_store.url import event_store_environment, sqlite_environment
from app.event_store.writer_lock import writer_lock_of
from app.privacy.master_keys import MasterKeys
from app.runtime.settings.settings import Settings

T = TypeVar("T")
_NO_MASTER_KEYS = MasterKeys()
_ATTEMPTS = 20


class Servicing(Repository):
    """Loads and saves aggregates, reads their events, and lets one process at a time apply messages."""

    def __init__(self, env: dict[str, str], *, cache: int = 0, masters: MasterKeys = _NO_MASTER_KEYS) -> None:
        """Raises MasterKeyError if other master keys wrap the store's data keys."""
        super().__init__(env, masters, cache)
        self._writer_lock = writer_lock_of(env)

    @classmethod
    def from_url(
        cls, event_store_url: str, cache: int = 0, masters: MasterKeys = _NO_MASTER_KEYS
    ) -> "Servicing":
        """Open the store at ``sqlite:///path`` or ``postgresql://user:password@host:port/name``.

        ``cache`` is the number of aggregates kept in memory. Raises EventStoreUrlError for another scheme,
        and MasterKeyError if other master keys wrap the store's data keys.
        """
        environment = event_store_environment(event_store_url)
        with opening(environment):
            return cls(environment, cache=cache, masters=masters)

    @classmethod
    def of(cls, settings: Settings, cache: int = 0) -> "Servicing":
        """Open the store of the settings; see :meth:`from_url`."""
        return cls.from_url(settings.event_store_url, cache, MasterKeys(*settings.master_keys))

    @classmethod
    def in_memory(cls, cache: int = 1_000) -> "Servicing":
        """A store that ends with the process, for tests of rules."""
        return cls(sqlite_environment(f"file:{uuid4().hex}?mode=memory&cache=shared"), cache=cache)

    def close(self) -> None:
        self._writer_lock.close()
        super().close()

    def unit_of_work(self) -> UnitOfWork:
        """A set of aggregates that are saved together."""
        return UnitOfWork(self)

    def change(self, what: Callable[[UnitOfWork], T]) -> tuple[T, int | None]:
        """Change aggregates and save them; again if somebody else saved one of them first.

        Returns what ``what`` returned, and the position of the last event, or None if nothing was new.
        Raises one of EVENT_STORE_ERRORS. For a store that caches nothing, which threads may share.
        """
        for attempts_left in reversed(range(_ATTEMPTS)):
            unit = self.unit_of_work()
            answer = what(unit)
            try:
                return answer, unit.commit()
            except RecordConflictError:
                if not attempts_left:
                    raise
        raise AssertionError("unreachable")

    def acquire_writer_lock(self) -> bool:
        """Let nobody else apply messages until it is released, and learn what others have stored.

        Returns whether anybody else held it.
        """
        contended = self._writer_lock.acquire()
        try:
            self.catch_up()
        except BaseException:
            self._writer_lock.release()
            raise
        return contended

    def release_writer_lock(self) -> None:
        """Let the next process apply messages."""
        self._writer_lock.release()
