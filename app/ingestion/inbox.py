"""The inbox stream as one consumer of the group sees it: which entries to take next."""

import logging
from collections.abc import Sequence
from time import monotonic
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import ResponseError

from app.ingestion import lua
from app.ingestion.batch import Entry
from app.runtime.settings import Settings

log = logging.getLogger(__name__)

_BLOCK_MS = 500
_CLAIM_EVERY_S = 5.0
_START = b"0-0"


class Taken(NamedTuple):
    """Entries taken from the stream; ``fresh``: read for the first time."""

    entries: Sequence[Entry]
    fresh: bool


class Inbox:
    """Gives a consumer its own pending entries first, then others' that lie idle, then new ones."""

    def __init__(self, settings: Settings, redis: Redis, consumer: str) -> None:
        self._settings = settings
        self._redis = redis
        self._stream = settings.inbox_stream
        self._group = settings.consumer_group
        self._consumer = consumer
        self._own_after: bytes | None = _START
        """Where to go on among our own pending entries; None when there are none left to read."""
        self._retry_at: float | None = None
        self._claim_at = 0.0
        self._claim_from = _START

    def next(self, *, block: bool) -> Taken:
        """The next entries, or none; with ``block``, it waits half a second for new ones.

        A group that is missing (deleted, or with a Redis that came back empty) is created. Raises redis's
        errors.
        """
        try:
            return self._next(block=block)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            self._create_group()
            return self._next(block=block)

    def read_own_again(self) -> None:
        """What was read and not acknowledged is pending: begin with that."""
        self._own_after = _START

    def retry_own_in(self, seconds: float) -> None:
        """Read our own pending entries again, so many seconds from now."""
        at = monotonic() + seconds
        self._retry_at = at if self._retry_at is None else min(self._retry_at, at)

    def drained(self) -> bool:
        """Whether nothing is pending in the group, with any consumer."""
        pending: Any = self._redis.xpending(self._stream, self._group)
        return not pending["pending"]

    def _next(self, *, block: bool) -> Taken:
        if self._retry_at is not None and monotonic() >= self._retry_at:
            self._retry_at, self._own_after = None, _START
        if self._own_after is not None:
            if entries := self._read(self._own_after):
                self._own_after = entries[-1][0]
                return Taken(entries, fresh=False)
            self._own_after = None
        if monotonic() >= self._claim_at and (entries := self._claim()):
            return Taken(entries, fresh=False)
        return Taken(self._read(b">", block_ms=_BLOCK_MS if block else None), fresh=True)

    def _read(self, after: bytes, block_ms: int | None = None) -> list[Entry]:
        answer: Any = self._redis.xreadgroup(
            self._group,
            self._consumer,
            {self._stream: after},
            count=self._settings.ingest_batch,
            block=block_ms,
        )
        return list(answer[0][1]) if answer else []

    def _claim(self) -> list[Entry]:
        """Entries that another consumer took, and left lying.

        A call looks at a part of what is pending only, so it goes on from there, and rests at the end.
        """
        answer: Any = self._redis.xautoclaim(
            self._stream,
            self._group,
            self._consumer,
            self._settings.claim_idle_ms,
            start_id=self._claim_from,
            count=self._settings.ingest_batch,
        )
        self._claim_from = answer[0]
        if self._claim_from == _START:
            self._claim_at = monotonic() + min(_CLAIM_EVERY_S, self._settings.claim_idle_ms / 1_000)
        claimed = [entry for entry in answer[1] if entry[0] is not None]
        if len(claimed) < len(answer[1]):
            self._own_after = _START  # Redis 6.2 does not say which were trimmed; our own pending list does.
        return claimed

    def _create_group(self) -> None:
        """At id 0: what the stream still holds is read again, which changes nothing."""
        try:
            lua.create_group(self._redis, self._stream, self._group)
            log.warning("Created the consumer group %s on %s", self._group, self._stream)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        self._own_after = _START
