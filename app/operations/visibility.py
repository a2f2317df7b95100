"""Read your own writes: waits until published entries can be read in MongoDB, or are known never to be.

What becomes of an entry is not stored by its id. But an entry that was delivered and is no longer pending has
its events in the store, at or below the newest position there: once every projection has come to that
position, the documents show them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic, sleep
from typing import Any

from app.event_store.application import Servicing
from app.ingestion.dead_letters.dead_letter import DeadLetter
from app.ingestion.messages.catalogue import read_entry
from app.ingestion.messages.rejection import RejectedError
from app.ingestion.stream.scripts import set_aside_key
from app.ingestion.stream.stream_info import group_info, parse_id
from app.operations.status.servers import Servers
from app.projections.engine.positions import MongoTrackingRecorder
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings

_SHORTEST_WAIT_S, _LONGEST_WAIT_S = 0.005, 0.05
_PAGE = 1_000


class Fate(StrEnum):
    """What became of an entry."""

    VISIBLE = "visible"
    DEAD_LETTER = "dead_letter"
    UNKNOWN_TYPE = "unknown_type"
    PENDING = "pending"
    """It was not through when the time had run out."""


@dataclass(frozen=True)
class Published:
    """An entry on the inbox stream; ``consumed`` tells whether its type is one that we consume."""

    entry_id: str
    consumed: bool


@dataclass(frozen=True)
class Outcome:
    """What became of one entry; a dead letter's ``letter`` is None once it left the list again."""

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
    """Follows entries through the house. Make it before they are published: it notes the last dead letter."""

    def __init__(self, servers: Servers) -> None:
        """Raises redis's errors."""
        self._servers = servers
        self._settings = servers.settings
        self._redis = servers.redis
        self._last_dead_letter = servers.dead_letters().last_id()

    def wait(
        self,
        published: Sequence[Published],
        seconds: float,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Outcome]:
        """What became of each entry, within so many seconds. ``on_progress`` is told how many are not taken.

        Raises the errors of a server that is away.
        """
        deadline = monotonic() + seconds
        untaken = self._until_taken(published, deadline, on_progress)
        taken = [each for each in published if each.entry_id not in untaken]
        dead = self._set_aside([each.entry_id for each in taken])
        letters = self._letters(dead)
        landed = any(each.consumed and each.entry_id not in dead for each in taken)
        folded = not landed or self._until_folded(deadline)

        def fate(each: Published) -> Fate:
            if each.entry_id in untaken:
                return Fate.PENDING
            if each.entry_id in dead:
                return Fate.DEAD_LETTER
            if not each.consumed:
                return Fate.UNKNOWN_TYPE
            return Fate.VISIBLE if folded else Fate.PENDING

        return [Outcome(each.entry_id, fate(each), letters.get(each.entry_id)) for each in published]

    def _until_taken(
        self, published: Sequence[Published], deadline: float, on_progress: Callable[[int], None] | None
    ) -> set[str]:
        """The ids of those that are not acknowledged when the time has run out."""
        left = [each.entry_id for each in published]
        for _ in _tries(deadline):
            left = self._untaken(left)
            if on_progress is not None:
                on_progress(len(left))
            if not left:
                break
        return set(left)

    def _untaken(self, ids: Sequence[str]) -> list[str]:
        group = group_info(self._redis, self._settings.inbox_stream, self._settings.consumer_group)
        if group is None or not ids:
            return list(ids)  # Whoever makes the group reads the stream from its beginning.
        # Asked in this order: an entry that was delivered is pending until it is done, and then stays done.
        delivered = parse_id(group["last-delivered-id"])
        pending = set(self._pending(ids[0], ids[-1]))
        return [each for each in ids if each in pending or parse_id(each) > delivered]

    def _pending(self, first: str, last: str) -> Iterator[str]:
        stream, group = self._settings.inbox_stream, self._settings.consumer_group
        while True:
            found: Any = self._redis.xpending_range(stream, group, first, last, _PAGE)
            yield from (each["message_id"].decode() for each in found)
            if len(found) < _PAGE:
                return
            first = f"({found[-1]['message_id'].decode()}"

    def _set_aside(self, ids: Sequence[str]) -> set[str]:
        """Those that became dead letters, also where their letter has left the list since."""
        key = set_aside_key(self._settings.inbox_stream, self._settings.dead_letter_stream)
        dead: set[str] = set()
        for start in range(0, len(ids), _PAGE):
            page = list(ids[start : start + _PAGE])
            answers: Any = self._redis.smismember(key, page)
            dead.update(each for each, is_dead in zip(page, answers, strict=True) if is_dead)
        return dead

    def _letters(self, ids: set[str]) -> dict[str, DeadLetter]:
        if not ids:
            return {}
        return {
            letter.entry_id: letter
            for letter in self._servers.dead_letters().search(start=f"({self._last_dead_letter}")
            if letter.entry_id in ids and letter.stream == self._settings.inbox_stream
        }

    def _until_folded(self, deadline: float) -> bool:
        newest = self._servers.event_store().max_position() or None
        recorders = [
            MongoTrackingRecorder(self._servers.database, name) for name in all_projections(self._settings)
        ]
        for _ in _tries(deadline):
            recorders = [each for each in recorders if not each.has_tracking_id(Servicing.name, newest)]
            if not recorders:
                return True
        return False


def tally(outcomes: Iterable[Outcome]) -> dict[Fate, int]:
    """How many there are of each fate."""
    counts = dict.fromkeys(Fate, 0)
    for outcome in outcomes:
        counts[outcome.fate] += 1
    return counts


def _tries(deadline: float) -> Iterator[None]:
    """Now, and again after a wait that grows, until the deadline; once in any case."""
    wait = _SHORTEST_WAIT_S
    while True:
        yield
        remaining = deadline - monotonic()
        if remaining <= 0:
            return
        sleep(min(wait, remaining))
        wait = min(_LONGEST_WAIT_S, wait * 2)
