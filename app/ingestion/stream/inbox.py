"""The inbox stream as one consumer of the group sees it: takes entries, and reads them into batches."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic, perf_counter
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import ResponseError

from app.ingestion.messages.catalogue import Message, read_entry
from app.ingestion.messages.envelope import entry_type
from app.ingestion.messages.parsers import NO_PARSERS, Parsers
from app.ingestion.messages.rejection import RejectedError, printable
from app.ingestion.stream.stream_info import oddities_key, unknown_types_keys
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

_BLOCK_MS = 500
_CLAIM_EVERY_S = 5.0
_START, _NEW = b"0-0", b">"
_READ_FIRST, _READ_AT_ONCE = 50, 200
"""Entries per reply of Redis, which arrives whole, however large they are: the first, and later ones."""
_MOST_BYTES = 16 * 1024 * 1024
"""Of entries taken together: parsed, and as events, they need several times that."""

_CREATE_GROUP = """
redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
redis.call('DEL', KEYS[2], KEYS[3])
"""

Entry = tuple[bytes, dict[bytes, bytes] | None]
"""An entry's id and fields; without fields, it was trimmed from the stream while it was pending."""


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
        """Where to continue among our own pending entries; None when all are read."""
        self._retry_at: float | None = None
        self._claim_at = 0.0
        self._claim_from = _START

    def next(self, *, block: bool) -> Taken:
        """The next entries, or none; with ``block``, waits half a second for new ones.

        Creates the group if it is missing: it was deleted, or Redis came back empty. Raises redis's errors.
        """
        try:
            return self._next(block=block)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            self._create_group()
            return self._next(block=block)

    def read_own_again(self) -> None:
        """Start with what was read and not acknowledged: it is pending."""
        self._own_after = _START

    def retry_own_in(self, seconds: float) -> None:
        """Read our own pending entries again in so many seconds."""
        at = monotonic() + seconds
        self._retry_at = at if self._retry_at is None else min(self._retry_at, at)

    def drained(self) -> bool:
        """Whether nothing is pending in the group, with any consumer."""
        return not self._redis.xpending(self._stream, self._group)["pending"]

    def _next(self, *, block: bool) -> Taken:
        if self._retry_at is not None and monotonic() >= self._retry_at:
            self._retry_at, self._own_after = None, _START
        if self._own_after is not None:
            taken = self._read_on(self._own_after)
            if taken.entries:
                self._own_after = taken.entries[-1][0]
                return taken
            self._own_after = None
        if monotonic() >= self._claim_at and (entries := self._claim()):
            return Taken(entries, fresh=False)
        return self._read_on(_NEW, block_ms=_BLOCK_MS if block else None)

    def _read_on(self, after: bytes, block_ms: int | None = None) -> Taken:
        """A batch of entries, read in parts until it is full, too large, or there are no more."""
        entries: list[Entry] = []
        size = 0
        while (left := self._settings.ingest_batch - len(entries)) and size < _MOST_BYTES:
            # As many as fit, if they are as large as those before.
            fitting = (_MOST_BYTES - size) * len(entries) // size if size else _READ_FIRST
            count = min(left, _READ_AT_ONCE, max(1, fitting))
            part = self._read(after, count, block_ms)
            entries += part
            size += sum(_size(fields) for _, fields in part)
            if len(part) < count:
                break
            after, block_ms = (after if after == _NEW else part[-1][0]), None
        return Taken(entries, fresh=after == _NEW)

    def _read(self, after: bytes, count: int, block_ms: int | None) -> list[Entry]:
        answer: Any = self._redis.xreadgroup(
            self._group, self._consumer, {self._stream: after}, count=count, block=block_ms
        )
        return list(answer[0][1]) if answer else []

    def _claim(self) -> list[Entry]:
        """Entries that another consumer took and abandoned.

        A call checks only a part of what is pending: the next one continues there, and pauses at the end.
        """
        answer: Any = self._redis.xautoclaim(
            self._stream,
            self._group,
            self._consumer,
            self._settings.claim_idle_ms,
            start_id=self._claim_from,
            count=min(self._settings.ingest_batch, _READ_FIRST),
        )
        self._claim_from = answer[0]
        if self._claim_from == _START:
            self._claim_at = monotonic() + min(_CLAIM_EVERY_S, self._settings.claim_idle_ms / 1_000)
        claimed = [entry for entry in answer[1] if entry[0] is not None]
        if len(claimed) < len(answer[1]):
            self._own_after = _START  # Redis 6.2 does not say which were trimmed; our own pending list does.
        return claimed

    def _create_group(self) -> None:
        """At id 0: what the stream still holds is read again, counted again, and absorbed as repeats."""
        keys = (self._stream, unknown_types_keys(self._stream)[0], oddities_key(self._stream))
        try:
            self._redis.eval(_CREATE_GROUP, len(keys), *keys, self._group)
            log.warning("Created the consumer group %s on %s", self._group, self._stream)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        self._own_after = _START


def _size(fields: dict[bytes, bytes] | None) -> int:
    return sum(map(len, fields)) + sum(map(len, fields.values())) if fields else 0


@dataclass
class Batch:
    """Entries by what they hold. ``fresh``: read for the first time, so none has failed before."""

    entries: Sequence[Entry]
    fresh: bool
    messages: list[Message] = field(default_factory=list)
    rejected: list[tuple[bytes, RejectedError]] = field(default_factory=list)
    unknown: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    trimmed: list[bytes] = field(default_factory=list)
    read_at: float = field(default_factory=perf_counter)


def read_batch(
    settings: Settings, entries: Sequence[Entry], parsers: Parsers = NO_PARSERS, *, fresh: bool = False
) -> Batch:
    """Parse entries. An entry that cannot be parsed is listed as rejected; nothing is raised."""
    stream, max_bytes = settings.inbox_stream, settings.max_message_bytes
    batch = Batch(entries, fresh)
    for entry_id, fields in entries:
        if not fields:
            batch.trimmed.append(entry_id)
            continue
        try:
            message = read_entry(stream, entry_id, fields, max_bytes, parsers)
        except RejectedError as why:
            batch.rejected.append((entry_id, why))
            continue
        if message is None:
            batch.unknown[printable(entry_type(fields) or "")].append(entry_id)
        else:
            batch.messages.append(message)
    return batch
