"""Where two documents differ: field by field, whatever the order of their fields."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bson.decimal128 import Decimal128

from app.projections.engine.values import Document
from app.projections.read_models.search_keys.keys import FIELD as SEARCH


class Kind(StrEnum):
    """What is wrong with a live document."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"
    SET_ASIDE = "set_aside"
    UNDECIDED = "undecided"
    """It could not be compared at any position."""
    UNFOLDABLE = "unfoldable"
    """An event of it cannot be folded: nobody can say what it should be."""


@dataclass(frozen=True)
class Field:
    """One field that differs: its path, and both values; ``...`` stands for absent."""

    path: str
    expected: Any
    found: Any


@dataclass(frozen=True)
class Difference:
    """A document that is not what the events say, and the position of the last event that touched it."""

    projection: str
    identifier: str
    kind: Kind
    position: int
    fields: tuple[Field, ...] = ()
    detail: str | None = None


def fields_that_differ(expected: Document, found: Document) -> list[Field]:
    """All of them, the projector's own stamps aside. Search keys are none: they follow from the fields."""
    return list(_compare("", _plain(expected), _plain(found)))


def shown(value: Any) -> str:
    """A value as an operator reads it."""
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
