"""Metrics that are asked for when somebody reads ``/metrics``: what the servers tell of the pipeline.

Each process tells of the whole stream, or of all projections, not of its own part alone: with several
processes of a role, take the highest (``max``), as the alert rules do.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pymongo.errors import PyMongoError
from redis import Redis
from redis.exceptions import RedisError

from app.event_store.errors import EVENT_STORE_ERRORS
from app.operations.status.inbox_state import stream_state
from app.operations.status.money_state import money_state
from app.operations.status.report import EventStoreState, GroupState, ProjectionState, ReadModelsState
from app.operations.status.servers import Servers
from app.operations.status.store_state import behind, event_store_state, read_models_state
from app.runtime.observability import metrics
from app.runtime.observability.metric import Metric
from app.runtime.servers.clients import redis_client
from app.runtime.settings.settings import Settings

Families = Iterator[GaugeMetricFamily]

_WITHIN_S = 2


class _Asked(Collector):
    """What one or more servers tell. Nothing is asked before somebody reads."""

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """None beforehand: prometheus_client would ask the servers for it at the start."""
        return ()

    def collect(self) -> Families:
        """Ask. A server that is away is told as such, and leaves out only what it would have told."""
        up = _family(metrics.SERVER_UP)
        yield from self.told(up)
        yield up

    def told(self, up: GaugeMetricFamily) -> Families:
        """What there is to tell; adds to ``up`` which server answered."""
        raise NotImplementedError


class InboxMetrics(_Asked):
    """What Redis tells of the stream, its group and the dead letters."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def source(self) -> dict[str, Any]:
        """For ``/readyz``: whether there is nothing to do, or nobody who publishes. No reason to restart."""
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

    def _redis(self) -> Redis:
        return redis_client(self._settings, socket_timeout=_WITHIN_S, socket_connect_timeout=_WITHIN_S)

    def told(self, up: GaugeMetricFamily) -> Families:
        """A few questions, however much is in there."""
        settings = self._settings
        with closing(self._redis()) as redis:
            try:
                stream, group = stream_state(redis, settings)
                letters = redis.xlen(settings.dead_letter_stream)
            except RedisError:
                up.add_metric(["redis"], 0)
                return
        up.add_metric(["redis"], 1)
        yield _value(metrics.STREAM_ENTRIES, stream.length)
        if stream.last_entry_age_seconds is not None:
            yield _value(metrics.STREAM_LAST_ENTRY_AGE, stream.last_entry_age_seconds)
            yield _value(metrics.STREAM_QUIET, stream.is_quiet)
        if stream.usual_gap_seconds is not None:
            yield _value(metrics.STREAM_USUAL_GAP, stream.usual_gap_seconds)
        if group is not None:
            yield from _of_group(group)
        yield _value(metrics.DEAD_LETTERS, float(letters))


class ProjectionMetrics(_Asked):
    """What MongoDB and the event store tell of the projections."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def told(self, up: GaugeMetricFamily) -> Families:
        """Without the event store, nothing is told of how far there is to go."""
        servers = self._servers
        events, models = self._events(), self._models()
        if events is not None and models is not None:
            try:
                models = behind(models, events.newest_position, servers.event_store())
            except EVENT_STORE_ERRORS:
                events = None
        up.add_metric(["event_store"], events is not None)
        up.add_metric(["mongodb"], models is not None)
        if events is not None:
            yield _value(metrics.STORE_POSITION, events.newest_position)
            if events.newest_event_age_seconds is not None:
                yield _value(metrics.STORE_NEWEST_AGE, events.newest_event_age_seconds)
        if models is not None:
            yield from _of_projections(models)

    def _events(self) -> EventStoreState | None:
        try:
            return event_store_state(self._servers.event_store())
        except EVENT_STORE_ERRORS:
            return None

    def _models(self) -> ReadModelsState | None:
        try:
            return read_models_state(self._servers.database, self._servers.settings)
        except PyMongoError:
            return None


class MoneyMetrics(_Asked):
    """What the read model tells of money commands without an outcome."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def told(self, up: GaugeMetricFamily) -> Families:
        """Ask MongoDB alone."""
        try:
            money = money_state(self._servers.database)
        except PyMongoError:
            up.add_metric(["mongodb"], 0)
            return
        up.add_metric(["mongodb"], 1)
        yield _value(metrics.MONEY_UNKNOWN, money.unknown)
        yield _value(metrics.MONEY_OLDEST_UNKNOWN, money.oldest_unknown_age_seconds or 0.0)
        yield _value(metrics.MONEY_AWAITING, money.awaiting_approval)


def _of_group(group: GroupState) -> Families:
    yield _value(metrics.STREAM_UNREAD, group.unread)
    yield _value(metrics.STREAM_LAG, group.oldest_unread_age_seconds or 0.0)
    yield _value(metrics.STREAM_PENDING, group.pending)
    oldest = group.oldest_pending
    yield _value(metrics.STREAM_OLDEST_PENDING, oldest.age_seconds if oldest else 0.0)


def _of_projections(models: ReadModelsState) -> Families:
    each_by: dict[Metric, Callable[[ProjectionState], float | None]] = {
        metrics.PROJECTION_POSITION: lambda each: each.position,
        metrics.PROJECTION_BEHIND: lambda each: each.behind,
        metrics.PROJECTION_WAITING: lambda each: None if each.behind is None else each.waiting_seconds or 0.0,
        metrics.DOCUMENTS_SET_ASIDE: lambda each: len(each.set_aside),
        metrics.PROJECTION_OUTDATED: lambda each: each.version != each.current_version,
    }
    for metric, value_of in each_by.items():
        family = _family(metric)
        for each in models.projections:
            if (value := value_of(each)) is not None:
                family.add_metric([each.name], float(value))
        yield family
    stands = _family(metrics.PROJECTION_STANDS)
    for each in models.projections:
        if each.standstill is not None:
            stands.add_metric([each.name, each.standstill.cause], 1)
    yield stands
    yield _value(metrics.MIGRATIONS_WAITING, len(models.waiting_migrations))


def _family(metric: Metric) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)


def _value(metric: Metric, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.meaning, value=value)
