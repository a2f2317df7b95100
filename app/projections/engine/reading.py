"""Reads events in order of their positions, and skips none of an unknown type."""

from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from eventsourcing.utils import get_topic

from app.aggregates import AGGREGATES
from app.aggregates.base import Aggregate, Key
from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.event_store.recorder import PAGE_BYTES, Recorded
from app.projections.engine.faults import Cause, ProjectionFault
from app.runtime.observability.logging import where

_SCANNED_PER_EVENT = 25
"""How many stored events are scanned at most for one that is wanted."""

GONE = "[erased]"
"""Replaces an erased text in a field that is always present."""


def event_classes(kind: type[Aggregate]) -> list[type[Aggregate.Event]]:
    """The domain event classes of an aggregate class."""
    return [
        member
        for name in dir(kind)
        if isinstance(member := getattr(kind, name), type)
        and issubclass(member, Aggregate.Event)
        and not name.endswith("Event")
    ]


class Envelope(NamedTuple):
    """An event, its position, and how many bytes it takes in the store."""

    position: int
    event: Any
    size: int


class Page(NamedTuple):
    """Events, and the position up to which the store was scanned."""

    events: list[Envelope]
    reached: int


class EventReader:
    """Reads the events of some topics. ``who`` reads them, for the error messages."""

    def __init__(self, servicing: Servicing, topics: Iterable[str], who: str) -> None:
        self.servicing = servicing
        self._topics = frozenset(topics)
        self._others = sorted(known_topics() - self._topics)
        self._who = who
        self._kinds: frozenset[str] = frozenset()
        self._chosen: Callable[[UUID], bool] = lambda _id: True

    def choose(self, kinds: Iterable[type[Aggregate]], chosen: Callable[[UUID], bool]) -> None:
        """Of these kinds of aggregates, read only those whose id is ``chosen``."""
        self._kinds = frozenset(get_topic(each) for kind in kinds for each in event_classes(kind))
        self._chosen = chosen

    def page(self, after: int, up_to: int, most: int) -> Page:
        """The next events, at most so many, or PAGE_BYTES of them.

        Raises ProjectionFault and one of EVENT_STORE_ERRORS.
        """
        # The store itself skips the known topics that are not wanted, but not all of them in one go.
        up_to = min(up_to, after + most * _SCANNED_PER_EVENT)
        rows = self.servicing.page(after, up_to, most, self._others)
        # A full page ends at its last event, any other where it was to end.
        is_full = len(rows) == most or sum(len(row.state) for row in rows) >= PAGE_BYTES
        return Page(self._envelopes(rows), rows[-1].position if is_full else up_to)

    def of(self, keys: Collection[Key]) -> list[Envelope]:
        """All events of some aggregates, in order of their positions. Raises as :meth:`page`."""
        return self._envelopes(self.servicing.recorded_of(keys))

    def history(self, key: Key, after: int, most: int) -> list[Envelope]:
        """The next events of an aggregate after a version, at most so many, or PAGE_BYTES of them.

        Raises as :meth:`page`.
        """
        return self._envelopes(self.servicing.history_page(key, after, most))

    def _envelopes(self, rows: list[Recorded]) -> list[Envelope]:
        wanted, known = self._topics, known_topics()
        self.servicing.preload_keys(rows)
        events = []
        for row in rows:
            if row.topic in wanted:
                if row.topic in self._kinds and not self._chosen(row.originator_id):
                    continue
                events.append(Envelope(row.position, self._read(row), len(row.state)))
            elif row.topic not in known:
                name = row.topic.rpartition(":")[2]
                msg = (
                    f"{self._who} does not know the event type {name} at position {row.position}: "
                    "was it stored by a newer release?"
                )
                raise ProjectionFault(msg, Cause.EVENT_TYPE_UNKNOWN, row.position, name)
        return events

    def _read(self, row: Recorded) -> Any:
        try:
            return self.servicing.mapper.to_domain_event(row)
        except EVENT_STORE_ERRORS:
            raise  # The keys could not be read: the event is not at fault.
        except Exception as error:
            name = row.topic.rpartition(":")[2]
            msg = f"{self._who} cannot read {name} at position {row.position}: {where(error)}"
            raise ProjectionFault(msg, Cause.EVENT_UNREADABLE, row.position, name) from error


@cache
def known_topics() -> frozenset[str]:
    """The topics of all domain events of this release, read by any projection or not."""
    return frozenset(get_topic(event_class) for kind in AGGREGATES for event_class in event_classes(kind))
