"""Which facts of an event are personal data of a customer, and what stands for them once they are erased.

An event class says so in ``PERSONAL``: names of its facts, or ``fact.key`` for a part of an object.
"""

from functools import cache
from typing import Any, Final, NamedTuple


class _Erased(str):
    """An empty text that is no text: it is known by its identity."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ERASED"


ERASED: Final = _Erased()
"""Stands for a fact that was told, and that nobody can read any more. It is empty, and so false."""


IS_ERASED: Final = "is_erased"
"""What an event has beside its facts, where some of these are ERASED."""


class _Names(NamedTuple):
    whole: tuple[str, ...]
    parts: tuple[tuple[str, str, str], ...]
    """The whole name, the fact, and the key in it."""


def take_out(event_class: Any, state: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Take the personal facts out of an event's state, which is changed.

    Returns the names of those that were told, and what they say; of those that are ERASED, only the names.
    """
    names = _names(event_class)
    found: dict[str, Any] = {}
    for name in names.whole:
        if state.get(name) is not None:
            found[name] = state.pop(name)
    for name, fact, key in names.parts:
        inner = state.get(fact)
        if isinstance(inner, dict) and inner.get(key) is not None:
            state[fact] = rest = dict(inner)
            found[name] = rest.pop(key)
    told = list(found)
    return told, {name: value for name, value in found.items() if value is not ERASED}


def put_back(state: dict[str, Any], name: str, value: Any) -> None:
    """Put a fact where it was taken out."""
    fact, dot, key = name.partition(".")
    if dot:
        state[fact][key] = value
    else:
        state[fact] = value


def may_be(stored: Any, fact: Any) -> bool:
    """Whether a stored fact is this one, as far as it can still be read: an ERASED one may be any."""
    if stored is ERASED:
        return fact is not None
    if isinstance(stored, dict) and isinstance(fact, dict):
        return stored.keys() == fact.keys() and all(may_be(stored[key], fact[key]) for key in stored)
    return bool(stored == fact)


def tells_personal(event: Any) -> bool:
    """Whether an event holds personal data."""
    event_class: Any = type(event)
    names = _names(event_class)
    told = vars(event)
    return any(told.get(name) is not None for name in names.whole) or any(
        isinstance(inner := told.get(fact), dict) and inner.get(key) is not None
        for _, fact, key in names.parts
    )


@cache
def has_personal(event_class: Any) -> bool:
    """Whether events of a class can hold personal data."""
    return bool(_declared(event_class))


@cache
def _names(event_class: Any) -> _Names:
    names = sorted(_declared(event_class))
    parts = [(name, *name.split(".", 1)) for name in names if "." in name]
    return _Names(tuple(name for name in names if "." not in name), tuple(parts))  # type: ignore[arg-type]


def _declared(event_class: type[Any]) -> frozenset[str]:
    declared: frozenset[str] = getattr(event_class, "PERSONAL", frozenset())
    return declared
