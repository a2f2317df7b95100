"""Aggregates that are changed together, and saved in one transaction."""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol, TypeVar, cast
from uuid import UUID

from app.aggregates.base import Aggregate, Key, Source

A = TypeVar("A", bound=Aggregate)


class Repository(Protocol):
    """What a unit of work needs of the event store."""

    def load(self, kind: type[A], business_id: str) -> A | None: ...

    def load_many(self, keys: Collection[Key]) -> dict[Key, Aggregate | None]: ...

    def store(self, aggregates: Iterable[Aggregate], known_links: Mapping[UUID, int]) -> int | None: ...

    def forget(self, aggregate: Aggregate) -> None: ...


class UnitOfWork:
    """Aggregates changed together: saved in one transaction, or not at all."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._obtained: dict[Key, Aggregate] = {}
        self._expected: dict[Key, Aggregate | None] = {}
        self.known_links: dict[UUID, int] = {}
        """How many links some owners had when a decision was based on them: with more, nothing is saved."""

    def expect(self, keys: Collection[Key]) -> None:
        """Load in one query what will be obtained."""
        self._expected |= self._repository.load_many(keys)

    def obtain(self, kind: type[A], business_id: str, source: Source) -> A:
        """The aggregate for an upstream identifier, registered if it is unknown."""
        key = (kind, business_id)
        if (obtained := self._obtained.get(key)) is not None:
            return cast("A", obtained)
        if key in self._expected:
            aggregate = cast("A | None", self._expected[key])
        else:
            aggregate = self._repository.load(kind, business_id)
        self._obtained[key] = aggregate = aggregate or kind.register(business_id, source)
        return aggregate

    def commit(self) -> int | None:
        """Save all. Returns the position of the last event, or None if nothing was new.

        Raises RecordConflictError if somebody else saved one of them first, and another one of
        EVENT_STORE_ERRORS if the store failed. Nothing is obtained afterwards in any case.
        """
        try:
            position = self._repository.store(self._obtained.values(), self.known_links)
        except BaseException:
            self.discard()
            raise
        self._finish()
        return position

    def drop(self) -> None:
        """Undo what was done to the aggregates that were obtained."""
        for aggregate in self._obtained.values():
            self._repository.forget(aggregate)
        self._finish()

    def discard(self) -> None:
        """Undo all, and forget what was expected."""
        self.drop()
        self._expected = {}

    def _finish(self) -> None:
        for key in self._obtained:
            self._expected.pop(key, None)
        self._obtained.clear()
        self.known_links = {}
