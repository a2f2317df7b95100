"""The search keys of documents: ``_search``, an object of a few texts, each with an index of its own.

A pure function of the other fields of a document, made anew whenever it is written: where fields are cleared,
their keys are gone. Decision 0009 says why they are scalars, and why each begins with a level.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

from app.projections.faults import FAULTED
from app.projections.normalising import LONGEST, code, email, phone, words
from app.projections.values import Document

FIELD = "_search"

LEVELS = (2, 1, 0)
"""Of the documents, 1 in 256 is of level 2, 1 in 17 of level 1, and the others of level 0."""
SHARE = 16
"""About so many times as many documents are of a level as of the one above it."""
_BITS = 4

NAMES = tuple(f"name{number}" for number in range(1, 6))
"""A customer's name, from each of its words on; then the preferred one."""
EMAIL, PHONE = "email", "phone"
CODES = tuple(f"code{number}" for number in range(1, 5))
"""Identifiers and numbers, and their last parts: people leave out what is the same in all."""

SLOTS: dict[str, tuple[str, ...]] = {
    "customers": (*NAMES, EMAIL, PHONE, *CODES[:2]),
    "loan-accounts": CODES,
    "conversations": CODES[:2],
}
"""The keys that documents of a collection may have."""

CODE_FIELDS: dict[str, tuple[str, ...]] = {
    "customers": ("_id",),
    "loan-accounts": ("accountNumber", "_id"),
    "conversations": ("applicationNumber",),
}
"""The fields that codes are of."""

_MOST_WORDS = 12
_SHORTEST_ALONE = 3
_END_AT_LEAST = 3


def finish(collection: str) -> Callable[[Document], None]:
    """What gives a document of a collection its keys, or takes them from one that has no use for any."""

    def finished(document: Document) -> None:
        document.pop(FIELD, None)
        if keys := search_keys(collection, document):
            document[FIELD] = keys

    return finished


def search_keys(collection: str, document: Document) -> dict[str, str]:
    """The keys of a document; none for one that was set aside before it held anything."""
    if document.get(FAULTED, {}).get("empty"):
        return {}
    keys = dict(zip(CODES, codes(collection, document)[: _codes_in(collection)], strict=False))
    if collection == "customers":
        keys |= zip(NAMES, names(document), strict=False)
        keys[EMAIL] = email(document.get("emailAddress", ""))
        keys[PHONE] = phone(document.get("mobilePhoneNumber", ""))
    level = level_of(document["_id"])
    return {slot: f"{level}{key}" for slot in SLOTS[collection] if (key := keys.get(slot))}


def level_of(identifier: str) -> int:
    """The level of a document, by its id: as good as drawn by lot, and always the same."""
    drawn = int.from_bytes(blake2b(identifier.encode("utf-8", "replace"), digest_size=4).digest(), "big")
    return next((level for level in LEVELS if not drawn & ((1 << _BITS * level) - 1)), 0)


def names(document: Document) -> list[str]:
    """The names of a customer by which they are found, most important first.

    Mary Anne Smith, called Annie, is ``mary anne smith``, ``smith mary anne``, ``annie smith``,
    ``anne smith mary`` and ``mary smith``: any of her names may come first, and others after it.
    """
    first, last = _words(document, "firstName"), _words(document, "lastName")
    whole = (first + last or _words(document, "fullName"))[:_MOST_WORDS]
    starts = [0, len(first)] if first and last else [0]
    starts += [start for start, word in enumerate(whole) if len(word) >= _SHORTEST_ALONE]
    turned = [whole[start:] + whole[:start] for start in dict.fromkeys(starts) if start < len(whole)]
    preferred = _words(document, "preferredName")
    found = [*turned[:2], [*preferred, *last] if preferred else [], *turned[2:]]
    if len(first) > 1 and last:
        found.append([first[0], *last])
    return _distinct(" ".join(each) for each in found)[: len(NAMES)]


def codes(collection: str, document: Document) -> list[str]:
    """The codes of a document, then the last parts of those that have several: ``acc900002``, ``900002``."""
    told = [document[field] for field in CODE_FIELDS[collection] if document.get(field)]
    return _distinct([*(code(each) for each in told), *(end_of_code(each) for each in told)])


def end_of_code(text: str) -> str:
    """The last part of an id or number; empty where that says little, or is the whole."""
    parts = words(text)
    is_telling = len(parts) > 1 and len(parts[-1]) >= _END_AT_LEAST and any(map(str.isdigit, parts[-1]))
    return parts[-1] if is_telling else ""


def _codes_in(collection: str) -> int:
    return len([slot for slot in SLOTS[collection] if slot in CODES])


def _words(document: Document, field: str) -> list[str]:
    told: Any = document.get(field, "")
    return words(told[: 2 * LONGEST])


def _distinct(keys: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(each[:LONGEST] for each in keys if each))
