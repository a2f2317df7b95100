"""Lists of entries in order of time, ties by position, that keep the newest."""

from bisect import bisect_right
from datetime import datetime
from typing import Any

from app.projections.engine.values import Document

_WHEN = ("at", "position")


def place_of(entries: list[Document], entry: Document) -> int:
    """Where it belongs."""
    return bisect_right(entries, _when(entry), key=_when)


def put_in(entries: list[Document], entry: Document, keep: int) -> Document | None:
    """Put it in its place. Returns what goes for it, the oldest, where there would be more than ``keep``."""
    entries.insert(place_of(entries, entry), entry)
    return entries.pop(0) if len(entries) > keep else None


def tells_again(entries: list[Document], entry: Document) -> bool:
    """Whether it only repeats the last entry of its kind, and about the same, before its place."""
    for before in reversed(entries[: place_of(entries, entry)]):
        if all(before.get(name) == entry.get(name) for name in ("what", "loanAccountId", "conversationId")):
            return _without_time(before) == _without_time(entry)
    return False


def _when(entry: Document) -> tuple[datetime, int]:
    return entry["at"], entry["position"]


def _without_time(entry: Document) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in _WHEN}
