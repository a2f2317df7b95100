"""The aggregates that a process keeps in memory: a bounded number, up to date with the store."""

from collections import OrderedDict
from uuid import UUID

from eventsourcing.utils import resolve_topic

from app.aggregates.base import Aggregate, Key, only_absorbs
from app.event_store.recorder import Recorded
from app.event_store.transcoder import SealingMapper

_REMEMBERED_EACH = 50
"""Messages and fields that a cached aggregate may remember, on average. Finished applications come to 22."""


class AggregateCache:
    """The aggregates that were saved last, by kind and upstream identifier.

    Bounded in number, and in what they remember together: an aggregate remembers each of its messages for
    ever, so a few that live long may take as much memory as thousands of others.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._most_remembered = size * _REMEMBERED_EACH
        self._remembered: dict[Key, int] = {}
        self.remembered = 0
        """How many messages and fields the cached aggregates remember together."""
        self._aggregates: OrderedDict[Key, Aggregate] = OrderedDict()
        self._keys: dict[UUID, Key] = {}
        """By the aggregate's id."""

    def __len__(self) -> int:
        return len(self._aggregates)

    def get(self, key: Key) -> Aggregate | None:
        """The aggregate, if it is cached."""
        return self._aggregates.get(key)

    def keep(self, aggregate: Aggregate) -> None:
        """Take in a saved aggregate, and drop the ones saved longest ago.

        The newest stays, however much it remembers: loading it again for each batch would take long.
        """
        if not self._size:
            return
        if aggregate.erased is not None:
            self.forget(aggregate)  # What it knew of the customer goes with it.
            return
        key = (type(aggregate), aggregate.business_id)
        self._aggregates[key] = aggregate
        self._keys[aggregate.id] = key
        self._aggregates.move_to_end(key)
        self._weigh(key, aggregate)
        while len(self) > self._size or (self.remembered > self._most_remembered and len(self) > 1):
            self.forget(next(iter(self._aggregates.values())))

    def forget(self, aggregate: Aggregate) -> None:
        """Drop an aggregate: its state may not be what is stored."""
        if (key := self._keys.pop(aggregate.id, None)) is not None:
            del self._aggregates[key]
            self.remembered -= self._remembered.pop(key)

    def clear(self) -> None:
        """Drop all."""
        self._aggregates.clear()
        self._keys.clear()
        self._remembered.clear()
        self.remembered = 0

    def follow(self, row: Recorded, mapper: SealingMapper) -> None:
        """Apply an event that another process stored to its aggregate, if that is cached."""
        if (key := self._keys.get(row.originator_id)) is None:
            return
        aggregate = self._aggregates[key]
        if row.originator_version == aggregate.version + 1:
            try:
                _evolve(aggregate, row, mapper)
            except Exception:  # noqa: BLE001 - the next load of the aggregate raises it
                self.forget(aggregate)
            else:
                if aggregate.erased is not None:
                    self.forget(aggregate)
                else:
                    self._weigh(key, aggregate)
        elif row.originator_version > aggregate.version:
            self.forget(aggregate)

    def _weigh(self, key: Key, aggregate: Aggregate) -> None:
        remembered = aggregate.remembered
        self.remembered += remembered - self._remembered.get(key, 0)
        self._remembered[key] = remembered


def _evolve(aggregate: Aggregate, row: Recorded, mapper: SealingMapper) -> None:
    if only_absorbs(resolve_topic(row.topic)):
        # Nearly all of a chat: the aggregate needs only that it was said, not what.
        message_id, aggregate.modified_on = mapper.message_of(row.state)
        aggregate.absorbed.add(message_id)
        aggregate.version = row.originator_version
    else:
        mapper.to_domain_event(row).mutate(aggregate)
