"""Aggregates that are changed together, and saved in one transaction."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, TypeVar, cast
from uuid import UUID

from app.aggregates.base import Key, RememberingAggregate
from app.aggregates.source import Source

if TYPE_CHECKING:
    from app.event_store.application import Servicing

A = TypeVar("A", bound=RememberingAggregate)


class UnitOfWork:
    """Aggregates changed together: saved in one transaction, or not at all."""

    def __init__(self, servicing: "Servicing") -> None:
        self._servicing = servicing
        self._obtained: dict[Key, RememberingAggregate] = {}
        self._expected: dict[Key, RememberingAggregate | None] = {}
        self.links_seen: dict[UUID, int] = {}
        """How many links some owners had when somebody decided by them: with more, nothing is saved."""
        self.touched: list[Key] = []
        """What was obtained since somebody last cleared this."""

    def expect(self, keys: Collection[Key]) -> None:
        """Read in one query what will be obtained: only a matter of speed."""
        self._expected = self._servicing.load_many(keys)

    def obtain(self, kind: type[A], business_id: str, source: Source) -> A:
        """The aggregate for an upstream identifier, registered if never heard of before."""
        key = (kind, business_id)
        self.touched.append(key)
        if (obtained := self._obtained.get(key)) is not None:
            return cast("A", obtained)
        if key in self._expected:
            aggregate = cast("A | None", self._expected[key])
        else:
            aggregate = self._servicing.load(kind, business_id)
        self._obtained[key] = aggregate = aggregate or kind.register(business_id, source)
        return aggregate

    def commit(self) -> int | None:
        """Save all. Returns the position of the last event, or None if nothing was new.

        Raises eventsourcing's RecordConflictError where another process saved one of them first,
        and one of EVENT_STORE_ERRORS where the store failed. The unit is empty afterwards in any case.
        """
        try:
            position = self._servicing.store(self._obtained.values(), self.links_seen)
        except BaseException:
            self.discard()
            raise
        self._clear()
        return position

    def drop(self, keys: Iterable[Key]) -> None:
        """Forget some of what was obtained, with whatever was done to it."""
        for key in keys:
            self._expected.pop(key, None)
            if (aggregate := self._obtained.pop(key, None)) is not None:
                self._servicing.forget(aggregate)

    def discard(self) -> None:
        """Forget all that was obtained, with whatever was done to it."""
        for aggregate in self._obtained.values():
            self._servicing.forget(aggregate)
        self._clear()

    def _clear(self) -> None:
        self._obtained.clear()
        self._expected = {}
        self.links_seen = {}
        self.touched.clear()
