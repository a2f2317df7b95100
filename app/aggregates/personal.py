"""Which facts of an event are personal data of a customer, and what replaces them once they are erased.

An event class declares them in ``PERSONAL``: names of its facts, or ``fact.key`` for a part of an object.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple, TypeAlias, cast

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
"""What a message may hold."""


class _Erased(str):
    """An empty text that is known by its identity."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ERASED"


ERASED: Final = _Erased()
"""Replaces a fact that cannot be read any more. It is empty, and so false."""
IS_ERASED: Final = "is_erased"
"""The mark of an event that has ERASED facts, in its state."""


class _Names(NamedTuple):
    whole: tuple[str, ...]
    parts: tuple[tuple[str, str, str], ...]
    """The whole name, the fact, and the key in it."""


def take_out(event_class: type, state: dict[str, object]) -> tuple[list[str], dict[str, object]]:
    """Take the personal facts out of an event's state, which is changed.

    Returns the names of those that are present, and their values; of those that are ERASED, only the names.
    """
    names = _names(event_class)
    found: dict[str, object] = {}
    for name in names.whole:
        if state.get(name) is not None:
            found[name] = state.pop(name)
    for name, fact, key in names.parts:
        inner = state.get(fact)
        if isinstance(inner, dict) and inner.get(key) is not None:
            state[fact] = rest = dict(inner)
            found[name] = rest.pop(key)
    return list(found), {name: value for name, value in found.items() if value is not ERASED}


def put_back(state: dict[str, object], name: str, value: object) -> None:
    """Put a fact where it was taken out."""
    fact, dot, key = name.partition(".")
    if dot:
        cast("dict[str, object]", state[fact])[key] = value
    else:
        state[fact] = value


def may_be(stored: object, fact: object) -> bool:
    """Whether a stored fact equals another, as far as it can still be read: an ERASED one may be any."""
    if stored is ERASED:
        return fact is not None
    if isinstance(stored, dict) and isinstance(fact, dict):
        return stored.keys() == fact.keys() and all(may_be(stored[key], fact[key]) for key in stored)
    return bool(stored == fact)


def tells_personal(event: object) -> bool:
    """Whether an event holds personal data."""
    event_class: type = type(event)
    names = _names(event_class)
    facts: Mapping[str, object] = vars(event)
    return any(facts.get(name) is not None for name in names.whole) or any(
        isinstance(inner := facts.get(fact), dict) and inner.get(key) is not None
        for _, fact, key in names.parts
    )


@cache
def _names(event_class: type) -> _Names:
    names = sorted(_declared(event_class))
    parts = [(name, *name.split(".", 1)) for name in names if "." in name]
    return _Names(tuple(name for name in names if "." not in name), tuple(parts))  # type: ignore[arg-type]


def _declared(event_class: type) -> frozenset[str]:
    declared: frozenset[str] = getattr(event_class, "PERSONAL", frozenset())
    return declared
