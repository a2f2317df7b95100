"""Removes long-dead consumers from the group, and old entries from the stream."""

import logging
from time import monotonic

from redis import Redis

from app.ingestion.stream import scripts
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

_EVERY_S = 60.0
_HOUR_MS = 3_600_000
_MANY = 1_000
"""A call that trims fewer entries was the last."""


class Housekeeping:
    """Done by every consumer once a minute, between batches."""

    def __init__(self, settings: Settings, redis: Redis, consumer: str) -> None:
        self._settings = settings
        self._redis = redis
        self._consumer = consumer
        self._due_at = 0.0

    def do_if_due(self) -> None:
        """Raises redis's errors."""
        if monotonic() >= self._due_at:
            self._due_at = monotonic() + _EVERY_S
            self.do()

    def do(self) -> None:
        """Remove long-dead consumers with nothing pending and, if a retention is set, old entries."""
        settings, stream = self._settings, self._settings.inbox_stream
        idle_ms = round(settings.forget_consumer_hours * _HOUR_MS)
        for name in scripts.forget_consumers(
            self._redis, stream, settings.consumer_group, idle_ms, self._consumer
        ):
            log.info("Removed the consumer %s: long idle, with nothing pending", name)
        if settings.trim_after_hours is None:
            return
        trimmed = 0
        while removed := scripts.trim(self._redis, stream, round(settings.trim_after_hours * _HOUR_MS)):
            trimmed += removed
            if removed < _MANY:
                break
        if trimmed:
            log.info("Trimmed %d entries that every group has acknowledged", trimmed)
