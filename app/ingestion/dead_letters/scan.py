"""Looks through dead letters without fetching the entries in them, which may be large."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis import Redis

from app.ingestion.dead_letters.letter import to_text
from app.ingestion.messages.rejection import Reason

_PAGE = 100
_OURS = ("entry", "entry_id", "stream", "type", "reason", "path", "error", "deliveries", "at")
_LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()

_SCAN = """
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])
local function wanted(value, given) return value == '' or value == '=' .. (given or '') end
local matches, last = {}, ''
for _, letter in ipairs(found) do
  local fields, kept = {}, {}
  for i = 1, #letter[2], 2 do
    local name, value = letter[2][i], letter[2][i + 1]
    fields[name] = value
    kept[#kept + 1] = name
    kept[#kept + 1] = name == 'entry' and '' or value
  end
  for i = 7, #ARGV do
    if not fields[ARGV[i]] then fields.reason = ARGV[6] end
  end
  if wanted(ARGV[4], fields.reason) and wanted(ARGV[5], fields.type) then
    kept[#kept + 1] = 'letter_id'
    kept[#kept + 1] = letter[1]
    matches[#matches + 1] = kept
  end
  last = letter[1]
end
return {#found, last, matches}
"""


@dataclass(frozen=True)
class LetterSummary:
    """A dead letter without its entry. ``letter_id`` is its own id, ``entry_id`` that of the entry.

    ``at`` is when it was set aside, by the clock of the process that did.
    """

    letter_id: str
    entry_id: str
    stream: str
    type: str
    reason: str
    path: str
    error: str
    deliveries: int
    at: datetime


@dataclass(frozen=True)
class Filter:
    """Which dead letters: by reason code, message type, time set aside (by Redis's clock), and newest id."""

    reason: str | None = None
    kind: str | None = None
    before: datetime | None = None
    up_to: str | None = None

    @property
    def end(self) -> str:
        """The newest id that is wanted, as XRANGE takes it."""
        if self.before is None:
            return self.up_to or "+"
        return str(max(0, math.ceil(self.before.timestamp() * 1_000) - 1))


@dataclass(frozen=True)
class Scanned:
    """A stretch of dead letters: how many were looked at, the last of them, and those that match."""

    looked_at: int
    last_id: str
    matches: list[LetterSummary]


def scan(redis: Redis, stream: str, wanted: Filter, *, start: str = "-") -> Iterator[Scanned]:
    """All dead letters from ``start`` on (as XRANGE takes it), oldest first, a stretch at a time."""
    script = redis.register_script(_SCAN)
    while True:
        filters = [_exactly(wanted.reason), _exactly(wanted.kind)]
        answer: Any = script([stream], [start, wanted.end, _PAGE, *filters, Reason.FOREIGN, *_OURS])
        looked_at, last_id, matches = int(answer[0]), answer[1].decode(), answer[2]
        if not looked_at:
            return
        yield Scanned(looked_at, last_id, [_summary(texts(pairs)) for pairs in matches])
        if looked_at < _PAGE:
            return
        start = f"({last_id}"


def texts(pairs: list[bytes]) -> dict[str, str]:
    """Names and values, one after the other, as a dictionary."""
    decoded = [to_text(each) for each in pairs]
    return dict(zip(decoded[::2], decoded[1::2], strict=True))


def summary_fields(fields: dict[str, str]) -> dict[str, Any]:
    """The fields of a LetterSummary, from those of the dead-letter stream's entry and ``letter_id``.

    What another program put on that stream is shown as well, as far as it goes.
    """
    letter_id = fields["letter_id"]
    try:
        deliveries, at = int(fields["deliveries"]), datetime.fromisoformat(fields["at"])
    except (KeyError, ValueError):
        deliveries, at = 0, datetime.fromtimestamp(min(int(letter_id.split("-")[0]) / 1e3, _LATEST), UTC)
    ours = fields.keys() >= set(_OURS)
    return {
        "letter_id": letter_id,
        "entry_id": fields.get("entry_id", ""),
        "stream": fields.get("stream", ""),
        "type": fields.get("type", ""),
        "reason": fields["reason"] if ours else Reason.FOREIGN,
        "path": fields.get("path", ""),
        "error": fields.get("error", "") if ours else "not set aside by this system",
        "deliveries": deliveries,
        "at": at,
    }


def _summary(fields: dict[str, str]) -> LetterSummary:
    return LetterSummary(**summary_fields(fields))


def _exactly(value: str | None) -> str:
    return "" if value is None else f"={value}"
