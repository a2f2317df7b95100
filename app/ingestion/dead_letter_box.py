"""The dead letters of a stream: looked through, replayed through the same door, discarded with a record."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event as Flag
from typing import Any

import orjson
from redis import Redis

from app.aggregates import Servicing
from app.ingestion.catalogue import read_entry
from app.ingestion.dead_letters import DeadLetter, to_bytes
from app.ingestion.landing import land
from app.ingestion.parsers import NO_PARSERS, Parsers
from app.ingestion.unusable import Unusable, failed
from app.runtime.settings import Settings

_PAGE = 500


def discarded_stream(dead_letter_stream: str) -> str:
    """Where discarded dead letters are kept, with who discarded them, when and why."""
    return f"{dead_letter_stream}:discarded"


@dataclass(frozen=True)
class StoredLetter:
    """A dead letter as stored. ``letter_id`` is its own id, ``entry_id`` that of the original entry."""

    letter_id: str
    entry: dict[str, str]
    entry_id: str
    stream: str
    type: str
    reason: str
    path: str
    error: str
    deliveries: int
    at: datetime

    def original(self) -> dict[bytes, bytes]:
        """The fields of the original entry, to the byte."""
        return {to_bytes(name): to_bytes(value) for name, value in self.entry.items()}


class DeadLetterBox:
    """What an operator does with dead letters."""

    def __init__(self, redis: Redis, settings: Settings, parsers: Parsers = NO_PARSERS) -> None:
        self._redis = redis
        self._parsers = parsers
        self._settings = settings
        self._stream = settings.dead_letter_stream

    def letters(
        self, *, reason: str | None = None, kind: str | None = None, before: datetime | None = None
    ) -> Iterator[StoredLetter]:
        """The dead letters, oldest first, by reason code, message type, and time set aside."""
        start = "-"
        while page := self._page(start):
            for letter in page:
                if (
                    (reason is None or letter.reason == reason)
                    and (kind is None or letter.type == kind)
                    and (before is None or letter.at < before)
                ):
                    yield letter
            start = f"({page[-1].letter_id}"

    def get(self, letter_id: str) -> StoredLetter | None:
        """One dead letter; None where it left the list, or never was. Raises redis's ResponseError."""
        found: Any = self._redis.xrange(self._stream, letter_id, letter_id)
        return _stored(*found[0]) if found else None

    def replay(self, letter: StoredLetter, servicing: Servicing) -> Unusable | None:
        """Land the original entry, unchanged, under its own identity.

        It leaves the list if it landed. Otherwise the answer tells why, and the letter stays, with
        the new reason. Raises one of EVENT_STORE_ERRORS or redis's errors: then nothing has changed.
        """
        why = self._land(letter, servicing)
        if why is not None and (why.reason, why.path, why.error) == (
            letter.reason,
            letter.path,
            letter.error,
        ):
            return why
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.xdel(self._stream, letter.letter_id)
        if why is not None:
            again = DeadLetter(
                letter.stream, letter.entry_id, letter.original(), why, letter.deliveries + 1
            ).as_entry()
            pipeline.xadd(self._stream, again)  # type: ignore[arg-type]
        pipeline.execute()
        return why

    def discard(self, letter: StoredLetter, who: str, because: str) -> None:
        """Take it off the list, and keep it with who, when and why."""
        raw: Any = self._redis.xrange(self._stream, letter.letter_id, letter.letter_id)
        if not raw:
            return
        record = raw[0][1] | {
            b"discarded_by": who.encode(),
            b"discarded_at": datetime.now(UTC).isoformat().encode(),
            b"because": because.encode(),
        }
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.xadd(discarded_stream(self._stream), record)
        pipeline.xdel(self._stream, letter.letter_id)
        pipeline.execute()

    def _land(self, letter: StoredLetter, servicing: Servicing) -> Unusable | None:
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
            return None  # Not a type that we consume any more.
        landing = land(servicing, [message], Flag())
        if landing.unusable:
            return landing.unusable[0][1]
        if landing.failed:
            return failed(landing.failed[0][1])
        return None

    def _page(self, start: str) -> list[StoredLetter]:
        found: Any = self._redis.xrange(self._stream, start, "+", count=_PAGE)
        return [_stored(letter_id, fields) for letter_id, fields in found]


def _stored(letter_id: bytes, fields: dict[bytes, bytes]) -> StoredLetter:
    texts = {name.decode(): value.decode() for name, value in fields.items()}
    return StoredLetter(
        letter_id=letter_id.decode(),
        entry=orjson.loads(texts["entry"]),
        entry_id=texts["entry_id"],
        stream=texts["stream"],
        type=texts["type"],
        reason=texts["reason"],
        path=texts["path"],
        error=texts["error"],
        deliveries=int(texts["deliveries"]),
        at=datetime.fromisoformat(texts["at"]),
    )
