"""Differences between documents, field by field, and between collections, document by document."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from bson.decimal128 import Decimal128
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from app.projections.engine.documents import CUT_OFF, Document
from app.projections.read_models.search_keys import FIELD as SEARCH

Raw = tuple[str, bytes]
"""A document's ``_id``, and the whole as BSON."""


class Kind(StrEnum):
    """The kind of a difference."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"
    SET_ASIDE = "set_aside"
    UNDECIDED = "undecided"
    """It could not be compared at any position."""
    UNFOLDABLE = "unfoldable"
    """One of its events cannot be folded, so its correct contents are unknown."""


class Field(NamedTuple):
    """One field that differs: its path, and both values; ``...`` stands for absent."""

    path: str
    expected: Any
    found: Any


class Difference(NamedTuple):
    """A document that is not what the events say, and the position of the last event that touched it."""

    projection: str
    identifier: str
    kind: Kind
    position: int
    fields: tuple[Field, ...] = ()
    detail: str | None = None


def fields_that_differ(expected: Document, found: Document) -> list[Field]:
    """All of them, without the projector's own fields; search keys count."""
    return list(_compare("", _plain(expected), _plain(found)))


def side_by_side(
    ours: Iterator[Raw], theirs: Iterator[Raw]
) -> Iterator[tuple[str, bytes | None, bytes | None]]:
    """Each ``_id`` of two ordered sides, with what either has of it."""
    both = merge(((each, 0, raw) for each, raw in ours), ((each, 1, raw) for each, raw in theirs))
    for identifier, found in groupby(both, key=itemgetter(0)):
        raw = {side: raw for _, side, raw in found}
        yield identifier, raw.get(0), raw.get(1)


def in_order(collection: Collection[dict[str, Any]]) -> Iterator[Raw]:
    """All documents of a collection, in order of ``_id``, not decoded. At a swap, the new one's go on."""
    raw = collection.with_options(
        codec_options=collection.codec_options.with_options(document_class=RawBSONDocument)
    )
    wanted: Document = {}
    while True:
        try:
            for document in raw.find(wanted, sort=[("_id", 1)], batch_size=1_000):
                yield document["_id"], document.raw
                wanted = {"_id": {"$gt": document["_id"]}}
            return
        except OperationFailure as error:
            if error.code not in CUT_OFF:
                raise


def shown(value: Any) -> str:
    """A value for an operator."""
    if value is ...:
        return "absent"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal128):
        return str(value)
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _plain(document: Document) -> Document:
    compared = ("_id", SEARCH)
    return {name: value for name, value in document.items() if name in compared or not name.startswith("_")}


def _compare(path: str, expected: Any, found: Any) -> Iterator[Field]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in sorted(expected.keys() | found.keys()):
            inner = f"{path}.{name}" if path else name
            yield from _compare(inner, expected.get(name, ...), found.get(name, ...))
    elif isinstance(expected, list) and isinstance(found, list):
        for index in range(max(len(expected), len(found))):
            one, other = (side[index] if index < len(side) else ... for side in (expected, found))
            yield from _compare(f"{path}.{index}", one, other)
    elif type(expected) is not type(found) or expected != found:
        yield Field(path, expected, found)
