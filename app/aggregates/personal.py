"""Which facts of an event are personal data of a customer, and what replaces them once they are erased.

An event class declares them in ``PERSONAL``: names of its facts, or ``fact.key`` for a part of an object.
"""

from functools import cache
from typing import Final, TypeAlias, cast

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


def take_out(event_class: type, state: dict[str, object]) -> tuple[list[str], dict[str, object]]:
    """Take the personal facts out of an event's state, which is changed.

    Returns the names of those that are present, and their values; of those that are ERASED, only the names.
    """
    found: dict[str, object] = {}
    for name, fact, key in _names(event_class):
        value = state.get(fact)
        if not key and value is not None:
            found[name] = state.pop(fact)
        elif key and isinstance(value, dict) and value.get(key) is not None:
            state[fact] = rest = dict(value)
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
    return bool(take_out(type(event), dict(vars(event)))[0])


@cache
def _names(event_class: type) -> list[tuple[str, str, str]]:
    """Each declared name, the fact that it is about, and the key in that, if it is a part of an object."""
    declared: frozenset[str] = getattr(event_class, "PERSONAL", frozenset())
    parts = [(name, name.partition(".")) for name in sorted(declared)]
    return [(name, fact, key) for name, (fact, _, key) in parts]
