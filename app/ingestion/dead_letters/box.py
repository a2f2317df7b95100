"""The dead letters of a stream: looked through, replayed through the same door, discarded with a record.

Any number of operators may do so at once: who takes a letter off the list does it in one step with what
takes its place, so no entry ever has two letters or two records.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event as Flag
from typing import Any

import orjson
from redis import Redis

from app.event_store.application import Servicing
from app.ingestion.dead_letters.letter import DeadLetter, to_bytes, to_text
from app.ingestion.dead_letters.scan import Filter, LetterSummary, scan, summary_fields
from app.ingestion.messages.catalogue import read_entry
from app.ingestion.messages.parsers import NO_PARSERS, Parsers
from app.ingestion.messages.rejection import Reason, Unusable, failed
from app.ingestion.stream.apply import land
from app.runtime.settings.settings import Settings

_MOST_SCANNED = 10_000

# A script is not undone where Redis refuses to add, for want of memory: so adding comes first.
_REPLACE = """
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return false end
local added = ''
if #ARGV > 1 then added = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2)) end
redis.call('XDEL', KEYS[1], ARGV[1])
return added
"""
_DISCARD = """
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #found == 0 then return 0 end
local record = found[1][2]
for i = 2, #ARGV do record[#record + 1] = ARGV[i] end
redis.call('XADD', KEYS[2], '*', unpack(record))
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
"""


def discarded_stream(dead_letter_stream: str) -> str:
    """Where discarded dead letters are kept, with who discarded them, when and why."""
    return f"{dead_letter_stream}:discarded"


@dataclass(frozen=True)
class StoredLetter(LetterSummary):
    """A dead letter, whole: with the original entry."""

    entry: dict[str, str]

    def original(self) -> dict[bytes, bytes]:
        """The fields of the original entry, to the byte."""
        return {to_bytes(name): to_bytes(value) for name, value in self.entry.items()}


@dataclass(frozen=True)
class Replayed:
    """What became of a replay. ``why`` it failed again, if so, and the ``letter_id`` that it has now.

    No ``letter_id``: it is off the list, because it landed or because somebody else took it off meanwhile.
    """

    why: Unusable | None
    letter_id: str | None


@dataclass(frozen=True)
class LetterPage:
    """Some dead letters. ``after`` is where to go on, None at the end."""

    letters: list[LetterSummary]
    after: str | None


@dataclass(frozen=True)
class LetterCounts:
    """How many there are, by reason. ``complete`` is false where only the oldest were counted."""

    by_reason: Counter[str]
    looked_at: int
    complete: bool


class DeadLetterBox:
    """What an operator does with dead letters."""

    def __init__(self, redis: Redis, settings: Settings, parsers: Parsers = NO_PARSERS) -> None:
        self._redis = redis
        self._parsers = parsers
        self._settings = settings
        self._stream = settings.dead_letter_stream

    def discarded(self) -> "DeadLetterBox":
        """Those that were discarded, under ids of their own: a box to look into, and to delete from."""
        elsewhere = {"dead_letter_stream": discarded_stream(self._stream)}
        return DeadLetterBox(self._redis, self._settings.model_copy(update=elsewhere))

    def __len__(self) -> int:
        return int(self._redis.xlen(self._stream))

    def summaries(self, wanted: Filter = Filter(), *, start: str = "-") -> Iterator[LetterSummary]:
        """The dead letters, oldest first, without their entries."""
        for stretch in scan(self._redis, self._stream, wanted, start=start):
            yield from stretch.matches

    def letters(
        self, *, reason: str | None = None, kind: str | None = None, before: datetime | None = None
    ) -> Iterator[StoredLetter]:
        """The dead letters, whole, oldest first; those that leave the list meanwhile are passed over."""
        for summary in self.summaries(Filter(reason, kind, before)):
            if (letter := self.get(summary.letter_id)) is not None:
                yield letter

    def page(self, wanted: Filter, limit: int, after: str | None = None) -> LetterPage:
        """At most ``limit``, oldest first, those after the id ``after``. Ends early on a long search."""
        found: list[LetterSummary] = []
        looked_at = 0
        for stretch in scan(self._redis, self._stream, wanted, start=f"({after}" if after else "-"):
            found += stretch.matches
            looked_at += stretch.looked_at
            if len(found) > limit:
                return LetterPage(found[:limit], found[limit - 1].letter_id)
            if looked_at >= _MOST_SCANNED:
                return LetterPage(found, stretch.last_id)
        return LetterPage(found, None)

    def counts(self, wanted: Filter = Filter(), *, start: str = "-") -> LetterCounts:
        """Count them by reason: the oldest ten thousand, where there are more."""
        by_reason: Counter[str] = Counter()
        looked_at = 0
        for stretch in scan(self._redis, self._stream, wanted, start=start):
            if looked_at >= _MOST_SCANNED:
                return LetterCounts(by_reason, looked_at, complete=False)
            by_reason.update(letter.reason for letter in stretch.matches)
            looked_at += stretch.looked_at
        return LetterCounts(by_reason, looked_at, complete=True)

    def get(self, letter_id: str) -> StoredLetter | None:
        """One dead letter; None where it left the list, or never was. Raises redis's ResponseError."""
        found: Any = self._redis.xrange(self._stream, letter_id, letter_id)
        return _stored(*found[0]) if found else None

    def replay(self, letter: StoredLetter, servicing: Servicing) -> Replayed:
        """Land the original entry, unchanged, under its own identity.

        It leaves the list if it landed. Otherwise it stays, with the new reason and a new id. Raises one
        of EVENT_STORE_ERRORS or redis's errors: then it is still on the list.
        """
        why = self._land(letter, servicing)
        arguments = [letter.letter_id]
        if why is not None:
            if (why.reason, why.path, why.error) == (letter.reason, letter.path, letter.error):
                return Replayed(why, letter.letter_id)
            again = DeadLetter(letter.stream, letter.entry_id, letter.original(), why, letter.deliveries + 1)
            arguments += [text for field in again.as_entry().items() for text in field]
        added: Any = self._redis.register_script(_REPLACE)([self._stream], arguments)
        return Replayed(why, added.decode() if added else None)

    def discard(self, letter_id: str, who: str, because: str) -> bool:
        """Take it off the list, and keep it with who, when and why. False where it was not on the list."""
        record = {"discarded_by": who, "discarded_at": datetime.now(UTC).isoformat(), "because": because}
        arguments = [letter_id, *(text for field in record.items() for text in field)]
        keys = [self._stream, discarded_stream(self._stream)]
        return bool(self._redis.register_script(_DISCARD)(keys, arguments))

    def delete(self, letter_id: str) -> bool:
        """Remove it for good, without a record. False where it was not there. Raises redis's errors."""
        return bool(self._redis.xdel(self._stream, letter_id))

    def _land(self, letter: StoredLetter, servicing: Servicing) -> Unusable | None:
        if letter.reason == Reason.FOREIGN:
            return Unusable(Reason.FOREIGN, letter.path, letter.error)
        try:
            message = read_entry(
                letter.stream,
                letter.entry_id.encode(),
                letter.original(),
                self._settings.max_message_bytes,
                self._parsers,
            )
        except Unusable as why:
            return why
        if message is None:
            return Unusable(Reason.UNKNOWN_TYPE, "type", "this release does not consume it")
        landing = land(servicing, [message], Flag())
        if landing.unusable:
            return landing.unusable[0][1]
        if landing.failed:
            return failed(landing.failed[0][1])
        return None


def _stored(letter_id: bytes, fields: dict[bytes, bytes]) -> StoredLetter:
    texts = {to_text(name): to_text(value) for name, value in fields.items()}
    summary = summary_fields(texts | {"letter_id": letter_id.decode()})
    entry = texts if summary["reason"] == Reason.FOREIGN else orjson.loads(texts["entry"])
    return StoredLetter(**summary, entry=entry)
