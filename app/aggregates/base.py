"""What every aggregate here shares: it remembers the messages that it has absorbed."""

from collections.abc import Callable
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from functools import cache, wraps
from typing import Any, NamedTuple, Self, TypeVar, cast
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, AggregateCreated

from app.aggregates.report_order import FieldStamps
from app.aggregates.source import Source

NOTHING: frozenset[str] = frozenset()
"""No personal data, in the ``PERSONAL`` of an event class."""
NAMESPACE = UUID("5f0c1c0e-6a57-5c6e-9d38-2a5a0b9f7d11")
"""Fixed for ever: the ids of all stored aggregates derive from it."""


class RememberingAggregate(Aggregate):
    """An aggregate that absorbs each message once, for ever.

    The identities of absorbed messages are part of the stored events, so remembering a message
    and recording what it meant are one atomic save.
    """

    class Event(Aggregate.Event):
        """A fact, with the message that told it.

        ``message_id`` is the identity of the logical message, ``upstream_time`` the time that
        the message carries, ``received_at`` the time in its stream entry's id, and
        ``timestamp`` (of the library) the time recorded. All times are aware, in UTC.
        ``business_id`` is upstream's identifier of the aggregate, which names its document.
        ``PERSONAL`` are the facts that are personal data of a customer: every class with facts says which.
        """

        PERSONAL = NOTHING

        business_id: str
        message_id: str
        received_at: datetime
        upstream_time: datetime | None

        @property
        def at(self) -> datetime:
            """When it happened, as far as anybody knows."""
            return self.upstream_time or self.received_at

        def apply(self, aggregate: Any) -> None:
            aggregate.absorbed.add(self.message_id)
            self.change(aggregate)

        def change(self, aggregate: Any) -> None:
            """Evolve the aggregate's state: overridden by events that change any."""

    class Registered(Event, AggregateCreated):
        """We heard of it for the first time; what was told follows in events of its own."""

        def apply(self, aggregate: Any) -> None:
            """Absorbs nothing: the message's own events, saved with this one, do."""

    class NothingNewReported(Event):
        """A message told nothing that is new; kept so that it stays absorbed."""

    class PersonalDataErased(Event):
        """The personal facts of all its events can be read no more, and later ones are dropped.

        ``erased_with`` is the customer who was erased. The rest is in the customer's own event only: who did
        it and why, the ``key`` of their request, and how many aggregates of each kind were ``cleared``.
        """

        PERSONAL = NOTHING

        erased_with: str
        by: str | None = None
        by_name: str | None = None
        role: str | None = None
        reason: str | None = None
        key: str | None = None
        cleared: dict[str, int] | None = None

        def change(self, aggregate: Any) -> None:
            aggregate.erased = self

    OWNED_BY = cast("tuple[tuple[str, str], ...]", ())  # An annotation would make dataclasses of aggregates.
    """Facts that tell whose it is, and the kind of aggregate that such a fact names."""

    def __init__(self, business_id: str) -> None:
        self.business_id = business_id
        self.erased: RememberingAggregate.PersonalDataErased | None = None
        self.absorbed: set[str] = set()
        self.stamps = FieldStamps()

    @property
    def is_unsettled(self) -> bool:
        """Whether money waits for it, which takes all its facts: it is erased when that is settled."""
        return False

    @property
    def owners(self) -> list[UUID]:
        """Whose it is, where it may be erased later than these are."""
        return []

    @property
    def remembered(self) -> int:
        """How many messages and fields it remembers: each takes some 200 bytes of memory."""
        return len(self.absorbed) + len(self.stamps)

    @classmethod
    def id_of(cls, business_id: str) -> UUID:
        """The id of the aggregate for an upstream identifier."""
        return uuid5(NAMESPACE, f"{cls.__name__}/{business_id}")

    @classmethod
    def register(cls, business_id: str, source: Source) -> Self:
        """A new aggregate, first heard of in ``source``."""
        return cls._create(
            event_class=cls.Registered,
            id=cls.id_of(business_id),
            business_id=business_id,
            message_id=source.message_id,
            received_at=source.received_at,
            upstream_time=source.upstream_time,
        )

    @classmethod
    def owners_told(cls, event: Event) -> list[UUID]:
        """The aggregates that an event says this is of."""
        told = vars(event)
        return [
            uuid5(NAMESPACE, f"{kind}/{told[fact]}")
            for fact, kind in cls.OWNED_BY
            if told.get(fact) is not None
        ]

    def record(self, event_class: type[Event], source: Source, /, **facts: Any) -> None:
        """Trigger an event about ``source``. Raises TypeError for facts that it lacks or does not know.

        The event is made as the library makes one that it reads from the store, without the
        initialiser of a frozen dataclass, which costs more than all the rest of an event.
        """
        names = _facts_of(event_class)
        if not (facts.keys() <= names.known and names.required <= facts.keys()):
            msg = f"{event_class.__qualname__} takes {sorted(names.known)}, not {sorted(facts)}"
            raise TypeError(msg)
        facts |= {
            "originator_id": self.id,
            "originator_version": self.version + 1,
            "timestamp": datetime.now(UTC),
            "business_id": self.business_id,
            "message_id": source.message_id,
            "received_at": source.received_at,
            "upstream_time": source.upstream_time,
        }
        event = object.__new__(event_class)
        object.__setattr__(event, "__dict__", facts)
        # What mutate() does, without its checks of what was set above.
        event.apply(self)
        self.version, self.modified_on = event.originator_version, event.timestamp
        self.pending_events.append(event)

    def erase(self, source: Source, *, erased_with: str, **facts: Any) -> None:
        """The personal data in all of its events is to be unreadable for ever: said once.

        ``facts``: as in :class:`PersonalDataErased`. Saving it destroys the key in the same transaction.
        """
        if self.erased is None:
            self.record(self.PersonalDataErased, source, erased_with=erased_with, **facts)


Key = tuple[type[RememberingAggregate], str]
"""A kind of aggregate, and the upstream identifier of one."""


@cache
def only_absorbs(event_class: type[Any]) -> bool:
    """Whether events of a class change nothing of an aggregate, but that their message is absorbed."""
    common = RememberingAggregate.Event
    return (
        issubclass(event_class, common)
        and event_class.change is common.change
        and event_class.apply is common.apply
        and getattr(event_class, "class_version", 1) == 1
    )


class _Facts(NamedTuple):
    known: frozenset[str]
    required: frozenset[str]


@cache
def _facts_of(event_class: type[RememberingAggregate.Event]) -> _Facts:
    """The fields of an event class that are its own, and those of them that have no default."""
    common = {field.name for field in fields(RememberingAggregate.Event)}
    own = [field for field in fields(event_class) if field.name not in common]
    return _Facts(
        frozenset(field.name for field in own),
        frozenset(field.name for field in own if field.default is MISSING),
    )


Command = TypeVar("Command", bound=Callable[..., None])


def absorbs(command: Command) -> Command:
    """Make a command idempotent: a message absorbed before changes nothing.

    The command's first argument is its :class:`Source`. A message that leads to no event is
    recorded as :class:`RememberingAggregate.NothingNewReported`, so that it is absorbed too:
    returning later, it must not be taken for news.
    """

    @wraps(command)
    def once(self: RememberingAggregate, source: Source, **arguments: Any) -> None:
        if source.message_id in self.absorbed:
            return
        command(self, source, **arguments)
        if source.message_id not in self.absorbed:
            self.record(self.NothingNewReported, source)

    return cast("Command", once)
