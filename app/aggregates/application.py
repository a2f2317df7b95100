"""Loads aggregates from the event store and saves them: many in one transaction."""

from collections import OrderedDict
from typing import TypeVar, cast
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import Mapper, Transcoder

from app.aggregates.event_store import event_store_environment, opening
from app.aggregates.remembering import RememberingAggregate
from app.aggregates.source import Source
from app.aggregates.transcoder import CompactMapper, EventTranscoder

A = TypeVar("A", bound=RememberingAggregate)


class Servicing(Application[UUID]):
    """The event store, and a bounded cache of aggregates in front of it."""

    name = "servicing"

    def __init__(self, env: dict[str, str] | None = None, *, cache: int = 0) -> None:
        super().__init__(env)
        self._cache: OrderedDict[UUID, RememberingAggregate] = OrderedDict()
        self._cache_size = cache

    @classmethod
    def from_url(cls, event_store_url: str, cache: int = 0) -> "Servicing":
        """Open the store at ``sqlite:///path`` or ``postgresql://user:password@host:port/name``.

        ``cache`` is the number of aggregates kept in memory. Raises EventStoreUrlError for another scheme.
        """
        environment = event_store_environment(event_store_url)
        with opening(environment):
            return cls(environment, cache=cache)

    @classmethod
    def in_memory(cls) -> "Servicing":
        """A store that ends with the process: for tests of rules, never for anything that must last."""
        return cls({"PERSISTENCE_MODULE": "eventsourcing.popo"}, cache=1_000)

    def construct_transcoder(self) -> Transcoder:
        return EventTranscoder()

    def construct_mapper(self) -> Mapper[UUID]:
        return CompactMapper(
            self.construct_transcoder(), compressor=self.factory.compressor(), cipher=self.factory.cipher()
        )

    def unit_of_work(self) -> "UnitOfWork":
        """A set of aggregates that are saved together."""
        return UnitOfWork(self)

    def max_position(self) -> int:
        """The position of the newest stored event; 0 where there is none."""
        return self.recorder.max_notification_id() or 0

    def load(self, kind: type[A], business_id: str) -> A | None:
        """The aggregate as stored, or None if it was never heard of."""
        aggregate_id = kind.id_of(business_id)
        if (known := self._cache.get(aggregate_id)) is not None:
            return cast("A", known)
        aggregate: A | None = None
        for event in self.events.get(aggregate_id):
            aggregate = event.mutate(aggregate)  # type: ignore[attr-defined]
        return aggregate

    def keep(self, aggregate: RememberingAggregate) -> None:
        """Cache a saved aggregate, and drop the ones used longest ago."""
        self._cache[aggregate.id] = aggregate
        self._cache.move_to_end(aggregate.id)
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)

    def forget(self, aggregate: RememberingAggregate) -> None:
        """Drop an aggregate from the cache: its state may not be what is stored."""
        self._cache.pop(aggregate.id, None)


class UnitOfWork:
    """Aggregates changed together: saved in one transaction, or not at all."""

    def __init__(self, servicing: Servicing) -> None:
        self._servicing = servicing
        self._obtained: dict[UUID, RememberingAggregate] = {}

    def obtain(self, kind: type[A], business_id: str, source: Source) -> A:
        """The aggregate for an upstream identifier, registered if never heard of before."""
        aggregate_id = kind.id_of(business_id)
        if (obtained := self._obtained.get(aggregate_id)) is not None:
            return cast("A", obtained)
        aggregate = self._servicing.load(kind, business_id) or kind.register(business_id, source)
        self._obtained[aggregate_id] = aggregate
        return aggregate

    def commit(self) -> int | None:
        """Save all. Returns the position of the last event, or None if nothing was new.

        Raises eventsourcing's RecordConflictError where another process saved one of them first,
        and one of EVENT_STORE_ERRORS where the store failed. The unit is empty afterwards in any case.
        """
        try:
            recordings = self._servicing.save(*self._obtained.values())
        except BaseException:
            self.discard()
            raise
        for aggregate in self._obtained.values():
            self._servicing.keep(aggregate)
        self._obtained.clear()
        return recordings[-1].notification.id if recordings else None

    def discard(self) -> None:
        """Forget all that was obtained, with whatever was done to it."""
        for aggregate in self._obtained.values():
            self._servicing.forget(aggregate)
        self._obtained.clear()
