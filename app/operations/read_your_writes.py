"""Read your own writes: waits until published entries can be read in MongoDB, or never will be.

The outcome of an entry is not stored by its id. But the events of an entry that was delivered and is no
longer pending are in the store, at or below its newest position: once every projection has reached that
position, the documents show them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from time import monotonic, sleep
from typing import Any, NamedTuple

from redis import Redis

from app.event_store.application import Servicing
from app.ingestion.dead_letters.dead_letter import DeadLetter
from app.ingestion.messages.catalogue import read_entry
from app.ingestion.messages.rejection import RejectedError
from app.ingestion.stream.stream_info import group_info, parse_id, set_aside_key
from app.operations.servers import Servers
from app.projections.engine.positions import MongoTrackingRecorder
from app.projections.read_models.versions import VERSIONS
from app.runtime.settings.settings import Settings

_SHORTEST_WAIT_S, _LONGEST_WAIT_S = 0.005, 0.05
_PAGE = 1_000


class Fate(StrEnum):
    """What became of an entry."""

    VISIBLE = "visible"
    DEAD_LETTER = "dead_letter"
    UNKNOWN_TYPE = "unknown_type"
    PENDING = "pending"
    """It was still being processed when the time ran out."""


class Published(NamedTuple):
    """An entry on the inbox stream, and whether its type is one that we consume."""

    entry_id: str
    consumed: bool


class Outcome(NamedTuple):
    """What became of one entry; ``letter`` is None if the dead letter has left the list again."""

    entry_id: str
    fate: Fate
    letter: DeadLetter | None = None


def is_consumed(entry: Mapping[str, str], settings: Settings) -> bool:
    """Whether an entry is of a type that we consume, or one that becomes a dead letter."""
    fields = {name.encode(): text.encode() for name, text in entry.items()}
    try:
        return read_entry(settings.inbox_stream, b"0-0", fields, settings.max_message_bytes) is not None
    except RejectedError:
        return True


class Visibility:
    """Follows entries to the documents. Create it before publishing them: it notes the last dead letter."""

    def __init__(self, servers: Servers) -> None:
        """Raises redis's errors."""
        self._servers = servers
        self._settings = servers.settings
        self._redis = servers.redis
        self._last_dead_letter = servers.dead_letters().last_id()

    def wait(
        self, published: Sequence[Published], seconds: float, on_progress: Callable[[int], None] | None = None
    ) -> list[Outcome]:
        """What became of each entry, within so many seconds.

        ``on_progress`` gets the number of entries that are not acknowledged. Raises the errors of a server
        that is away.
        """
        deadline = monotonic() + seconds
        waiting = [each.entry_id for each in published]
        for _ in _attempts(deadline):
            waiting = unacknowledged(self._redis, self._settings, waiting)
            if on_progress is not None:
                on_progress(len(waiting))
            if not waiting:
                break
        pending = set(waiting)
        acknowledged = [each for each in published if each.entry_id not in pending]
        dead = set_aside(self._redis, self._settings, [each.entry_id for each in acknowledged])
        dead_letters = self._dead_letters(dead)
        stored = any(each.consumed and each.entry_id not in dead for each in acknowledged)
        is_projected = not stored or self._until_projected(deadline)

        def fate(each: Published) -> Fate:
            if each.entry_id in pending:
                return Fate.PENDING
            if each.entry_id in dead:
                return Fate.DEAD_LETTER
            if not each.consumed:
                return Fate.UNKNOWN_TYPE
            return Fate.VISIBLE if is_projected else Fate.PENDING

        return [Outcome(each.entry_id, fate(each), dead_letters.get(each.entry_id)) for each in published]

    def _dead_letters(self, ids: set[str]) -> dict[str, DeadLetter]:
        if not ids:
            return {}
        return {
            each.entry_id: each
            for each in self._servers.dead_letters().search(start=f"({self._last_dead_letter}")
            if each.entry_id in ids and each.stream == self._settings.inbox_stream
        }

    def _until_projected(self, deadline: float) -> bool:
        newest = self._servers.event_store().max_position() or None
        recorders = [MongoTrackingRecorder(self._servers.database, name) for name in VERSIONS]
        for _ in _attempts(deadline):
            recorders = [each for each in recorders if not each.has_tracking_id(Servicing.name, newest)]
            if not recorders:
                return True
        return False


def unacknowledged(redis: Redis, settings: Settings, ids: Sequence[str]) -> list[str]:
    """Of ``ids``, in their order, those that were not delivered, or are pending. Raises redis's errors."""
    stream, name = settings.inbox_stream, settings.consumer_group
    group = group_info(redis, stream, name)
    if group is None or not ids:
        return list(ids)  # A new group will read the stream from its beginning.
    # In this order: an entry that was delivered is pending until it is acknowledged, and never again.
    delivered = parse_id(group["last-delivered-id"])
    pending, first = set[str](), ids[0]
    while True:
        found: Any = redis.xpending_range(stream, name, first, ids[-1], _PAGE)
        pending |= {each["message_id"].decode() for each in found}
        if len(found) < _PAGE:
            return [each for each in ids if each in pending or parse_id(each) > delivered]
        first = f"({found[-1]['message_id'].decode()}"


def set_aside(redis: Redis, settings: Settings, ids: Sequence[str]) -> set[str]:
    """Those that became dead letters, even if the dead letter has left the list since."""
    key, dead = set_aside_key(settings.inbox_stream, settings.dead_letter_stream), set[str]()
    for start in range(0, len(ids), _PAGE):
        page = list(ids[start : start + _PAGE])
        answers: Any = redis.smismember(key, page)
        dead.update(each for each, is_dead in zip(page, answers, strict=True) if is_dead)
    return dead


def _attempts(deadline: float) -> Iterator[None]:
    """At once, and again after a growing wait, until the deadline."""
    wait = _SHORTEST_WAIT_S
    while True:
        yield
        remaining = deadline - monotonic()
        if remaining <= 0:
            return
        sleep(min(wait, remaining))
        wait = min(_LONGEST_WAIT_S, wait * 2)
