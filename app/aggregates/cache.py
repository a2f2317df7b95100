"""The aggregates that a process keeps in memory: a bounded number, and as new as the store."""

from collections import OrderedDict
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Mapper, Notification

from app.aggregates.remembering import RememberingAggregate

Key = tuple[type[RememberingAggregate], str]
"""A kind of aggregate, and upstream's identifier of one."""


class AggregateCache:
    """The aggregates that were saved last, by kind and upstream identifier."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._aggregates: OrderedDict[Key, RememberingAggregate] = OrderedDict()
        self._keys: dict[UUID, Key] = {}

    def __len__(self) -> int:
        return len(self._aggregates)

    def get(self, key: Key) -> RememberingAggregate | None:
        """The aggregate, if it is at hand."""
        return self._aggregates.get(key)

    def keep(self, aggregate: RememberingAggregate) -> None:
        """Take in a saved aggregate, and drop the ones saved longest ago."""
        key = (type(aggregate), aggregate.business_id)
        self._aggregates[key] = aggregate
        self._keys[aggregate.id] = key
        self._aggregates.move_to_end(key)
        while len(self._aggregates) > self._size:
            _, dropped = self._aggregates.popitem(last=False)
            del self._keys[dropped.id]

    def forget(self, aggregate: RememberingAggregate) -> None:
        """Drop an aggregate: its state may not be what is stored."""
        if (key := self._keys.pop(aggregate.id, None)) is not None:
            del self._aggregates[key]

    def clear(self) -> None:
        """Drop all."""
        self._aggregates.clear()
        self._keys.clear()

    def follow(self, stored: Notification, mapper: Mapper[UUID]) -> None:
        """Apply an event that another process stored to its aggregate, if that is here."""
        if (key := self._keys.get(stored.originator_id)) is None:  # type: ignore[arg-type]
            return
        aggregate = self._aggregates[key]
        if stored.originator_version == aggregate.version + 1:
            try:
                event: Any = mapper.to_domain_event(stored)
                event.mutate(aggregate)
            except Exception:  # noqa: BLE001 - of a newer release, say: who needs the aggregate is told then
                self.forget(aggregate)
        elif stored.originator_version > aggregate.version:
            self.forget(aggregate)
