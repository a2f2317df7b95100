"""The search keys of documents: ``_search``, a list of texts that one index has.

A pure function of the other fields of a document, made anew whenever it is written: where fields are cleared,
their keys are gone. A key is its level, its kind and what it is of: ``0nann smith``, ``0p0412345678``.
Decision 0009 says why.
"""

from collections.abc import Iterable
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from app.projections.engine.faults import FAULTED
from app.projections.engine.values import Document
from app.projections.read_models.search_keys.normalising import LONGEST, code, email, phone, words

FIELD = "_search"

LEVELS = (3, 2, 1, 0)
"""Of documents, 1 in 512 is of level 3, 7 in 512 of level 2, 7 in 64 of level 1, the rest of level 0."""
SHARE = 8
"""About so many times as many documents are of a level as of the one above it."""


class Kind(StrEnum):
    """What a key is of."""

    NAME = "n"
    """A customer's name, from one of its words on."""
    EMAIL = "e"
    PHONE = "p"
    CODE = "c"
    """An identifier or a number, or its last part: people leave out what is the same in all."""


CODE_FIELDS: dict[str, tuple[str, ...]] = {
    "customers": ("_id",),
    "loan-accounts": ("accountNumber", "_id"),
    "conversations": ("applicationNumber",),
}
"""The fields that codes are of, by collection: those that are searched."""

KINDS: dict[str, tuple[Kind, ...]] = dict.fromkeys(CODE_FIELDS, (Kind.CODE,)) | {"customers": tuple(Kind)}
"""The kinds of keys that documents of a collection may have."""

_MOST_NAMES = _MOST_WORDS = 12
_SHORTEST_ALONE = 3
_END_AT_LEAST = 3


def set_search_keys(collection: str, document: Document) -> None:
    """Give a document its keys, or take them from one that has no use for any."""
    document.pop(FIELD, None)
    if keys := search_keys(collection, document):
        document[FIELD] = keys


def search_keys(collection: str, document: Document) -> list[str]:
    """The keys of a document, in order; none for one that was set aside before it held anything."""
    if document.get(FAULTED, {}).get("empty"):
        return []
    keys = [(Kind.CODE, each) for each in codes(collection, document)]
    if collection == "customers":
        keys += [(Kind.NAME, each) for each in names(document)]
        keys.append((Kind.EMAIL, email(_text(document, "emailAddress"))))
        keys.append((Kind.PHONE, phone(_text(document, "mobilePhoneNumber"))))
    level = level_of(document["_id"])
    return sorted(key_of(level, kind, text) for kind, text in keys if text)


def key_of(level: int, kind: Kind, text: str) -> str:
    """The key of a normalised text, or the beginning of keys, where it is one of a text."""
    return f"{level}{kind.value}{text}"


def text_of(key: str) -> tuple[Kind, str]:
    """The kind and the text of a key."""
    return Kind(key[1]), key[2:]


def level_of(identifier: str) -> int:
    """The level of a document, by its id: as good as drawn by lot, and always the same."""
    drawn = int.from_bytes(blake2b(identifier.encode("utf-8", "replace"), digest_size=4).digest(), "big")
    return next(level for level in LEVELS if drawn % SHARE**level == 0)


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
    return _distinct(" ".join(each) for each in found)[:_MOST_NAMES]


def codes(collection: str, document: Document) -> list[str]:
    """The codes of a document, then the last parts of those that have several: ``acc900002``, ``900002``."""
    told = [text for field in CODE_FIELDS[collection] if (text := _text(document, field))]
    return _distinct([*(code(each) for each in told), *(end_of_code(each) for each in told)])


def end_of_code(text: str) -> str:
    """The last part of an id or number; empty where that says little, or is the whole."""
    parts = words(text)
    is_telling = len(parts) > 1 and len(parts[-1]) >= _END_AT_LEAST and any(map(str.isdigit, parts[-1]))
    return parts[-1] if is_telling else ""


def _words(document: Document, field: str) -> list[str]:
    return words(_text(document, field)[: 2 * LONGEST])


def _text(document: Document, field: str) -> str:
    """A field's text; empty for what is none: whether a document can be stored is for others to say."""
    told: Any = document.get(field)
    return told if isinstance(told, str) else ""


def _distinct(keys: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(each[:LONGEST] for each in keys if each))
