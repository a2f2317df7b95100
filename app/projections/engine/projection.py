"""What a projection is: one collection, how each event changes one of its documents, and the values in it."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from inspect import get_annotations
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar, get_args, overload

from bson.decimal128 import Decimal128
from eventsourcing.utils import get_topic

from app.aggregates.base import Aggregate, Key
from app.aggregates.personal import ERASED
from app.projections.engine.documents import Document, DocumentCache
from app.projections.engine.reading import GONE as GONE
from app.projections.engine.reading import Envelope
from app.projections.engine.reading import event_classes as event_classes

Event = Aggregate.Event
Target = tuple[str, Any]
"""The id of a document, and the event to evolve it by."""
P = TypeVar("P", bound="Projection")
E = TypeVar("E")


class Erases:
    """Base of what an erasure of one aggregate means for a document of another."""


def erases(meaning: Any) -> bool:
    """Whether an event, or what it means for a document, clears personal data."""
    return isinstance(meaning, (Erases, Aggregate.PersonalDataErased))


class Handler(NamedTuple):
    """A method of a projection, and the classes of the events that it handles."""

    event_classes: tuple[type, ...]
    method: Callable[[Any, Document, Any], None]


def on_event(method: Callable[[P, Document, E], None]) -> Handler:
    """Make a method the handler of the event class, or the union of classes, that its last parameter
    names."""
    _, event, *_ = get_annotations(method).values()
    return Handler(get_args(event) or (event,), method)


class AtHand:
    """The projection's documents at an event: all of them if it ``carries``, otherwise those of a batch.

    Those that were loaded from beyond the event are left out: a run that was cut short wrote them. It wrote a
    document that was begun from others before any of these (:meth:`DocumentCache.write`, in order), so one
    that has to be begun again finds them as they were.
    """

    def __init__(self, cache: DocumentCache, position: int) -> None:
        self.position = position
        """That of the event."""
        self._cache = cache

    def get(self, identifier: str) -> Document | None:
        """The current document; not to be changed."""
        return None if self._is_ahead(identifier) else self._cache.get(identifier)

    def ids(self, since: str, before: str | None = None) -> list[str]:
        """The ids from ``since`` up to, but not including, ``before``, in order."""
        ids = self._cache.ids()
        end = len(ids) if before is None else bisect_left(ids, before)
        return [each for each in ids[bisect_left(ids, since) : end] if not self._is_ahead(each)]

    def last_before(self, identifier: str) -> Document | None:
        """The document that precedes an id, whether or not the id exists."""
        ids = self._cache.ids()
        for place in range(bisect_left(ids, identifier) - 1, -1, -1):
            if (found := self.get(ids[place])) is not None:
                return found
        return None

    def _is_ahead(self, identifier: str) -> bool:
        return self._cache.loaded_at(identifier) >= self.position


class Lookup(Protocol):
    """A private collection of a projection whose documents depend on more than one aggregate.

    Its documents are pure functions of events too. They tell which of the projection's documents an event of
    another aggregate concerns.
    """

    collection: str

    def key(self, event: Any) -> str | None:
        """The id of the lookup document that ``event`` changes or reads, if any."""

    def onward(self, document: Document, event: Any) -> tuple[str, Any] | None:  # noqa: ARG002
        """The id of a further lookup document that ``event`` concerns, and what it means there, if any.

        ``document`` is the one before it, already changed by ``event``.
        """
        return None

    def evolve(self, document: Document, event: Any, position: int) -> None:
        """Change the lookup document by ``event``: a pure function too. An empty document is not stored."""

    def members(self, document: Document, event: Any) -> Iterable[str]:  # noqa: ARG002
        """The ids of documents that ``event`` may concern: they are loaded together before the fold."""
        return ()

    def follow(self, document: Document, event: Any, documents: AtHand) -> Iterable[Target]:
        """What ``event`` means for the projection's documents. ``document`` includes it, or later ones."""

    def sources(self, identifier: str, events: Iterable[Any]) -> Iterable[Key] | None:  # noqa: ARG002
        """The aggregates, beside its own, that the projection's document ``identifier`` is folded from.

        ``events`` are those known so far; it is called again with more of them until it finds nothing new.
        None if only a scan of the whole store can tell.
        """
        return None


def walk(
    lookup: Lookup, documents: DocumentCache, events: Iterable[Envelope]
) -> Iterator[tuple[Document, Any, int]]:
    """Each lookup document that an event concerns, what that means there, and the event's position.

    ``documents`` are the lookup's: many are loaded at once.
    """
    steps = [
        (key, each.event, each.position) for each in events if (key := lookup.key(each.event)) is not None
    ]
    while steps:
        documents.load(key for key, _, _ in steps)
        onward = []
        for key, meaning, position in steps:
            document = documents.get(key) or {}
            yield document, meaning, position
            if (step := lookup.onward(document, meaning)) is not None:
                onward.append((*step, position))
        steps = onward


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


@overload
def money(amount: Decimal) -> Decimal128: ...
@overload
def money(amount: Decimal | None) -> Decimal128 | None: ...
def money(amount: Decimal | None) -> Decimal128 | None:
    """An amount in AUD, with two places. An unknown amount stays unknown."""
    return None if amount is None else Decimal128(amount.quantize(Decimal("0.01")))


def time(at: datetime) -> datetime:
    """A time cut to milliseconds, as in BSON, so that a document read back equals the one in memory."""
    microseconds = at.microsecond % 1000
    return at.replace(microsecond=at.microsecond - microseconds) if microseconds else at


def put(document: Document, **fields: Any) -> None:
    """Set the fields that have a value: None and ERASED never clear what is stored."""
    for name, value in fields.items():
        if value is not None and value is not ERASED:
            document[name] = value


def erase(document: Document, event: Any, *fields: str) -> None:
    """Remove fields with personal data, whether or not they hold any, and stamp the document as erased."""
    for name in fields:
        document.pop(name, None)
    document["erasedAt"] = time(event.at)


def is_erased(value: object) -> bool:
    """Whether a fact was erased; its declared type does not matter."""
    return value is ERASED


def legible(text: str | None) -> str | None:
    """The text, or GONE if it was erased."""
    return GONE if text is ERASED else text


def person(identifier: str, name: str | None, role: str | None = None) -> Document:
    """A staff member, as in documents."""
    found: Document = {"id": identifier}
    put(found, role=role, name=name)
    return found


def stamp(document: Document, at: datetime) -> None:
    """Keep the earliest time of any event in ``createdAt``, and the latest in ``updatedAt``."""
    at = time(at)
    document["createdAt"] = min(document.get("createdAt", at), at)
    document["updatedAt"] = max(document.get("updatedAt", at), at)
