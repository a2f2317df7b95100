"""Keeps a conversation's document below MongoDB's 16 MiB, at any number of messages.

The lists keep their newest items, with true counts. Application data loses the values reported longest ago;
an assessment or a list of facts that is too large is left out. ``cutParts`` names what is incomplete.
"""

from bisect import bisect_right
from typing import Any

import bson

from app.projections.engine.documents import Document

MAX_APPLICATION_BYTES = 2 * 1024 * 1024
MAX_PART_BYTES = 512 * 1024
"""Of an assessment, or of the facts. As BSON, a message of 256 KiB may be six times as large."""


def insert(
    document: Document, field: str, item: Document, time_field: str, keep: int, max_bytes: int
) -> None:
    """Insert by time, ties in arrival order, and drop the oldest items beyond the limits.

    The document keeps the size of each list, and the time of the newest item dropped: older items must
    not come back, or the document would depend on the order of arrival.
    """
    if "erasedAt" in document:
        return
    items: list[Document] = document[field]
    size, gone = document.setdefault("_bytes", {}), document.setdefault("_goneUntil", {})
    if field in gone and item[time_field] < gone[field]:
        return
    if items and items[-1][time_field] > item[time_field]:
        items.insert(bisect_right(items, item[time_field], key=lambda known: known[time_field]), item)
    else:
        items.append(item)
    size[field] = size.get(field, 0) + len(bson.encode(item))
    while len(items) > keep or size[field] > max_bytes:
        oldest = items.pop(0)
        size[field] -= len(bson.encode(oldest))
        gone[field] = oldest[time_field]


def merge_application(document: Document, changes: Document) -> None:
    """Merge changes into the application data, and cut it to its bound."""
    data = document.setdefault("applicationData", {})
    _merge(data, changes)
    if (excess := len(bson.encode(data)) - MAX_APPLICATION_BYTES) > 0:
        _cut(data, excess)
        _mark(document, "applicationData", is_cut=True)


def put_or_cut(document: Document, value: Any, field: str, key: str | None = None) -> None:
    """Set a field, or a key in it, to a value; without it, if the value is too large."""
    holder, name = (document, field) if key is None else (document.setdefault(field, {}), key)
    is_cut = len(bson.encode({name: value})) > MAX_PART_BYTES
    if is_cut:
        holder.pop(name, None)
    else:
        holder[name] = value
    _mark(document, field if key is None else f"{field}.{key}", is_cut=is_cut)
    if not document.get(field):
        document.pop(field, None)


def _mark(document: Document, part: str, *, is_cut: bool) -> None:
    parts = set(document.pop("cutParts", ())) - {part}
    if parts := parts | {part} if is_cut else parts:
        document["cutParts"] = sorted(parts)


def _merge(data: Document, changes: Document) -> None:
    """Merge deeply; a list replaces a list. What changes comes last."""
    for key, value in changes.items():
        known = data.pop(key, None)
        if isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
            value = known
        data[key] = value


def _cut(data: Document, excess: int) -> int:
    """Remove values from the beginning until ``excess`` bytes are gone. Returns how many are."""
    gone = 0
    for key in list(data):
        if gone >= excess:
            break
        if isinstance(data[key], dict):
            gone += _cut(data[key], excess - gone)
        else:
            gone += len(bson.encode({key: data.pop(key)}))
        if key in data and not data[key]:
            del data[key]
    return gone


def free_form(value: Any) -> Any:
    """A free-form value that MongoDB accepts: no key starts with ``$`` or contains ``.``.

    Both become their full-width forms (``＄``, ``．``). Nulls and empty strings are left out: absent means
    unknown.
    """
    if isinstance(value, dict):
        return {_key(key): free_form(item) for key, item in value.items() if item is not None and item != ""}
    if isinstance(value, list):
        return [free_form(item) for item in value if item is not None and item != ""]
    return value


def _key(key: str) -> str:
    if key.startswith("$"):
        key = "＄" + key[1:]
    return key.replace(".", "．") or "＿"
