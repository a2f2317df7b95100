"""Searches dead letters inside Redis, without transferring their entries, which may be large."""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from redis import Redis

from app.ingestion.dead_letters.dead_letter import FIELDS, DeadLetter, to_text
from app.ingestion.messages.rejection import Reason

_PAGE = 100

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
    matches[#matches + 1] = {letter[1], kept}
  end
  last = letter[1]
end
return {#found, last, matches}
"""


class Filter(NamedTuple):
    """Which dead letters: by reason code, message type, time set aside (by Redis's clock), and newest id."""

    reason: str | None = None
    kind: str | None = None
    before: datetime | None = None
    up_to: str | None = None

    @property
    def end(self) -> str:
        """The newest id to include, as XRANGE takes it."""
        if self.before is None:
            return self.up_to or "+"
        return str(max(0, math.ceil(self.before.timestamp() * 1_000) - 1))


class ScannedPage(NamedTuple):
    """Some consecutive dead letters: how many were scanned, the last one's id, and those that match."""

    scanned: int
    last_id: str
    matches: list[DeadLetter]


def scan(redis: Redis, stream: str, wanted: Filter, *, start: str = "-") -> Iterator[ScannedPage]:
    """All dead letters from ``start`` on (as XRANGE takes it), oldest first, a page at a time."""
    script = redis.register_script(_SCAN)
    filters = [_exactly(wanted.reason), _exactly(wanted.kind)]
    while True:
        answer: Any = script([stream], [start, wanted.end, _PAGE, *filters, Reason.FOREIGN, *FIELDS])
        scanned, last_id, matches = int(answer[0]), answer[1].decode(), answer[2]
        if not scanned:
            return
        found = [DeadLetter.read(each.decode(), _texts(pairs)) for each, pairs in matches]
        yield ScannedPage(scanned, last_id, found)
        if scanned < _PAGE:
            return
        start = f"({last_id}"


def _texts(pairs: list[bytes]) -> dict[str, str]:
    texts = [to_text(each) for each in pairs]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _exactly(value: str | None) -> str:
    return "" if value is None else f"={value}"
