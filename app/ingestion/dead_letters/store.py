"""The dead letters of a stream: searched, replayed, discarded with a record, deleted.

Any number of operators may work on them at once: a script takes a dead letter off the list and adds what
replaces it in one step, so an entry never has two dead letters or two records.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from threading import Event as Flag
from typing import Any, NamedTuple

from redis import Redis

from app.event_store.application import Servicing
from app.ingestion.dead_letters.dead_letter import DeadLetter, DeadLetterInFull, record_of, to_text
from app.ingestion.dead_letters.scan import Filter, scan
from app.ingestion.messages.parsers import NO_PARSERS, Parsers
from app.ingestion.messages.rejection import Reason, RejectedError, failed
from app.ingestion.stream.stream_info import stream_info
from app.runtime.camel_model import CamelModel
from app.runtime.settings.settings import Settings

_MOST_SCANNED = 10_000
_MOST_SEARCHED = 1_000
"""Dead letters searched for a customer, of each stream: each is fetched on its own."""
_DISCARDED = "discarded:"
"""The prefix that distinguishes a discarded dead letter's id from one on the list."""

# Redis does not roll back a script when it runs out of memory: so the script adds before it deletes.
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


class ReplayOutcome(StrEnum):
    """The result of one replay."""

    LANDED = "landed"
    FAILED_AGAIN = "failed_again"
    GONE = "gone"
    """It had left the list: it was replayed or discarded."""


class Replay(CamelModel):
    """The result of one replay. After another failure the id is ``currentId``, with the new reason."""

    dead_letter_id: str
    outcome: ReplayOutcome
    current_id: str | None = None
    reason: str | None = None
    path: str | None = None
    error: str | None = None


class DeadLetterPage(NamedTuple):
    """Some dead letters. ``after`` is where the next page starts, None at the end."""

    items: list[DeadLetter]
    after: str | None


class DeadLetterCounts(NamedTuple):
    """Counts by reason. ``complete`` is false where only the oldest were counted."""

    by_reason: Counter[str]
    scanned: int
    complete: bool


class DeadLetterStore:
    """The dead-letter stream, or that of the discarded ones, whose ids have a ``prefix``."""

    def __init__(
        self, redis: Redis, settings: Settings, parsers: Parsers = NO_PARSERS, *, prefix: str = ""
    ) -> None:
        self._redis = redis
        self._parsers = parsers
        self._settings = settings
        self._prefix = prefix
        name = settings.dead_letter_stream
        self._stream = discarded_stream(name) if prefix else name

    def discarded(self) -> "DeadLetterStore":
        """The discarded dead letters: to be read, or deleted permanently."""
        return DeadLetterStore(self._redis, self._settings, prefix=_DISCARDED)

    def __len__(self) -> int:
        return int(self._redis.xlen(self._stream))

    def last_id(self) -> str:
        """The id of the newest dead letter ever added."""
        info = stream_info(self._redis, self._stream)
        return str(info["last-generated-id"].decode()) if info else "0-0"

    def search(self, wanted: Filter = Filter(), *, start: str = "-") -> Iterator[DeadLetter]:
        """The dead letters, oldest first, without their entries."""
        for page in scan(self._redis, self._stream, wanted, start=start):
            for each in page.matches:
                yield each.model_copy(update={"dead_letter_id": self._prefix + each.dead_letter_id})

    def in_full(self, wanted: Filter = Filter()) -> Iterator[DeadLetterInFull]:
        """The dead letters with their entries, oldest first; skips those that leave the list meanwhile."""
        for each in self.search(wanted):
            if (found := self.get(each.dead_letter_id)) is not None:
                yield found

    def page(self, wanted: Filter, limit: int, after: str | None = None) -> DeadLetterPage:
        """At most ``limit``, oldest first, those after the id ``after``. Ends early on a long search."""
        found: list[DeadLetter] = []
        scanned = 0
        for page in scan(self._redis, self._stream, wanted, start=f"({after}" if after else "-"):
            found += page.matches
            scanned += page.scanned
            if len(found) > limit:
                return DeadLetterPage(found[:limit], found[limit - 1].dead_letter_id)
            if scanned >= _MOST_SCANNED:
                return DeadLetterPage(found, page.last_id)
        return DeadLetterPage(found, None)

    def counts(self, wanted: Filter = Filter(), *, start: str = "-") -> DeadLetterCounts:
        """Count them by reason: at most the oldest ten thousand."""
        by_reason: Counter[str] = Counter()
        scanned = 0
        for page in scan(self._redis, self._stream, wanted, start=start):
            if scanned >= _MOST_SCANNED:
                return DeadLetterCounts(by_reason, scanned, complete=False)
            by_reason.update(each.reason for each in page.matches)
            scanned += page.scanned
        return DeadLetterCounts(by_reason, scanned, complete=True)

    def get(self, dead_letter_id: str) -> DeadLetterInFull | None:
        """One dead letter; None if it is not on the list. Raises redis's ResponseError for what is no id."""
        stream_id = dead_letter_id.removeprefix(self._prefix)
        found: Any = self._redis.xrange(self._stream, stream_id, stream_id)
        if not found:
            return None
        fields = {to_text(name): to_text(value) for name, value in found[0][1].items()}
        return DeadLetterInFull.read(dead_letter_id, fields)

    def replay(self, dead_letter: DeadLetterInFull, servicing: Servicing) -> Replay:
        """Apply the original entry, unchanged, under its own identity.

        It leaves the list if that succeeds. Otherwise it stays, with the new reason and a new id. Raises one
        of EVENT_STORE_ERRORS or redis's errors: then it is still on the list.
        """
        dead_letter_id = dead_letter.dead_letter_id
        if (why := self._apply(dead_letter, servicing)) is None:
            self._replace(dead_letter_id, None)
            return Replay(dead_letter_id=dead_letter_id, outcome=ReplayOutcome.LANDED)
        now: str | None = dead_letter_id
        if (why.reason, why.path, why.error) != (dead_letter.reason, dead_letter.path, dead_letter.error):
            stream, entry_id, original = dead_letter.stream, dead_letter.entry_id, dead_letter.original()
            now = self._replace(
                dead_letter_id, record_of(stream, entry_id, original, why, dead_letter.deliveries + 1)
            )
        return Replay(
            dead_letter_id=dead_letter_id,
            outcome=ReplayOutcome.FAILED_AGAIN,
            current_id=now,
            reason=why.reason,
            path=why.path,
            error=why.error,
        )

    def _replace(self, dead_letter_id: str, record: dict[str, str] | None) -> str | None:
        """The new id; None if there is no record, or if another process took it off the list."""
        fields = [text for field in (record or {}).items() for text in field]
        added: Any = self._redis.register_script(_REPLACE)([self._stream], [dead_letter_id, *fields])
        return added.decode() if added else None

    def discard(self, dead_letter_id: str, who: str, because: str) -> bool:
        """Take it off the list, and keep it with who, when and why. False if it was not on the list."""
        record = {"discarded_by": who, "discarded_at": datetime.now(UTC).isoformat(), "because": because}
        arguments = [dead_letter_id, *(text for field in record.items() for text in field)]
        keys = [self._stream, discarded_stream(self._stream)]
        return bool(self._redis.register_script(_DISCARD)(keys, arguments))

    def find(self, dead_letter_id: str) -> DeadLetterInFull | None:
        """One dead letter, on the list or discarded. Raises as :meth:`get` does."""
        return self._where(dead_letter_id).get(dead_letter_id)

    def delete(self, dead_letter_id: str) -> bool:
        """Remove one for good, on the list or discarded, without a record. False if there is none.

        Raises redis's errors.
        """
        place = self._where(dead_letter_id)
        return bool(self._redis.xdel(place._stream, dead_letter_id.removeprefix(place._prefix)))

    def _where(self, dead_letter_id: str) -> "DeadLetterStore":
        return self.discarded() if dead_letter_id.startswith(_DISCARDED) else self

    def _apply(self, dead_letter: DeadLetterInFull, servicing: Servicing) -> RejectedError | None:
        # Imported here: the models of messages load slowly, and only a replay needs them.
        from app.ingestion.messages.catalogue import read_entry
        from app.ingestion.stream.apply import apply_messages

        if dead_letter.reason == Reason.FOREIGN:
            return RejectedError(Reason.FOREIGN, dead_letter.path, dead_letter.error)
        try:
            message = read_entry(
                dead_letter.stream,
                dead_letter.entry_id.encode(),
                dead_letter.original(),
                self._settings.max_message_bytes,
                self._parsers,
            )
        except RejectedError as why:
            return why
        if message is None:
            return RejectedError(Reason.UNKNOWN_TYPE, "type", "this release does not consume it")
        done = apply_messages(servicing, [message], Flag())
        if done.rejected:
            return done.rejected[0][1]
        return failed(done.failed[0][1]) if done.failed else None


class Mentions(NamedTuple):
    """Dead letters that mention an erased customer, which the erasure itself cannot clear.

    Ids, oldest first, then discarded ones; and how many newer ones were not searched.
    """

    ids: list[str]
    not_searched: int


def mentions_of(store: DeadLetterStore, names: Collection[str]) -> Mentions:
    """The dead letters with one of these ids anywhere in the bytes of their entry.

    Searches the oldest thousand on the list, and the oldest thousand discarded ones. Errs on the side of too
    many: an entry may be truncated, or be JSON within JSON. Raises redis's errors.
    """
    wanted = {text.encode() for name in names for text in (name, json.dumps(name)[1:-1])}
    found: list[str] = []
    not_searched = 0
    for place in (store, store.discarded()):
        found += [
            each.dead_letter_id
            for each in islice(place.in_full(), _MOST_SEARCHED)
            if any(text in part for field in each.original().items() for part in field for text in wanted)
        ]
        not_searched += max(0, len(place) - _MOST_SEARCHED)
    return Mentions(found, not_searched)
