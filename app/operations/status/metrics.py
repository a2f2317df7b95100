"""Metrics that are computed at each scrape of ``/metrics``: the pipeline's state as the servers report it.

Each process reports the whole stream, or all projections, not only its own part: with several processes of a
role, take the maximum, as the alert rules do.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pymongo.errors import PyMongoError
from redis import Redis
from redis.exceptions import RedisError

from app.event_store.errors import EVENT_STORE_ERRORS
from app.operations.servers import TIMEOUT_S, Servers
from app.operations.status.inbox import stream_state
from app.operations.status.report import EventStoreState, ProjectionState, ReadModelsState
from app.operations.status.stores import event_store_state, lag_behind, money_state, read_models_state
from app.runtime.observability import metrics
from app.runtime.observability.metrics import Metric
from app.runtime.servers.clients import redis_client
from app.runtime.settings.settings import Settings

Labelled = dict[tuple[str, ...], float]
Values = dict[Metric, float | Labelled | None]
"""A metric's value, or one for each set of labels; without those that are None."""

_PER_PROJECTION: Mapping[Metric, Callable[[ProjectionState], float | None]] = {
    metrics.PROJECTION_POSITION: lambda each: each.position,
    metrics.PROJECTION_BEHIND: lambda each: each.behind,
    metrics.PROJECTION_WAITING: lambda each: None if each.behind is None else each.waiting_seconds or 0.0,
    metrics.DOCUMENTS_SET_ASIDE: lambda each: len(each.set_aside),
    metrics.PROJECTION_OUTDATED: lambda each: each.version != each.current_version,
}


class _Scraped(Collector):
    """Asks servers at each scrape. An absent server only leaves out its own metrics."""

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing in advance: prometheus_client would otherwise collect once at registration."""
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for metric, value in self.values().items():
            if value is not None:
                family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
                for labels, number in (value if isinstance(value, dict) else {(): value}).items():
                    family.add_metric(labels, float(number))
                yield family

    def values(self) -> Values:
        """The metrics, and which servers answered."""
        raise NotImplementedError


class InboxMetrics(_Scraped):
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def source(self) -> dict[str, Any]:
        """For ``/readyz``: whether the source is quiet. That is information, and no reason to restart."""
        with closing(self._redis()) as redis:
            try:
                stream, group = stream_state(redis, self._settings)
            except RedisError:
                return {"source": "away"}
        return {
            "source": "quiet" if stream.is_quiet else "ok",
            "lastEntryAgeSeconds": stream.last_entry_age_seconds,
            "usualGapSeconds": stream.usual_gap_seconds,
            "lagSeconds": 0.0 if group is None else group.oldest_unread_age_seconds or 0.0,
        }

    def values(self) -> Values:
        with closing(self._redis()) as redis:
            try:
                stream, group = stream_state(redis, self._settings)
                dead_letters: Any = redis.xlen(self._settings.dead_letter_stream)
            except RedisError:
                return {metrics.SERVER_UP: {("redis",): 0}}
        age = stream.last_entry_age_seconds
        values: Values = {
            metrics.SERVER_UP: {("redis",): 1},
            metrics.STREAM_ENTRIES: stream.length,
            metrics.STREAM_LAST_ENTRY_AGE: age,
            metrics.STREAM_QUIET: None if age is None else stream.is_quiet,
            metrics.STREAM_USUAL_GAP: stream.usual_gap_seconds,
            metrics.DEAD_LETTERS: dead_letters,
        }
        if group is None:
            return values
        return values | {
            metrics.STREAM_UNREAD: group.unread,
            metrics.STREAM_LAG: group.oldest_unread_age_seconds or 0.0,
            metrics.STREAM_PENDING: group.pending,
            metrics.STREAM_OLDEST_PENDING: group.oldest_pending.age_seconds if group.oldest_pending else 0.0,
        }

    def _redis(self) -> Redis:
        return redis_client(self._settings, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)


class ProjectionMetrics(_Scraped):
    """The projections, and the event store that they follow."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def values(self) -> Values:
        servers = self._servers
        events: EventStoreState | None = None
        models: ReadModelsState | None = None
        with suppress(PyMongoError):
            models = read_models_state(servers.database)
        try:
            events = event_store_state(servers.event_store())
            if models is not None:
                models = lag_behind(models, servers.event_store())
        except EVENT_STORE_ERRORS:
            events = None
        up: Labelled = {("event_store",): events is not None, ("mongodb",): models is not None}
        values: Values = {metrics.SERVER_UP: up}
        if events is not None:
            values[metrics.STORE_POSITION] = events.newest_position
            values[metrics.STORE_NEWEST_AGE] = events.newest_event_age_seconds
        return values if models is None else values | _of_projections(models)


class MoneyMetrics(_Scraped):
    """Money commands without an outcome, and irregular write-offs."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def values(self) -> Values:
        try:
            money = money_state(self._servers.database)
        except PyMongoError:
            return {metrics.SERVER_UP: {("mongodb",): 0}}
        return {
            metrics.SERVER_UP: {("mongodb",): 1},
            metrics.MONEY_UNKNOWN: money.unknown,
            metrics.MONEY_OLDEST_UNKNOWN: money.oldest_unknown_age_seconds or 0.0,
            metrics.MONEY_AWAITING_APPROVAL: money.awaiting_approval,
            metrics.WRITE_OFFS_IRREGULAR: money.irregular_write_offs,
        }


def _of_projections(models: ReadModelsState) -> Values:
    stalled: Labelled = {
        (each.name, each.standstill.cause): 1 for each in models.projections if each.standstill is not None
    }
    values: Values = {
        metrics.PROJECTION_STALLED: stalled,
        metrics.MIGRATIONS_WAITING: len(models.waiting_migrations),
    }
    for metric, value_of in _PER_PROJECTION.items():
        found = {(each.name,): value_of(each) for each in models.projections}
        values[metric] = {labels: value for labels, value in found.items() if value is not None}
    return values
