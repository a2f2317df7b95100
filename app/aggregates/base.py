"""The base of every aggregate: it absorbs each message once, and its events say what of them is personal."""

from collections.abc import Callable, Sized
from dataclasses import field, fields
from datetime import UTC, datetime
from functools import cache, wraps
from typing import ClassVar, Concatenate, NamedTuple, ParamSpec, Self, TypeVar, cast, dataclass_transform
from uuid import UUID, uuid5

from eventsourcing import domain
from eventsourcing.domain import AggregateCreated, MetaDomainEvent, TAggregate
from eventsourcing.utils import get_topic

from app.aggregates.report_order import FieldStamps

NOTHING: frozenset[str] = frozenset()
"""No personal data, in the ``PERSONAL`` of an event class."""
NAMESPACE = UUID("5f0c1c0e-6a57-5c6e-9d38-2a5a0b9f7d11")
"""Fixed for ever: the ids of all stored aggregates derive from it."""


class Source(NamedTuple):
    """The logical message behind a command. All times are aware and in UTC.

    ``upstream_time`` is the message's own (contract: "Stale snapshots"), ``received_at`` its entry's.
    """

    message_id: str
    received_at: datetime
    upstream_time: datetime | None = None

    @classmethod
    def said_now(cls, message_id: str) -> "Source":
        """The source of a change over the API, now."""
        now = datetime.now(UTC)
        return cls(message_id, now, now)

    @property
    def at(self) -> datetime:
        """When it happened, as far as is known."""
        return self.upstream_time or self.received_at


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
class EventType(MetaDomainEvent):
    """The library's metaclass, which makes events frozen dataclasses, declared to type checkers."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, object]) -> "EventType":
        """A class without fields of its own is the dataclass that its base is: making another is slow."""
        make = MetaDomainEvent if namespace.get("__annotations__") else type
        return cast("EventType", make.__new__(cls, name, bases, namespace))


class Aggregate(domain.Aggregate):
    """An aggregate that absorbs each message once, for ever: its events hold the messages' identities."""

    class Event(domain.Aggregate.Event, metaclass=EventType):
        """A fact, and the message that reported it. :meth:`record` sets the fields that ``init=False`` marks.

        ``business_id`` is upstream's identifier. ``PERSONAL`` names facts that are personal data.
        """

        PERSONAL = NOTHING
        ABSORBS = True
        """Whether its message counts as absorbed. Not if another event of the same message follows."""

        originator_id: UUID = field(init=False)
        originator_version: int = field(init=False)
        timestamp: datetime = field(init=False)
        business_id: str = field(init=False)
        message_id: str = field(init=False)
        received_at: datetime = field(init=False)
        upstream_time: datetime | None = field(init=False)

        def __post_init__(self) -> None:
            """The library's check is not for us: its fields are set later."""

        @property
        def at(self) -> datetime:
            """When it happened, as far as is known."""
            return self.upstream_time or self.received_at

        def mutate(self, aggregate: TAggregate | None) -> TAggregate | None:  # type: ignore[explicit-any]
            if isinstance(changed := super().mutate(aggregate), Aggregate):
                self.note(changed)
            return changed

        def note(self, aggregate: "Aggregate") -> None:
            """Remember the message, and which fields it reports."""
            if self.ABSORBS:
                aggregate.absorbed.add(self.message_id)
            self.stamp(aggregate.stamps)

        def stamp(self, stamps: FieldStamps) -> None:
            """Note which fields of the aggregate it reports."""

    class Registered(Event, AggregateCreated):
        """First mentioned. The facts follow in events of their own."""

        ABSORBS = False

    class NothingNewReported(Event):
        """A message said nothing new. Kept so that it stays absorbed."""

    class PersonalDataErased(Event):
        """The personal facts of its events cannot be read any more. Later ones are dropped.

        ``erased_with`` is the customer who was erased. Only the customer's own event has the rest.
        """

        PERSONAL = NOTHING

        erased_with: str
        by: str | None = None
        by_name: str | None = None
        role: str | None = None
        reason: str | None = None
        key: str | None = None
        cleared: dict[str, int] | None = None

        def apply(self, aggregate: "Aggregate") -> None:
            aggregate.erased = self

    OWNED_BY = cast("tuple[tuple[str, str], ...]", ())  # An annotation would make dataclasses of aggregates.
    """Facts that name an owner, and the kind of aggregate that each names."""

    def __init__(self, business_id: str) -> None:
        self.business_id = business_id
        self.erased: Aggregate.PersonalDataErased | None = None
        self.absorbed: set[str] = set()
        self.stamps = FieldStamps()
        self.memories: list[Sized] = [self.absorbed, self.stamps.known]
        """What it remembers for ever: some 200 bytes each."""

    @property
    def is_unsettled(self) -> bool:
        """Whether money depends on its facts: it is erased once that is settled."""
        return False

    @property
    def owners(self) -> list[UUID]:
        """Its owners, where it may be erased later than these are."""
        return []

    @property
    def concerns_privacy(self) -> bool:
        """Whether a save of its new events takes keys, links or an erasure."""
        events = cast("list[Aggregate.Event]", self._pending_events)
        return bool(self.owners) or any(_is_private(type(self), type(each)) for each in events)

    @property
    def remembered(self) -> int:
        """How many messages and fields it remembers."""
        return sum(map(len, self.memories))

    @classmethod
    def id_of(cls, business_id: str) -> UUID:
        """The id of the aggregate for an upstream identifier."""
        return uuid5(NAMESPACE, f"{cls.__name__}/{business_id}")

    @classmethod
    def register(cls, business_id: str, source: Source) -> Self:
        """A new aggregate, first mentioned by ``source``."""
        event = object.__new__(cls.Registered)  # The library gives each its own __init__.
        _complete(event, source, cls.id_of(business_id), business_id, cls.INITIAL_VERSION)
        vars(event)["originator_topic"] = get_topic(cls)
        created = event.mutate(None)
        assert isinstance(created, cls)
        created.pending_events.append(event)
        return created

    @classmethod
    def owners_in(cls, event: Event) -> list[UUID]:
        """The owners that an event names."""
        facts = vars(event)
        return [
            uuid5(NAMESPACE, f"{kind}/{facts[fact]}")
            for fact, kind in cls.OWNED_BY
            if facts.get(fact) is not None
        ]

    def record(self, source: Source, event: Event) -> None:
        """Trigger an event that ``source`` reports."""
        _complete(event, source, self._id, self.business_id, self._version + 1)
        # What mutate() does, without its checks of what was just set.
        event.apply(self)
        event.note(self)
        self._version, self._modified_on = event.originator_version, event.timestamp
        self._pending_events.append(event)

    def drop_stale(self, source: Source, report: "Report") -> bool:
        """Drop the facts of a report that are older than what is known. False if none is left."""
        facts, found = vars(report), False
        for name in _stamped(type(report)):
            if facts[name] is None:
                continue
            if self.stamps.accepts(name, source.at, in_passing=report.IN_PASSING):
                found = True
            else:
                facts[name] = None
        return found

    def report(self, source: Source, report: "Report") -> None:
        """Trigger an event with what is new in a report, if anything is."""
        if self.drop_stale(source, report):
            self.record(source, report)

    def erase(self, source: Source, *, erasure: PersonalDataErased) -> None:
        """Make the personal data in its events unreadable for ever. Saving it destroys the key."""
        if self.erased is None:
            self.record(source, erasure)


class Report(Aggregate.Event):
    """A partial report: each of its facts counts if it is present and not older than what is known."""

    STAMPED: ClassVar[tuple[str, ...]] = ()
    """Its facts that are reports; empty: all."""
    IN_PASSING: ClassVar[bool] = False
    """Whether any other report outranks it, however old."""

    def stamp(self, stamps: FieldStamps) -> None:
        facts = vars(self)
        names = [name for name in _stamped(type(self)) if facts.get(name) is not None]
        stamps.note(names, self.at, in_passing=self.IN_PASSING)


Key = tuple[type[Aggregate], str]
"""A kind of aggregate, and the upstream identifier of one."""
A = TypeVar("A", bound=Aggregate)
P = ParamSpec("P")


def absorbs(
    command: Callable[Concatenate[A, Source, P], None],
) -> Callable[Concatenate[A, Source, P], None]:
    """Make a command idempotent. A message that leads to no event is recorded as absorbed, too."""

    @wraps(command)
    def once(self: A, source: Source, /, *args: P.args, **kwargs: P.kwargs) -> None:
        if source.message_id in self.absorbed:
            return
        command(self, source, *args, **kwargs)
        if source.message_id not in self.absorbed:
            self.record(source, self.NothingNewReported())

    return once


@cache
def only_absorbs(event_class: type) -> bool:
    """Whether events of a class change nothing of an aggregate, but that their message is absorbed."""
    return (
        issubclass(event_class, Aggregate.Event)
        and event_class.ABSORBS
        and event_class.apply is domain.Aggregate.Event.apply
        and event_class.stamp is Aggregate.Event.stamp
        and event_class.note is Aggregate.Event.note
    )


@cache
def _is_private(kind: type[Aggregate], event_class: type[Aggregate.Event]) -> bool:
    """Whether events of a class may hold personal data, name the aggregate's owner, or erase it."""
    return (
        bool(event_class.PERSONAL)
        or issubclass(event_class, Aggregate.PersonalDataErased)
        or any(fact in event_class.__dataclass_fields__ for fact, _ in kind.OWNED_BY)
    )


def _complete(event: Aggregate.Event, source: Source, id: UUID, business_id: str, version: int) -> None:
    """Set the fields that every event has. An event is frozen once it is recorded."""
    vars(event).update(
        originator_id=id,
        originator_version=version,
        timestamp=datetime.now(UTC),
        business_id=business_id,
        message_id=source.message_id,
        received_at=source.received_at,
        upstream_time=source.upstream_time,
    )


@cache
def _stamped(event_class: type[Report]) -> tuple[str, ...]:
    return event_class.STAMPED or tuple(each.name for each in fields(event_class) if each.init)
