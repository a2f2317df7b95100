"""The report on the pipeline: the same models for ``billie status --json`` and for REST.

Durations are in seconds, times in UTC. What could not be determined is null.
"""

from datetime import datetime

from pydantic import Field

from app.runtime.camel_model import CamelModel


class Build(CamelModel):
    """The versions of what answers."""

    version: str
    python: str
    eventsourcing: str


class StreamState(CamelModel):
    """The inbox stream. ``lastEntryId`` is that of the last entry ever added, trimmed since or not.

    ``usualGapSeconds`` is the silence of earlier days at the time of day of the last entry. A silence longer
    than ``quietAfterSeconds`` is a problem: a silent source looks like one that is caught up with.
    """

    name: str
    length: int
    last_entry_id: str | None = None
    last_entry_age_seconds: float | None = None
    usual_gap_seconds: float | None = None
    quiet_after_seconds: float | None = None

    @property
    def is_quiet(self) -> bool:
        age, after = self.last_entry_age_seconds, self.quiet_after_seconds
        return age is not None and after is not None and age > after


class ConsumerState(CamelModel):
    """One consumer of the group, which last asked for entries, or got some, ``idleSeconds`` ago."""

    name: str
    pending: int
    idle_seconds: float


class PendingEntry(CamelModel):
    """An entry that was read and is not acknowledged.

    It was added ``ageSeconds`` ago, and last delivered ``idleSeconds`` ago, to ``consumer``. It is the oldest
    of those that another consumer should have taken over already or, without any, of all.
    """

    entry_id: str
    consumer: str
    age_seconds: float
    idle_seconds: float
    deliveries: int


class GroupState(CamelModel):
    """The consumer group. ``unread`` is a lower bound if ``unreadIsExact`` is false."""

    name: str
    last_delivered_id: str
    entries_read: int | None = Field(None, description="Null if Redis does not know: always before 7.0.")
    unread: int
    unread_is_exact: bool = True
    oldest_unread_age_seconds: float | None = None
    pending: int
    oldest_pending: PendingEntry | None = None
    consumers: list[ConsumerState] = Field(default_factory=list)
    idle_since_asking: bool = Field(
        True, description="False before Redis 7.2: consumers are idle since they last got something."
    )


class DeadLettersState(CamelModel):
    """The dead letters; ``byReason`` counts the oldest ``counted`` of them."""

    stream: str
    total: int
    counted: int
    by_reason: dict[str, int] = Field(default_factory=dict)
    oldest_age_seconds: float | None = None


class UnknownType(CamelModel):
    """A type that arrives and that we do not consume."""

    type: str
    count: int
    first_seen: datetime | None = None
    last_seen: datetime | None = None


class CountedField(CamelModel):
    """A part of messages by type and path, such as ``customer.changed.v1.ekyc_status``, and how often."""

    field: str
    count: int


class InboxState(CamelModel):
    """The state of the inbox in Redis. ``group`` is null if there is none."""

    stream: StreamState
    group: GroupState | None
    dead_letters: DeadLettersState
    unknown_types: list[UnknownType]
    dropped_values: list[CountedField]
    """Optional parts that could not be read: the message was applied without them."""
    clocks_ahead: list[CountedField]
    """Times that were ahead of the stream's clock: each counted as the time when its message came in."""


class EventStoreState(CamelModel):
    """The event store. Its positions count from 1. `billie ingest` creates it."""

    is_created: bool = True
    newest_position: int
    newest_event_at: datetime | None = None
    newest_event_age_seconds: float | None = None


class Standstill(CamelModel):
    """Why a projection does not move, since when, and at which event.

    ``cause`` is one of evolve_failed, event_unreadable, event_type_unknown, mongo_refused, lease_lost and
    other_store.
    """

    cause: str
    detail: str
    position: int | None = None
    event: str | None = None
    since: datetime | None = None


class DocumentSetAside(CamelModel):
    """A document that an event could not be applied to: it stays as it was before that event."""

    id: str
    cause: str
    position: int
    event: str
    error: str
    at: datetime | None = None


class RebuildState(CamelModel):
    """A rebuild of a projection: running or, if ``runBy`` is null, unfinished.

    ``phase`` is fold, catch_up or swap.
    """

    phase: str
    position: int
    newest: int | None = None
    documents: int | None = None
    started_at: datetime | None = None
    run_by: str | None = None


class ProjectionState(CamelModel):
    """The position of a projection, and its lag.

    ``behind`` is the number of positions to go; the first of those events was recorded ``waitingSeconds``
    ago. Both are null if the event store is away. Its documents were built by ``version``: any other than
    ``currentVersion`` is outdated. ``runBy`` holds its lease.
    """

    name: str
    position: int
    version: int = 1
    current_version: int = 1
    run_by: str | None = None
    standstill: Standstill | None = None
    set_aside: list[DocumentSetAside] = Field(default_factory=list)
    rebuild: RebuildState | None = None
    behind: int | None = None
    waiting_seconds: float | None = None
    updated_at: datetime | None = None
    unmoved_seconds: float | None = None


class MoneyState(CamelModel):
    """Money commands without an outcome, retried automatically unless they await approval.

    ``irregularWriteOffs`` were posted by the ledger against a rule in the last seven days.
    """

    unknown: int = 0
    oldest_unknown_age_seconds: float | None = None
    awaiting_approval: int = 0
    irregular_write_offs: int = 0


class ReadModelsState(CamelModel):
    """The projections, the pending migrations, and money commands, as MongoDB has them."""

    projections: list[ProjectionState]
    waiting_migrations: list[str]
    money: MoneyState = Field(default_factory=MoneyState)


class LedgerState(CamelModel):
    """The ledger's answer to a health check: ``SERVING``, or what it reports instead."""

    target: str
    status: str


class Away(CamelModel):
    """A server that does not answer, the error, and the settings that name it."""

    server: str
    error: str
    settings: list[str]


class Finding(CamelModel):
    """A problem that needs an operator. ``code`` is stable; ``detail`` says what to do."""

    code: str
    detail: str


class Status(CamelModel):
    """The pipeline's state. The parts of a server that is away are null."""

    at: datetime
    build: Build
    inbox: InboxState | None
    event_store: EventStoreState | None
    read_models: ReadModelsState | None
    ledger: LedgerState | None
    away: list[Away]
    problems: list[Finding]
