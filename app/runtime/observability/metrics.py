"""Every metric of the system, in one table: what it counts, in which roles, and which alarm looks at it.

``metrics_page.py`` makes docs/metrics.md of it. Labels have few values, all known beforehand: no ids, no
names of persons, nothing that a publisher or a caller chooses.

Counters and histograms are moved by the code that does the work, once a batch or a call. Those without an
instrument are asked for when somebody reads ``/metrics`` (``app/operations/status/scraped.py``).
"""

import platform
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from app import __version__


class Role(StrEnum):
    """A process that serves ``/metrics``."""

    INGEST = "ingest"
    PROJECT = "project"
    API = "api"
    LEDGER_SANDBOX = "ledger-sandbox"


EVERY_ROLE = tuple(Role)
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_ENTRIES = (1, 5, 10, 50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000)

Instrument = Counter | Gauge | Histogram | Info


@dataclass(frozen=True)
class Metric:
    """A line of the table. ``alarm`` names rules of deploy/prometheus/rules.yml."""

    name: str
    kind: str
    roles: tuple[Role, ...]
    meaning: str
    labels: tuple[str, ...] = ()
    alarm: str = ""
    instrument: Instrument | None = None


METRICS: dict[str, Metric] = {}
"""By name, in the order of the page."""


def _counter(
    name: str, roles: tuple[Role, ...], meaning: str, labels: tuple[str, ...] = (), alarm: str = ""
) -> Counter:
    made = Counter(name, meaning, labels, registry=None)
    METRICS[name] = Metric(name, "counter", roles, meaning, labels, alarm, made)
    return made


def _gauge(
    name: str, roles: tuple[Role, ...], meaning: str, labels: tuple[str, ...] = (), alarm: str = ""
) -> Gauge:
    made = Gauge(name, meaning, labels, registry=None)
    METRICS[name] = Metric(name, "gauge", roles, meaning, labels, alarm, made)
    return made


def _histogram(
    name: str,
    roles: tuple[Role, ...],
    meaning: str,
    buckets: tuple[float, ...],
    labels: tuple[str, ...] = (),
    alarm: str = "",
) -> Histogram:
    made = Histogram(name, meaning, labels, buckets=buckets, registry=None)
    METRICS[name] = Metric(name, "histogram", roles, meaning, labels, alarm, made)
    return made


def _scraped(
    name: str, roles: tuple[Role, ...], meaning: str, labels: tuple[str, ...] = (), alarm: str = ""
) -> Metric:
    METRICS[name] = Metric(name, "gauge", roles, meaning, labels, alarm)
    return METRICS[name]


_INGEST, _PROJECT, _API, _SANDBOX = ((each,) for each in Role)

BUILD_INFO = Info("billie_build", "What runs, in which role: always 1.", registry=None)
METRICS["billie_build_info"] = Metric(
    "billie_build_info",
    "gauge",
    EVERY_ROLE,
    "What runs, in which role: always 1.",
    ("role", "version", "python"),
    "BillieRoleDown",
    BUILD_INFO,
)
SERVER_UP = _scraped(
    "billie_server_up",
    (Role.INGEST, Role.PROJECT, Role.API),
    "Whether a server (redis, event_store, mongodb) answered when this was read.",
    ("server",),
    "BillieServerAway",
)
SERVER_FAILURES = _counter(
    "billie_server_failures_total",
    (Role.INGEST, Role.PROJECT, Role.LEDGER_SANDBOX),
    "Tries that failed because a server was away or refused: each is made again.",
)

LOOP_AGE = _scraped(
    "billie_loop_age_seconds",
    (Role.INGEST, Role.PROJECT),
    "Since a loop of this process turned: the consumer, or a projection. A server that is away stops none.",
    ("loop",),
    "BillieLoopHangs",
)

ENTRIES_READ = _counter(
    "billie_ingest_entries_total",
    _INGEST,
    "Entries taken from the stream and settled; one that comes again counts again.",
)
ENTRIES_LANDED = _counter(
    "billie_ingest_landed_total", _INGEST, "Entries whose messages are in the event store, repeats included."
)
DEAD_LETTERS_SET_ASIDE = _counter(
    "billie_ingest_dead_letters_total",
    _INGEST,
    "Entries that became dead letters, by reason.",
    ("reason",),
    "BillieDeadLettersMany",
)
ENTRIES_UNKNOWN = _counter(
    "billie_ingest_unknown_total", _INGEST, "Entries of types that are not consumed; the status names them."
)
ENTRIES_TRIMMED = _counter(
    "billie_ingest_trimmed_total",
    _INGEST,
    "Entries that somebody trimmed from the stream before they were read: lost.",
    alarm="BillieEntriesLost",
)
MESSAGE_FAILURES = _counter(
    "billie_ingest_failures_total", _INGEST, "Times that a message failed on its own: a bug of ours."
)
BATCH_ENTRIES = _histogram("billie_ingest_batch_entries", _INGEST, "Entries of a batch.", _ENTRIES)
BATCH_SECONDS = _histogram(
    "billie_ingest_batch_seconds", _INGEST, "From a batch's reading to its acknowledgement.", _SLOW
)
STREAM_ENTRIES = _scraped("billie_stream_entries", _INGEST, "Entries that the inbox stream holds.")
STREAM_UNREAD = _scraped(
    "billie_stream_unread_entries",
    _INGEST,
    "Entries that no consumer was given; 10,000 may stand for more.",
)
STREAM_LAG = _scraped(
    "billie_stream_lag_seconds",
    _INGEST,
    "Age of the oldest unread entry; 0 with none.",
    alarm="BillieStreamLag",
)
STREAM_PENDING = _scraped(
    "billie_stream_pending_entries",
    _INGEST,
    "Entries given to a consumer and not acknowledged.",
)
STREAM_OLDEST_PENDING = _scraped(
    "billie_stream_oldest_pending_seconds",
    _INGEST,
    "Age of the oldest pending entry; 0 with none.",
    alarm="BilliePendingOld",
)
STREAM_LAST_ENTRY_AGE = _scraped(
    "billie_stream_last_entry_age_seconds",
    _INGEST,
    "Since the last entry was published: no lag beside a high age is a silent source.",
    alarm="BillieStreamQuiet",
)
STREAM_USUAL_GAP = _scraped(
    "billie_stream_usual_gap_seconds",
    _INGEST,
    "How long nothing came on the days before, at the time of day of the last entry; absent while unknown.",
)
STREAM_QUIET = _scraped(
    "billie_stream_quiet",
    _INGEST,
    "1 where nothing came for longer than usual, or than BILLIE_QUIET_SECONDS.",
    alarm="BillieStreamQuiet",
)
DEAD_LETTERS = _scraped(
    "billie_dead_letters", _INGEST, "Dead letters that wait for a decision.", alarm="BillieDeadLetters"
)

EVENTS_PROJECTED = _counter(
    "billie_projection_events_total", _PROJECT, "Events folded, by projection.", ("projection",)
)
PROJECTION_SECONDS = _histogram(
    "billie_projection_batch_seconds",
    _PROJECT,
    "From a projection's reading of events to its new position.",
    _SLOW,
    ("projection",),
)
LEASES_LOST = _counter(
    "billie_projection_leases_lost_total",
    _PROJECT,
    "Times that this process lost a projection's lease: it stood still, or was cut off.",
    ("projection",),
    "BillieLeasesLost",
)
PROJECTION_POSITION = _scraped(
    "billie_projection_position", _PROJECT, "Position to which all events are folded.", ("projection",)
)
PROJECTION_BEHIND = _scraped(
    "billie_projection_behind_events", _PROJECT, "Positions to go to the newest event.", ("projection",)
)
PROJECTION_WAITING = _scraped(
    "billie_projection_waiting_seconds",
    _PROJECT,
    "Since the first event that is not folded was recorded; 0 with none.",
    ("projection",),
    "BillieProjectionLate",
)
PROJECTION_STANDS = _scraped(
    "billie_projection_stands",
    _PROJECT,
    "1 for a projection that cannot go on, by its cause; absent else.",
    ("projection", "cause"),
    "BillieProjectionStands",
)
DOCUMENTS_SET_ASIDE = _scraped(
    "billie_projection_documents_set_aside",
    _PROJECT,
    "Documents that cannot follow an event; 1,000 at most are counted.",
    ("projection",),
    "BillieDocumentsSetAside",
)
PROJECTION_OUTDATED = _scraped(
    "billie_projection_outdated",
    _PROJECT,
    "1 where documents were folded by another version of the projection than this release's.",
    ("projection",),
    "BillieProjectionOutdated",
)
MIGRATIONS_WAITING = _scraped(
    "billie_migrations_waiting", _PROJECT, "Migrations that MongoDB lacks.", alarm="BillieMigrationsWait"
)
STORE_POSITION = _scraped("billie_event_store_position", _PROJECT, "Position of the newest event.")
STORE_NEWEST_AGE = _scraped(
    "billie_event_store_newest_event_age_seconds", _PROJECT, "Since the newest event was recorded."
)

HTTP_REQUESTS = _counter(
    "billie_http_requests_total",
    _API,
    "Requests answered, by the route's template; HEAD counts as GET, other addresses as route none.",
    ("route", "method", "status"),
    "BillieApiErrors",
)
HTTP_SECONDS = _histogram(
    "billie_http_request_seconds",
    _API,
    "Until an answer begins: a stream may last for an hour after that.",
    _FAST,
    ("route", "method"),
    "BillieApiSlow",
)
LEDGER_CALLS = _counter(
    "billie_ledger_calls_total",
    _API,
    "Calls of the ledger; outcome OK, a gRPC status, NOT_ASKED where the breaker is open, or GIVEN_UP.",
    ("operation", "outcome"),
    "BillieLedgerErrors",
)
LEDGER_SECONDS = _histogram(
    "billie_ledger_call_seconds", _API, "Until the ledger answered, or did not.", _FAST, ("operation",)
)
BREAKER_OPEN = _gauge(
    "billie_ledger_breaker_open",
    _API,
    "1 while the ledger is not asked, as it did not answer.",
    alarm="BillieLedgerAway",
)
MONEY_COMMANDS = _counter(
    "billie_money_commands_total",
    _API,
    "Attempts to post a money command, by what was stored of them: posted, rejected, not_offered, or "
    "unanswered, which is unknown and sent again.",
    ("kind", "outcome"),
)
MONEY_UNKNOWN = _scraped("billie_money_unknown_commands", _API, "Money commands whose outcome nobody knows.")
MONEY_OLDEST_UNKNOWN = _scraped(
    "billie_money_oldest_unknown_seconds",
    _API,
    "Age of the oldest of them; 0 with none. The ledger keeps a key for 24 hours.",
    alarm="BillieMoneyUnknown, BillieMoneyNeedsAPerson",
)
MONEY_AWAITING = _scraped(
    "billie_money_awaiting_approval_commands", _API, "Adjustments that wait for a second person."
)

SANDBOX_CALLS = _counter(
    "billie_ledger_sandbox_calls_total",
    _SANDBOX,
    "Calls that the sandbox ledger got, by what it did.",
    ("operation", "outcome"),
)


def registry_of(role: Role) -> CollectorRegistry:
    """What a process of this role shows: its metrics, and those of the process itself."""
    disable_created_metrics()  # type: ignore[no-untyped-call] # They would double the series.
    registry = CollectorRegistry()
    BUILD_INFO.info({"role": role.value, "version": __version__, "python": platform.python_version()})
    for metric in METRICS.values():
        if role in metric.roles and metric.instrument is not None:
            registry.register(metric.instrument)
    ProcessCollector(registry=registry)
    return registry
