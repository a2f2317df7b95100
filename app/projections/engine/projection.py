"""What a projection is: a collection, and how each event changes one of its documents."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from eventsourcing.utils import get_topic

from app.aggregates.base import Key, RememberingAggregate
from app.projections.engine.values import Document, stamp

Event = RememberingAggregate.Event
Handler = Callable[[Document, Any], None]
Target = tuple[str, Any]
"""The id of a document, and the event to evolve it by."""


class Lookup(Protocol):
    """A private collection of a projection whose documents depend on more than one aggregate.

    Its documents are pure functions of events too; they tell which of the projection's documents
    an event of another aggregate concerns.
    """

    collection: str
    exact: bool
    """Whether :meth:`follow` needs the document just as it was at the event, and not a later form of it."""

    def key(self, event: Any) -> str | None:
        """The id of the lookup document that ``event`` changes or asks, if any."""

    def onward(self, document: Document, event: Any) -> tuple[str, Any] | None:  # noqa: ARG002
        """The id of a further lookup document that ``event`` concerns, and what it means there, if any.

        ``document`` is the one before it, changed by ``event`` already. Not for lookups that are ``exact``.
        """
        return None

    def evolve(self, document: Document, event: Any, position: int) -> None:
        """Change the lookup document by ``event``: a pure function too. One that stays empty is not kept."""

    def members(self, document: Document, event: Any) -> Iterable[str]:
        """The ids of documents that ``event`` may concern: these are loaded together before the fold."""

    def follow(self, document: Document, event: Any, documents: "AtHand") -> Iterable[Target]:
        """What ``event`` means for the projection's documents. ``document`` was changed by it already."""

    def sources(self, identifier: str, events: Iterable[Any]) -> Iterable[Key] | None:
        """The aggregates that the projection's document ``identifier`` is folded from, but for its own.

        ``events`` are those that are known of it so far: asked again, with more of them, until nothing is
        new. None where only a look through the whole store can tell.
        """

    def lookup_sources(self, key: str) -> Iterable[Key]:
        """The aggregates that a lookup document is folded from: asked only where it is ``exact``."""


class AtHand(Protocol):
    """The projection's documents at an event: all of them where it ``carries``, otherwise those of a batch.

    Those are left out that a run before this one has folded beyond the event: what they hold is not yet true.
    """

    position: int
    """That of the event."""

    def get(self, identifier: str) -> Document | None:
        """One of them, as it stands; not to be changed."""

    def ids(self, since: str, before: str | None = None) -> list[str]:
        """Those from an id on, and before another, in order."""

    def last_before(self, identifier: str) -> Document | None:
        """The one that precedes an id, which may be that of none."""


@dataclass
class Projection:
    """A read model: one collection, owned by nobody else.

    ``own`` are the aggregate classes whose events name their document by their ``business_id``;
    ``others`` the further event classes that the lookup follows. ``version`` goes up with a change of
    what the documents hold: until they are rebuilt, the projection counts as outdated. ``carries`` says
    that a document may begin from what another one holds: there must be few of them, as all stay in memory.
    ``finish`` sets fields that follow from the document's others, whenever it is written.
    """

    name: str
    own: tuple[type[RememberingAggregate], ...]
    others: tuple[type[Event], ...] = ()
    lookup: Lookup | None = None
    stamped: bool = True
    begins_with: type[Event] | None = None
    version: int = 1
    carries: bool = False
    finish: Callable[[Document], None] | None = None
    _handlers: dict[type[Any], Handler] = field(default_factory=dict)

    def on(self, *event_classes: type[Any]) -> Callable[[Handler], Handler]:
        """Register the function that changes a document by an event of these classes."""

        def register(handler: Handler) -> Handler:
            for event_class in event_classes:
                self._handlers[event_class] = handler
            return handler

        return register

    def evolve(self, document: Document | None, event: Any) -> Document | None:
        """The document after ``event``: a pure function, but that it may reuse ``document``.

        None stands for no document: before the first event, and, where ``begins_with`` names an
        event class, until one such event.
        """
        if document is None:
            if self.begins_with is not None and type(event) is not self.begins_with:
                return None
            document = {}
        if self.stamped and isinstance(event, RememberingAggregate.Event):
            stamp(document, event.at)
        if (handler := self._handlers.get(type(event))) is not None:
            handler(document, event)
        return document

    def collections(self) -> list[str]:
        """The names of its collections: its lookup's, if it has one, and at the end its own."""
        return [*([self.lookup.collection] if self.lookup else []), self.name]

    def topics(self) -> list[str]:
        """The topics of all events that this projection reads."""
        return [get_topic(event_class) for event_class in self.event_types()]

    def event_types(self) -> list[type[Event]]:
        """The classes of all events that this projection reads."""
        own = [event_class for kind in self.own for event_class in event_classes(kind)]
        return [*own, *self.others]

    def is_own(self, event: Any) -> bool:
        """Whether ``event`` names its document by its ``business_id``."""
        return type(event) not in self.others


def event_classes(kind: type[RememberingAggregate]) -> list[type[Event]]:
    """The domain event classes of an aggregate class."""
    return [
        member
        for name in dir(kind)
        if isinstance(member := getattr(kind, name), type)
        and issubclass(member, RememberingAggregate.Event)
        and not name.endswith("Event")
    ]
