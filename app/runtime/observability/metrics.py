"""Every metric of the system in one table: its meaning and its roles.

``tools/metrics_page.py`` writes docs/metrics.md from it and from the alert rules. Labels have few values, all
known beforehand: no ids, no names, nothing that a publisher or a caller chooses. The code that does the work
moves counters and histograms, once a batch or a call; the other metrics are collected at each scrape.
"""

import platform

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
from app.runtime.observability.metric import (
    ENTRIES,
    EVERY_ROLE,
    FAST,
    METRICS,
    SLOW,
    Metric,
    Role,
    metric,
    scraped,
)

_INGEST, _PROJECT, _API, _SANDBOX = ((each,) for each in Role)

_RUNS = "What runs, in which role: always 1."
BUILD_INFO = Info("billie_build", _RUNS, registry=None)
_BUILD_LABELS = ("role", "version", "python")
METRICS["billie_build_info"] = Metric(
    "billie_build_info", "gauge", EVERY_ROLE, _RUNS, _BUILD_LABELS, BUILD_INFO
)
SERVER_UP = scraped(
    "billie_server_up",
    (Role.INGEST, Role.PROJECT, Role.API),
    "1 if a server (redis, event_store, mongodb) answered this scrape.",
    ("server",),
)
SERVER_FAILURES = metric(
    Counter,
    "billie_server_failures_total",
    (Role.INGEST, Role.PROJECT, Role.LEDGER_SANDBOX),
    "Attempts that failed because a server was away or refused; each is repeated.",
)

LOOP_AGE = scraped(
    "billie_loop_age_seconds",
    (Role.INGEST, Role.PROJECT),
    "Age of the last turn of a loop: the consumer, or a projection. A server that is away stops none.",
    ("loop",),
)

ENTRIES_READ = metric(
    Counter,
    "billie_ingest_entries_total",
    _INGEST,
    "Entries read and acknowledged; a redelivered one counts again.",
)
ENTRIES_LANDED = metric(
    Counter, "billie_ingest_landed_total", _INGEST, "Entries whose messages are stored, repeats included."
)
DEAD_LETTERS_SET_ASIDE = metric(
    Counter,
    "billie_ingest_dead_letters_total",
    _INGEST,
    "Entries that became dead letters, by reason.",
    ("reason",),
)
ENTRIES_UNKNOWN = metric(
    Counter,
    "billie_ingest_unknown_total",
    _INGEST,
    "Entries of types that are not consumed; the status names them.",
)
PARTS_UNREADABLE = metric(
    Counter,
    "billie_ingest_unreadable_total",
    _INGEST,
    "Optional parts of messages that could not be read, by type and path.",
    ("type", "path"),
)
TIMES_AHEAD = metric(
    Counter,
    "billie_ingest_clock_ahead_total",
    _INGEST,
    "Times of messages more than ten minutes ahead of the stream's clock.",
    ("type",),
)
ENTRIES_TRIMMED = metric(
    Counter,
    "billie_ingest_trimmed_total",
    _INGEST,
    "Entries trimmed from the stream before they were read: lost.",
)
MESSAGE_FAILURES = metric(
    Counter, "billie_ingest_failures_total", _INGEST, "Failures of a message on its own: a bug of ours."
)
BATCH_ENTRIES = metric(
    Histogram, "billie_ingest_batch_entries", _INGEST, "Entries of a batch.", buckets=ENTRIES
)
BATCH_SECONDS = metric(
    Histogram,
    "billie_ingest_batch_seconds",
    _INGEST,
    "From reading a batch to acknowledging it.",
    buckets=SLOW,
)
STREAM_ENTRIES = scraped("billie_stream_entries", _INGEST, "Entries that the inbox stream holds.")
STREAM_UNREAD = scraped(
    "billie_stream_unread_entries", _INGEST, "Entries not yet delivered to a consumer; 10,000 may mean more."
)
STREAM_LAG = scraped("billie_stream_lag_seconds", _INGEST, "Age of the oldest unread entry; 0 with none.")
STREAM_PENDING = scraped("billie_stream_pending_entries", _INGEST, "Entries delivered and not acknowledged.")
STREAM_OLDEST_PENDING = scraped(
    "billie_stream_oldest_pending_seconds", _INGEST, "Age of the oldest pending entry; 0 with none."
)
STREAM_LAST_ENTRY_AGE = scraped(
    "billie_stream_last_entry_age_seconds",
    _INGEST,
    "Age of the last entry. A high age without lag means a silent source.",
)
STREAM_USUAL_GAP = scraped(
    "billie_stream_usual_gap_seconds",
    _INGEST,
    "The usual gap at this time of day, learnt from previous days; absent while unknown.",
)
STREAM_QUIET = scraped(
    "billie_stream_quiet", _INGEST, "1 if the gap is longer than usual, or than BILLIE_QUIET_SECONDS."
)
DEAD_LETTERS = scraped("billie_dead_letters", _INGEST, "Dead letters that wait for a decision.")

EVENTS_PROJECTED = metric(
    Counter, "billie_projection_events_total", _PROJECT, "Events folded, by projection.", ("projection",)
)
PROJECTION_SECONDS = metric(
    Histogram,
    "billie_projection_batch_seconds",
    _PROJECT,
    "From reading a projection's events to its new position.",
    ("projection",),
    buckets=SLOW,
)
LEASES_LOST = metric(
    Counter,
    "billie_projection_leases_lost_total",
    _PROJECT,
    "Leases that this process lost because it stalled or was cut off.",
    ("projection",),
)
PROJECTION_POSITION = scraped(
    "billie_projection_position", _PROJECT, "Position up to which all events are folded.", ("projection",)
)
PROJECTION_BEHIND = scraped(
    "billie_projection_behind_events", _PROJECT, "Positions between it and the newest event.", ("projection",)
)
PROJECTION_WAITING = scraped(
    "billie_projection_waiting_seconds",
    _PROJECT,
    "Age of the oldest event that is not folded; 0 with none.",
    ("projection",),
)
PROJECTION_STALLED = scraped(
    "billie_projection_stalled",
    _PROJECT,
    "1 for a stalled projection, by cause; absent otherwise.",
    ("projection", "cause"),
)
DOCUMENTS_SET_ASIDE = scraped(
    "billie_projection_documents_set_aside",
    _PROJECT,
    "Documents set aside because an event could not be applied; counted up to 1,000.",
    ("projection",),
)
PROJECTION_OUTDATED = scraped(
    "billie_projection_outdated",
    _PROJECT,
    "1 if the documents were folded by another version of the projection.",
    ("projection",),
)
MIGRATIONS_WAITING = scraped("billie_migrations_waiting", _PROJECT, "Migrations not yet applied.")
STORE_POSITION = scraped("billie_event_store_position", _PROJECT, "Position of the newest event.")
STORE_NEWEST_AGE = scraped(
    "billie_event_store_newest_event_age_seconds", _PROJECT, "Age of the newest event."
)

HTTP_REQUESTS = metric(
    Counter,
    "billie_http_requests_total",
    _API,
    "Requests answered, by route template; HEAD counts as GET, an unknown address as route none.",
    ("route", "method", "status"),
)
HTTP_SECONDS = metric(
    Histogram,
    "billie_http_request_seconds",
    _API,
    "Time to the start of the answer: a stream may last for an hour after that.",
    ("route", "method"),
    buckets=FAST,
)
LEDGER_CALLS = metric(
    Counter,
    "billie_ledger_calls_total",
    _API,
    "Calls to the ledger; outcome OK, a gRPC status, NOT_ASKED while the breaker is open, or GIVEN_UP.",
    ("operation", "outcome"),
)
LEDGER_SECONDS = metric(
    Histogram, "billie_ledger_call_seconds", _API, "Duration of a ledger call.", ("operation",), buckets=FAST
)
BREAKER_OPEN = metric(
    Gauge,
    "billie_ledger_breaker_open",
    _API,
    "1 while the circuit breaker is open: the ledger does not answer and is not called.",
)
MONEY_COMMANDS = metric(
    Counter,
    "billie_money_commands_total",
    _API,
    "Attempts to post a money command, by outcome: posted, rejected, not_offered, or unanswered, which is "
    "unknown and sent again.",
    ("kind", "outcome"),
)
MONEY_UNKNOWN = scraped("billie_money_unknown_commands", _API, "Money commands with an unknown outcome.")
MONEY_OLDEST_UNKNOWN = scraped(
    "billie_money_oldest_unknown_seconds",
    _API,
    "Age of the oldest of them; 0 with none. The ledger keeps a key for 24 hours.",
)
MONEY_AWAITING_APPROVAL = scraped(
    "billie_money_awaiting_approval_commands", _API, "Adjustments that wait for a second person."
)
WRITE_OFFS_IRREGULAR = scraped(
    "billie_write_offs_irregular",
    _API,
    "Write-offs that the ledger posted against a rule in the last seven days.",
)

SANDBOX_CALLS = metric(
    Counter,
    "billie_ledger_sandbox_calls_total",
    _SANDBOX,
    "Calls to the sandbox ledger, by outcome.",
    ("operation", "outcome"),
)


def table() -> dict[str, Metric]:
    """All metrics by name, in the order of the page."""
    return METRICS


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
