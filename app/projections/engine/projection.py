"""What a projection is: one collection, and how each event changes one of its documents."""

from collections.abc import Callable, Iterable
from inspect import get_annotations
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar, get_args

from eventsourcing.utils import get_topic

from app.aggregates.base import Aggregate, Key
from app.projections.engine.values import Document, stamp

Event = Aggregate.Event
Target = tuple[str, Any]
"""The id of a document, and the event to evolve it by."""
P = TypeVar("P", bound="Projection")
E = TypeVar("E")


class Handler(NamedTuple):
    """A method of a projection, and the classes of the events that it handles."""

    event_classes: tuple[type, ...]
    method: Callable[[Any, Document, Any], None]


def on_event(method: Callable[[P, Document, E], None]) -> Handler:
    """Make a method the handler of the event class, or the union of classes, that its last parameter
    names."""
    _, event, *_ = get_annotations(method).values()
    return Handler(get_args(event) or (event,), method)


class Lookup(Protocol):
    """A private collection of a projection whose documents depend on more than one aggregate.

    Its documents are pure functions of events too. They tell which of the projection's documents an event of
    another aggregate concerns.
    """

    collection: str
    events: tuple[type, ...] | None = None
    """The classes of the events that it has a key for; None: it is asked about all."""
    exact: bool
    """Whether :meth:`follow` needs the document exactly as it was at the event, not a later form of it."""

    def key(self, event: Any) -> str | None:
        """The id of the lookup document that ``event`` changes or reads, if any."""

    def onward(self, document: Document, event: Any) -> tuple[str, Any] | None:  # noqa: ARG002
        """The id of a further lookup document that ``event`` concerns, and what it means there, if any.

        ``document`` is the one before it, already changed by ``event``. Not for lookups that are ``exact``.
        """
        return None

    def evolve(self, document: Document, event: Any, position: int) -> None:
        """Change the lookup document by ``event``: a pure function too. An empty document is not stored."""

    def members(self, document: Document, event: Any) -> Iterable[str]:  # noqa: ARG002
        """The ids of documents that ``event`` may concern: they are loaded together before the fold."""
        return ()

    def follow(self, document: Document, event: Any, documents: "AtHand") -> Iterable[Target]:
        """What ``event`` means for the projection's documents. ``document`` already includes it."""

    def sources(self, identifier: str, events: Iterable[Any]) -> Iterable[Key] | None:  # noqa: ARG002
        """The aggregates, beside its own, that the projection's document ``identifier`` is folded from.

        ``events`` are those known so far; it is called again with more of them until it finds nothing new.
        None if only a scan of the whole store can tell.
        """
        return None

    def lookup_sources(self, key: str) -> Iterable[Key]:  # noqa: ARG002
        """The aggregates that a lookup document is folded from. Only called if the lookup is ``exact``."""
        return ()


class AtHand(Protocol):
    """The projection's documents at an event: all of them if it ``carries``, otherwise those of a batch.

    Documents that an earlier run folded beyond the event are left out: their contents are not yet true.
    """

    position: int
    """That of the event."""

    def get(self, identifier: str) -> Document | None:
        """The current document; not to be changed."""

    def ids(self, since: str, before: str | None = None) -> list[str]:
        """The ids from ``since`` up to, but not including, ``before``, in order."""

    def last_before(self, identifier: str) -> Document | None:
        """The document that precedes an id, whether or not the id exists."""


class Projection:
    """A projection owns one collection. A subclass declares it, with one :func:`on_event` method an event."""

    name: ClassVar[str]
    """The name of its collection."""
    own: ClassVar[tuple[type[Aggregate], ...]] = ()
    """The aggregate classes whose events name their document by their ``business_id``."""
    others: ClassVar[tuple[type[Event], ...]] = ()
    """The further event classes that the lookup follows."""
    begins_with: ClassVar[type[Event] | None] = None
    """The event class that creates a document; earlier events are skipped. None: any event creates one."""
    version: ClassVar[int] = 1
    """Goes up when the contents of documents change: until a rebuild, the projection counts as outdated."""
    identifier: ClassVar[str | None] = None
    """The name under which a document holds its ``_id`` a second time."""
    stamped: ClassVar[bool] = True
    """Whether every event sets ``createdAt`` and ``updatedAt``."""
    carries: ClassVar[bool] = False
    """Whether a document may start from the contents of another one: all of them stay in memory, so there
    must be few."""
    lookup: Lookup | None = None

    _handlers: ClassVar[dict[type, Callable[[Any, Document, Any], None]]] = {}

    def __init_subclass__(cls) -> None:
        cls._handlers = cls._handlers | {
            event_class: handler.method
            for handler in vars(cls).values()
            if isinstance(handler, Handler)
            for event_class in handler.event_classes
        }

    def finish(self, document: Document) -> None:
        """Set fields that follow from the document's others. Called whenever it is written."""
        if self.identifier is not None:
            document[self.identifier] = document["_id"]

    def evolve(self, document: Document | None, event: Any) -> Document | None:
        """The document after ``event``: a pure function, except that it may reuse ``document``.

        None means no document: before the first event, or before one of ``begins_with``.
        """
        if document is None:
            if self.begins_with is not None and type(event) is not self.begins_with:
                return None
            document = {}
        if self.stamped and isinstance(event, Aggregate.Event):
            stamp(document, event.at)
        if (handler := self._handlers.get(type(event))) is not None:
            handler(self, document, event)
        return document

    def collections(self) -> list[str]:
        """The names of its collections: the lookup's, if there is one, then its own."""
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


def event_classes(kind: type[Aggregate]) -> list[type[Event]]:
    """The domain event classes of an aggregate class."""
    return [
        member
        for name in dir(kind)
        if isinstance(member := getattr(kind, name), type)
        and issubclass(member, Aggregate.Event)
        and not name.endswith("Event")
    ]
