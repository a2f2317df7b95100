"""The event store: aggregates loaded and saved, many in one transaction, and events read."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar, cast
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.persistence import Mapper, RecordConflictError, Transcoder
from eventsourcing.utils import strtobool

from app.aggregates.base import Aggregate, Key
from app.event_store.aggregate_cache import AggregateCache
from app.event_store.recorder import BatchRecorder, Mark, Recorded, recorder_class
from app.event_store.transcoder import EventTranscoder, SealingMapper
from app.event_store.unit_of_work import UnitOfWork
from app.event_store.url import event_store_environment, sqlite_environment
from app.privacy.master_keys import MasterKeys
from app.privacy.privacy import Privacy
from app.privacy.sealing import MARK
from app.runtime.settings.settings import Settings

A = TypeVar("A", bound=Aggregate)
T = TypeVar("T")
_NO_LINKS: Mapping[UUID, int] = MappingProxyType({})
_NO_MASTER_KEYS = MasterKeys()
_ATTEMPTS = 20
_IDS_A_QUERY = 500
"""SQLite before 3.32 takes 999 parameters."""
_TOO_FAR_BEHIND = 5_000
"""When others have stored more events than this, it is cheaper to empty the cache."""


class Servicing(Application[UUID]):
    """The event store, with a bounded cache of aggregates; one process at a time applies messages."""

    name = "servicing"
    mapper: SealingMapper

    def __init__(self, env: dict[str, str], *, cache: int = 0, masters: MasterKeys = _NO_MASTER_KEYS) -> None:
        """Raises MasterKeyError if other master keys wrap the store's data keys."""
        super().__init__(env)
        self.batches = cast("BatchRecorder", self.recorder)
        try:
            create = strtobool(self.env.get("CREATE_TABLE") or "yes")
            self.privacy = Privacy(self.batches, masters, create=create)
        except BaseException:
            super().close()
            raise
        self.mapper.keys = self.privacy.keys
        self._cache = AggregateCache(cache)
        self._cached_up_to = 0
        """The position that the cached aggregates are up to date with."""
        self._writer_lock = self.batches.writer_lock(env)

    @classmethod
    def from_url(
        cls, event_store_url: str, cache: int = 0, masters: MasterKeys = _NO_MASTER_KEYS
    ) -> "Servicing":
        """Open the store at ``sqlite:///path`` or ``postgresql://user:password@host:port/name``.

        ``cache`` is the number of aggregates kept in memory. Raises EventStoreUrlError for another scheme,
        and MasterKeyError if other master keys wrap the store's data keys.
        """
        environment = event_store_environment(event_store_url)
        with recorder_class(environment).opening(environment):
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

    def construct_transcoder(self) -> Transcoder:
        return EventTranscoder()

    def construct_mapper(self) -> Mapper[UUID]:
        return SealingMapper(self.construct_transcoder())

    # -- Events

    def max_position(self) -> int:
        """The position of the newest stored event; 0 if there is none."""
        return self.recorder.max_notification_id() or 0

    def mark(self, position: int) -> Mark | None:
        """Identifies the last event up to a position: another store has another one there."""
        column = self.batches.position
        found = self.batches.select(f"{column} <= ?", (position,), f"{column} DESC", 1)
        return Mark(found[0].originator_id, found[0].originator_version) if found else None

    def page(self, after: int, up_to: int, most: int, but: Sequence[str] = ()) -> list[Recorded]:
        """The first ``most`` events after a position, none beyond ``up_to``, or PAGE_BYTES of them.

        Events of the topics ``but`` are passed over.
        """
        position = self.batches.position
        others = f" AND topic NOT IN ({','.join('?' * len(but))})" if but else ""
        where = f"{position} > ? AND {position} <= ?{others}"
        return self.batches.select(where, (after, up_to, *but), position, most)

    def recorded_of(self, keys: Collection[Key]) -> list[Recorded]:
        """All events of some aggregates, in the order of their positions."""
        select, ids = self.batches.select, [kind.id_of(business_id) for kind, business_id in set(keys)]
        found: list[Recorded] = []
        for start in range(0, len(ids), _IDS_A_QUERY):
            page = ids[start : start + _IDS_A_QUERY]
            found += select(f"originator_id IN ({','.join('?' * len(page))})", page, "", None)
        return sorted(found)

    def history_page(self, key: Key, after: int, most: int) -> list[Recorded]:
        """The first ``most`` events of an aggregate after a version, or PAGE_BYTES of them."""
        kind, business_id = key
        values = (kind.id_of(business_id), after)
        return self.batches.select(
            "originator_id = ? AND originator_version > ?", values, "originator_version", most
        )

    def position_of(self, key: Key, version: int) -> int:
        """The position of an event of an aggregate."""
        return self.history_page(key, version - 1, 1)[0].position

    def preload_keys(self, rows: Iterable[Recorded]) -> None:
        """Load in one query the keys that open these events."""
        if sealed := {row.originator_id for row in rows if MARK in row.state}:
            self.privacy.keys.preload(sealed)

    # -- Aggregates

    def load(self, kind: type[A], business_id: str) -> A | None:
        """The aggregate as stored, or None if it is unknown."""
        if (known := self._cache.get((kind, business_id))) is not None:
            return cast("A", known)
        aggregate: A | None = None
        for row in self.recorded_of([(kind, business_id)]):
            aggregate = self.mapper.to_domain_event(row).mutate(aggregate)
        return aggregate

    def load_many(self, keys: Collection[Key]) -> dict[Key, Aggregate | None]:
        """The aggregates in one query; None for unknown ones. Without those that cannot be read."""
        loaded = {key: self._cache.get(key) for key in keys}
        if not (missing := [key for key, aggregate in loaded.items() if aggregate is None]):
            return loaded
        key_of = {kind.id_of(name): (kind, name) for kind, name in missing}
        rows = self.recorded_of(missing)
        self.preload_keys(rows)
        for row in rows:
            if (key := key_of[row.originator_id]) in loaded:
                try:
                    loaded[key] = self.mapper.to_domain_event(row).mutate(loaded[key])
                except Exception:  # noqa: BLE001 - loading it alone raises the error
                    del loaded[key]
        return loaded

    def unit_of_work(self) -> UnitOfWork:
        """A set of aggregates that are saved together."""
        return UnitOfWork(self)

    def change(self, what: Callable[[UnitOfWork], T]) -> tuple[T, int | None]:
        """Change aggregates and save them; again if somebody else saved one of them first.

        Returns what ``what`` returned, and the position of the last event, or None if nothing was new.
        Raises one of EVENT_STORE_ERRORS. For a store that caches nothing, which threads may share.
        """
        attempt = 0
        while True:
            attempt += 1
            unit = self.unit_of_work()
            answer = what(unit)
            try:
                return answer, unit.commit()
            except RecordConflictError:
                if attempt == _ATTEMPTS:
                    raise

    def store(
        self, aggregates: Iterable[Aggregate], known_links: Mapping[UUID, int] = _NO_LINKS
    ) -> int | None:
        """Store the new events of aggregates in one transaction, and cache these.

        Returns the position of the last event, or None if there was none. ``known_links``: how many links
        some owners must still have. Raises RecordConflictError if somebody else saved one of them first.
        """
        aggregates = list(aggregates)
        positions = None
        if changed := [each for each in aggregates if each.pending_events]:
            if known_links or any(each.concerns_privacy for each in changed):
                positions = self._insert_private(changed, known_links)
            else:
                seal = self.mapper.seal
                stored = [seal(event) for each in changed for event in each.pending_events]
                positions = self.recorder.insert_events(stored)
        for aggregate in aggregates:
            aggregate.pending_events.clear()
            self._cache.keep(aggregate)
        if not positions:
            return None
        if positions[0] == self._cached_up_to + 1:  # Nobody else stored anything in between.
            self._cached_up_to = positions[-1]
        return positions[-1]

    def _insert_private(
        self, aggregates: list[Aggregate], known_links: Mapping[UUID, int]
    ) -> Sequence[int] | None:
        """Store events that hold personal data, or decide about it, with their keys, links and erasures."""
        prepared = self.privacy.prepare(aggregates, self.load_many)
        for each in prepared.aggregates[len(aggregates) :]:
            self._cache.forget(each)
        prepared.changes.known_links |= known_links
        stored = [
            self.mapper.seal(event, prepared.ciphers, is_erased=each.erased is not None)
            for each in prepared.aggregates
            for event in each.pending_events
        ]
        try:
            positions = self.recorder.insert_events(
                stored, beside=lambda execute: self.privacy.tables.write(execute, prepared.changes)
            )
        except RecordConflictError:
            self.privacy.keys.refresh()  # Perhaps we had not heard of an erasure.
            raise
        self.privacy.saved(prepared)
        return positions

    def forget(self, aggregate: Aggregate) -> None:
        """Drop an aggregate from the cache: its state may not be what is stored."""
        self._cache.forget(aggregate)

    # -- One process at a time

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

    def catch_up(self) -> None:
        """Bring the cached aggregates up to date with what others have stored."""
        newest = self.max_position()
        if newest - self._cached_up_to > _TOO_FAR_BEHIND or not self._cache:
            self._cache.clear()
            self._cached_up_to = newest
        while self._cached_up_to < newest:
            page = self.page(self._cached_up_to, newest, _TOO_FAR_BEHIND)
            for row in page:
                self._cache.follow(row, self.mapper)
            self._cached_up_to = page[-1].position if page else newest
