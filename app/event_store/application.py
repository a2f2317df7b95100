"""Loads aggregates from the event store and saves them: many in one transaction."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

from eventsourcing.persistence import Mapper, RecordConflictError, Transcoder

from app.aggregates.base import Key, RememberingAggregate
from app.aggregates.ledger_command import LedgerCommand
from app.aggregates.loan_account.account import LoanAccount
from app.aggregates.write_off_request import WriteOffRequest
from app.event_store.aggregate_cache import AggregateCache
from app.event_store.errors import UnfinishedCopyError
from app.event_store.opening import opening
from app.event_store.reader import StoredEvents
from app.event_store.recorders import BatchRecorder
from app.event_store.transcoder import CompactMapper, EventTranscoder
from app.event_store.unit_of_work import UnitOfWork
from app.event_store.url import event_store_environment
from app.event_store.writer_lock import turns_of
from app.privacy.master_keys import MasterKeys
from app.privacy.seal_stored import emptied_events
from app.privacy.sealed_store import Prepared, Privacy, erasure_of

NO_MASTER_KEYS = MasterKeys()
NO_LINKS: Mapping[UUID, int] = MappingProxyType({})
A = TypeVar("A", bound=RememberingAggregate)
T = TypeVar("T")
_CONFLICTS_IN_A_ROW = 20
_TOO_FAR = 5_000
"""Events stored by others, beyond which it is better to forget what is cached."""


class Servicing(StoredEvents):
    """The event store, and a bounded cache of aggregates in front of it."""

    name = "servicing"

    def __init__(
        self, env: dict[str, str] | None = None, *, cache: int = 0, masters: MasterKeys = NO_MASTER_KEYS
    ) -> None:
        """Raises MasterKeyError where the store's data keys are wrapped by none of these master keys."""
        super().__init__(env)
        try:
            self.privacy = Privacy(self, masters)
        except BaseException:
            super().close()
            raise
        cast("CompactMapper", self.mapper).keys = self.privacy.keys
        self._cache = AggregateCache(cache)
        self._turns = turns_of(env or {})
        self._seen = 0
        """The position up to which cached aggregates have followed what others stored."""

    @classmethod
    def from_url(
        cls, event_store_url: str, cache: int = 0, masters: MasterKeys = NO_MASTER_KEYS
    ) -> "Servicing":
        """Open the store at ``sqlite:///path`` or ``postgresql://user:password@host:port/name``.

        ``cache`` is the number of aggregates kept in memory. Raises EventStoreUrlError for another scheme,
        UnfinishedCopyError for a store that is not whole yet, and MasterKeyError where its data keys are
        wrapped by none of these master keys.
        """
        environment = event_store_environment(event_store_url)
        with opening(environment):
            servicing = cls(environment, cache=cache, masters=masters)
            servicing.privacy.tables.create()
            try:
                servicing.refuse_unfinished_copy()
            except UnfinishedCopyError:
                servicing.close()
                raise
            return servicing

    @classmethod
    def in_memory(cls) -> "Servicing":
        """A store that ends with the process: for tests of rules, never for anything that must last."""
        return cls({"PERSISTENCE_MODULE": "eventsourcing.popo"}, cache=1_000)

    def refuse_unfinished_copy(self) -> None:
        """Raise UnfinishedCopyError for a store that is being copied from another one, and not whole yet."""
        if self.privacy.tables.is_unfinished_copy():
            raise UnfinishedCopyError

    def construct_transcoder(self) -> Transcoder:
        return EventTranscoder()

    def construct_mapper(self) -> Mapper[UUID]:
        return CompactMapper(
            self.construct_transcoder(), compressor=self.factory.compressor(), cipher=self.factory.cipher()
        )

    def close(self) -> None:
        self._turns.close()
        self.privacy.close()
        super().close()

    def unit_of_work(self) -> UnitOfWork:
        """A set of aggregates that are saved together."""
        return UnitOfWork(self)

    def change(self, what: Callable[[UnitOfWork], T]) -> tuple[T, int | None]:
        """Do something to aggregates and save them, anew where somebody else saved one of them first.

        Returns what it returned, and the position of the last event, or None if nothing was new.
        Raises one of EVENT_STORE_ERRORS. For a store that caches nothing, which threads may share.
        """
        for tries_left in reversed(range(_CONFLICTS_IN_A_ROW)):
            unit = self.unit_of_work()
            answer = what(unit)
            try:
                return answer, unit.commit()
            except RecordConflictError:
                if not tries_left:
                    raise
        raise AssertionError("unreachable")

    def take_turn(self) -> bool:
        """Let nobody else apply messages until :meth:`end_turn`, and learn what others have stored.

        Whether there are others: that wanted their turn at the same time.
        """
        crowded = self._turns.take()
        try:
            self.catch_up()
        except BaseException:
            self._turns.end()
            raise
        return crowded

    def end_turn(self) -> None:
        """Let the next process have its turn."""
        self._turns.end()

    def catch_up(self) -> None:
        """Bring the cached aggregates up to what others have stored since we last looked."""
        newest = self.max_position()
        if newest == self._seen:
            return
        if newest - self._seen > _TOO_FAR or not self._cache:
            self._cache.clear()
        else:
            for row in self.rows(self._seen, newest):
                self._cache.follow(row, cast("CompactMapper", self.mapper))
        self._seen = newest

    def load(self, kind: type[A], business_id: str) -> A | None:
        """The aggregate as stored, or None if it was never heard of."""
        if (known := self._cache.get((kind, business_id))) is not None:
            return cast("A", known)
        aggregate: A | None = None
        self.privacy.keys.at_hand([kind.id_of(business_id)])
        for event in self.events.get(kind.id_of(business_id)):
            aggregate = event.mutate(aggregate)  # type: ignore[attr-defined]
        return aggregate

    def load_many(self, keys: Collection[Key]) -> dict[Key, RememberingAggregate | None]:
        """The aggregates by kind and upstream identifier, in one query; None for those never heard of."""
        loaded = {key: self._cache.get(key) for key in keys}
        missing = [key for key, aggregate in loaded.items() if aggregate is None]
        if not missing:
            return loaded
        if not isinstance(self.recorder, BatchRecorder):
            return loaded | {(kind, name): self.load(kind, name) for kind, name in missing}
        key_of = {kind.id_of(name): (kind, name) for kind, name in missing}
        self.privacy.keys.at_hand(key_of)
        for stored in self.recorder.select_events_of(list(key_of)):
            key = key_of[cast("UUID", stored.originator_id)]
            if key not in loaded:
                continue
            try:
                event: Any = self.mapper.to_domain_event(stored)
                loaded[key] = event.mutate(loaded[key])
            except Exception:  # noqa: BLE001 - of a newer release, say
                del loaded[key]  # Whoever needs it loads it alone, and is told.
        return loaded

    def store(
        self, aggregates: Iterable[RememberingAggregate], links_seen: Mapping[UUID, int] = NO_LINKS
    ) -> int | None:
        """Store the new events of aggregates in one transaction, and keep these in the cache.

        Returns the position of the last event, or None if there was none. It does what the library's
        ``save`` does for aggregates without snapshots, and makes no record of each event on the way.
        ``links_seen``: how many links some owners must still have.
        """
        aggregates = list(aggregates)
        positions = None
        if news := [each for each in aggregates if each.pending_events]:
            positions = self._insert(news, links_seen)
        for aggregate in aggregates:
            aggregate.pending_events.clear()
            self._cache.keep(aggregate)
        if not positions:
            return None
        if positions[0] == self._seen + 1:  # Nobody else stored anything in between.
            self._seen = positions[-1]
        return positions[-1]

    def _insert(
        self, aggregates: list[RememberingAggregate], links_seen: Mapping[UUID, int]
    ) -> Sequence[int] | None:
        prepared = self.privacy.prepare(aggregates)
        if (found := self._of_erased_accounts(aggregates, prepared)).links_seen:
            aggregates = [*aggregates, *found.aggregates]
            prepared = self.privacy.prepare(aggregates)
        beside = prepared.beside
        beside.links_seen |= {**found.links_seen, **links_seen}
        beside.replaced += emptied_events(self, [each for each, _ in beside.destroyed])
        mapper = cast("CompactMapper", self.mapper)
        stored = [
            mapper.seal(event, prepared.ciphers, is_erased=aggregate.erased is not None)
            for aggregate in aggregates
            for event in aggregate.pending_events
        ]
        if isinstance(self.recorder, BatchRecorder):
            positions = self.recorder.insert_events(stored, beside=self.privacy.write(beside))
        else:
            positions = self.privacy.in_memory(beside, lambda: self.recorder.insert_events(stored))
        self.privacy.stored(prepared)
        return positions

    def _of_erased_accounts(self, aggregates: list[RememberingAggregate], prepared: Prepared) -> "_Further":
        """What was asked of a loan account that turns out to be of somebody who is erased: erased with it.

        What is not settled is only told of it, so that nobody settles it meanwhile who does not know.
        """
        erased = dict(prepared.beside.destroyed)
        accounts = [each.id for each in aggregates if type(each) is LoanAccount and each.id in erased]
        links = self.privacy.tables.links_of(accounts) if accounts else []
        seen = dict.fromkeys(accounts, 0)
        for link in links:
            seen[link.owner] += 1
        known = {(type(each), each.business_id): each for each in aggregates}
        keys = {(_ASKED_OF_ACCOUNTS[each.kind], each.business_id): erased[each.owner] for each in links}
        further = self.load_many([key for key in keys if key not in known])
        for key, customer_id in keys.items():
            if (aggregate := known.get(key) or further.get(key)) is not None:
                self._cache.forget(aggregate)
                source = erasure_of(customer_id)
                if not aggregate.is_unsettled:
                    aggregate.erase(source, erased_with=customer_id)
                elif source.message_id not in aggregate.absorbed:
                    aggregate.record(aggregate.NothingNewReported, source)
        return _Further([each for each in further.values() if each is not None], seen)

    def forget(self, aggregate: RememberingAggregate) -> None:
        """Drop an aggregate from the cache: its state may not be what is stored."""
        self._cache.forget(aggregate)


class _Further(NamedTuple):
    aggregates: list[RememberingAggregate]
    links_seen: dict[UUID, int]


_ASKED_OF_ACCOUNTS: dict[str, type[RememberingAggregate]] = {
    kind.__name__: kind for kind in (WriteOffRequest, LedgerCommand)
}
