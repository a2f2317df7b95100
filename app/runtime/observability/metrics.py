"""Every metric of the system in one table: its meaning and its roles.

``tools/pages/metrics_page.py`` writes docs/metrics.md from it and from the alert rules. Labels have few
values, all known beforehand: no ids, no names, nothing that a publisher or a caller chooses. The code that
does the work moves counters and histograms, once a batch or a call; the other metrics are collected at each
scrape.
"""

import platform
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

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


T = TypeVar("T", Counter, Gauge, Histogram)
EVERY_ROLE = tuple(Role)
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_ENTRIES = (1, 5, 10, 50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000)


@dataclass(frozen=True)
class Metric:
    """A line of the table; without an instrument, it is collected at each scrape."""

    name: str
    kind: str
    roles: tuple[Role, ...]
    meaning: str
    labels: tuple[str, ...] = ()
    instrument: Counter | Gauge | Histogram | Info | None = None


METRICS: dict[str, Metric] = {}
"""By name, in the order of the page."""


class _Of:
    """Adds the metrics of some roles to the table."""

    def __init__(self, *roles: Role) -> None:
        self._roles = roles

    def counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return self._add(Counter(name, meaning, labels, registry=None), name, meaning, labels)

    def gauge(self, name: str, meaning: str) -> Gauge:
        return self._add(Gauge(name, meaning, registry=None), name, meaning)

    def histogram(self, name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        made = Histogram(name, meaning, labels, registry=None, buckets=buckets)
        return self._add(made, name, meaning, labels)

    def scraped(self, name: str, meaning: str, *labels: str) -> Metric:
        METRICS[name] = Metric(name, "gauge", self._roles, meaning, labels)
        return METRICS[name]

    def _add(self, made: T, name: str, meaning: str, labels: tuple[str, ...] = ()) -> T:
        METRICS[name] = Metric(name, type(made).__name__.lower(), self._roles, meaning, labels, made)
        return made


_ingest, _project, _api, _sandbox = (_Of(each) for each in Role)

_RUNS = "What runs, in which role: always 1."
BUILD_INFO = Info("billie_build", _RUNS, registry=None)
METRICS["billie_build_info"] = Metric(
    "billie_build_info", "gauge", EVERY_ROLE, _RUNS, ("role", "version", "python"), BUILD_INFO
)
SERVER_UP = _Of(Role.INGEST, Role.PROJECT, Role.API).scraped(
    "billie_server_up", "1 if a server (redis, event_store, mongodb) answered this scrape.", "server"
)
SERVER_FAILURES = _Of(Role.INGEST, Role.PROJECT, Role.LEDGER_SANDBOX).counter(
    "billie_server_failures_total",
    "Attempts that failed because a server was away or refused; each is repeated.",
)

LOOP_AGE = _Of(Role.INGEST, Role.PROJECT).scraped(
    "billie_loop_age_seconds",
    "Age of the last turn of a loop: the consumer, or a projection. A server that is away stops none.",
    "loop",
)

ENTRIES_READ = _ingest.counter(
    "billie_ingest_entries_total", "Entries read and acknowledged; a redelivered one counts again."
)
ENTRIES_LANDED = _ingest.counter(
    "billie_ingest_landed_total", "Entries whose messages are stored, repeats included."
)
DEAD_LETTERS_SET_ASIDE = _ingest.counter(
    "billie_ingest_dead_letters_total", "Entries that became dead letters, by reason.", "reason"
)
ENTRIES_UNKNOWN = _ingest.counter(
    "billie_ingest_unknown_total", "Entries of types that are not consumed; the status names them."
)
PARTS_UNREADABLE = _ingest.counter(
    "billie_ingest_unreadable_total",
    "Optional parts of messages that could not be read, by type and path.",
    "type",
    "path",
)
TIMES_AHEAD = _ingest.counter(
    "billie_ingest_clock_ahead_total",
    "Times of messages more than ten minutes ahead of the stream's clock.",
    "type",
)
ENTRIES_TRIMMED = _ingest.counter(
    "billie_ingest_trimmed_total", "Entries trimmed from the stream before they were read: lost."
)
MESSAGE_FAILURES = _ingest.counter(
    "billie_ingest_failures_total", "Failures of a message on its own: a bug of ours."
)
BATCH_ENTRIES = _ingest.histogram("billie_ingest_batch_entries", "Entries of a batch.", _ENTRIES)
BATCH_SECONDS = _ingest.histogram(
    "billie_ingest_batch_seconds", "From reading a batch to acknowledging it.", _SLOW
)
STREAM_ENTRIES = _ingest.scraped("billie_stream_entries", "Entries that the inbox stream holds.")
STREAM_UNREAD = _ingest.scraped(
    "billie_stream_unread_entries", "Entries not yet delivered to a consumer; 10,000 may mean more."
)
STREAM_LAG = _ingest.scraped("billie_stream_lag_seconds", "Age of the oldest unread entry; 0 with none.")
STREAM_PENDING = _ingest.scraped("billie_stream_pending_entries", "Entries delivered and not acknowledged.")
STREAM_OLDEST_PENDING = _ingest.scraped(
    "billie_stream_oldest_pending_seconds", "Age of the oldest pending entry; 0 with none."
)
STREAM_LAST_ENTRY_AGE = _ingest.scraped(
    "billie_stream_last_entry_age_seconds",
    "Age of the last entry. A high age without lag means a silent source.",
)
STREAM_USUAL_GAP = _ingest.scraped(
    "billie_stream_usual_gap_seconds",
    "The usual gap at this time of day, learnt from previous days; absent while unknown.",
)
STREAM_QUIET = _ingest.scraped(
    "billie_stream_quiet", "1 if the gap is longer than usual, or than BILLIE_QUIET_SECONDS."
)
DEAD_LETTERS = _ingest.scraped("billie_dead_letters", "Dead letters that wait for a decision.")

EVENTS_PROJECTED = _project.counter(
    "billie_projection_events_total", "Events folded, by projection.", "projection"
)
PROJECTION_SECONDS = _project.histogram(
    "billie_projection_batch_seconds",
    "From reading a projection's events to its new position.",
    _SLOW,
    "projection",
)
LEASES_LOST = _project.counter(
    "billie_projection_leases_lost_total",
    "Leases that this process lost because it stalled or was cut off.",
    "projection",
)
PROJECTION_POSITION = _project.scraped(
    "billie_projection_position", "Position up to which all events are folded.", "projection"
)
PROJECTION_BEHIND = _project.scraped(
    "billie_projection_behind_events", "Positions between it and the newest event.", "projection"
)
PROJECTION_WAITING = _project.scraped(
    "billie_projection_waiting_seconds",
    "Age of the oldest event that is not folded; 0 with none.",
    "projection",
)
PROJECTION_STALLED = _project.scraped(
    "billie_projection_stalled",
    "1 for a stalled projection, by cause; absent otherwise.",
    "projection",
    "cause",
)
DOCUMENTS_SET_ASIDE = _project.scraped(
    "billie_projection_documents_set_aside",
    "Documents set aside because an event could not be applied; counted up to 1,000.",
    "projection",
)
PROJECTION_OUTDATED = _project.scraped(
    "billie_projection_outdated",
    "1 if the documents were folded by another version of the projection.",
    "projection",
)
MIGRATIONS_WAITING = _project.scraped("billie_migrations_waiting", "Migrations not yet applied.")
STORE_POSITION = _project.scraped("billie_event_store_position", "Position of the newest event.")
STORE_NEWEST_AGE = _project.scraped("billie_event_store_newest_event_age_seconds", "Age of the newest event.")

HTTP_REQUESTS = _api.counter(
    "billie_http_requests_total",
    "Requests answered, by route template; HEAD counts as GET, an unknown address as route none.",
    "route",
    "method",
    "status",
)
HTTP_SECONDS = _api.histogram(
    "billie_http_request_seconds",
    "Time to the start of the answer: a stream may last for an hour after that.",
    _FAST,
    "route",
    "method",
)
LEDGER_CALLS = _api.counter(
    "billie_ledger_calls_total",
    "Calls to the ledger; outcome OK, a gRPC status, NOT_ASKED while the breaker is open, or GIVEN_UP.",
    "operation",
    "outcome",
)
LEDGER_SECONDS = _api.histogram(
    "billie_ledger_call_seconds", "Duration of a ledger call.", _FAST, "operation"
)
BREAKER_OPEN = _api.gauge(
    "billie_ledger_breaker_open",
    "1 while the circuit breaker is open: the ledger does not answer and is not called.",
)
MONEY_COMMANDS = _api.counter(
    "billie_money_commands_total",
    "Attempts to post a money command, by outcome: posted, rejected, not_offered, or unanswered, which is "
    "unknown and sent again.",
    "kind",
    "outcome",
)
MONEY_UNKNOWN = _api.scraped("billie_money_unknown_commands", "Money commands with an unknown outcome.")
MONEY_OLDEST_UNKNOWN = _api.scraped(
    "billie_money_oldest_unknown_seconds",
    "Age of the oldest of them; 0 with none. The ledger keeps a key for 24 hours.",
)
MONEY_AWAITING_APPROVAL = _api.scraped(
    "billie_money_awaiting_approval_commands", "Adjustments that wait for a second person."
)
WRITE_OFFS_IRREGULAR = _api.scraped(
    "billie_write_offs_irregular", "Write-offs that the ledger posted against a rule in the last seven days."
)

SANDBOX_CALLS = _sandbox.counter(
    "billie_ledger_sandbox_calls_total", "Calls to the sandbox ledger, by outcome.", "operation", "outcome"
)


def registry_of(role: Role) -> CollectorRegistry:
    """The metrics of a role, and those of its process."""
    disable_created_metrics()  # type: ignore[no-untyped-call] # They would double the series.
    registry = CollectorRegistry()
    BUILD_INFO.info({"role": role.value, "version": __version__, "python": platform.python_version()})
    for each in METRICS.values():
        if role in each.roles and each.instrument is not None:
            registry.register(each.instrument)
    ProcessCollector(registry=registry)
    return registry
