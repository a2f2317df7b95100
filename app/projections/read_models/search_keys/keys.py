"""The search keys of documents: ``_search``, a list of texts with one index.

They are a pure function of the document's other fields, set whenever it is written: when fields are cleared,
their keys go too. A key is its kind and a normalised text: ``nann smith``, ``p0412345678``. See decision
0009.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from app.projections.engine.faults import FAULTED
from app.projections.engine.values import Document
from app.projections.read_models.search_keys.normalising import (
    LONGEST,
    code,
    email,
    is_undivided,
    phone,
    words,
)

FIELD = "_search"


class KeyKind(StrEnum):
    """What a key is made of."""

    NAME = "n"
    """A customer's name, starting at one of its words."""
    EMAIL = "e"
    PHONE = "p"
    CODE = "c"
    """An identifier or number, or its last part: people leave out what all of them share."""


class SearchKey(NamedTuple):
    """A key of a document, and the field it comes from."""

    kind: KeyKind
    text: str
    field: str
    is_part: bool = False
    """Whether it is the last part of a code."""


CODE_FIELDS: dict[str, tuple[str, ...]] = {
    "customers": ("_id",),
    "loan-accounts": ("accountNumber", "_id"),
    "conversations": ("applicationNumber",),
}
"""The collections that are searched, and the fields that give their codes."""

KINDS: dict[str, tuple[KeyKind, ...]] = dict.fromkeys(CODE_FIELDS, (KeyKind.CODE,)) | {
    "customers": tuple(KeyKind)
}
"""The kinds of keys that documents of a collection may have."""

_MAX_NAMES = _MAX_WORDS = 12
_MIN_FIRST_WORD = 2
_MAX_UNDIVIDED = 6
_MIN_LAST_PART = 3


def set_search_keys(collection: str, document: Document) -> None:
    """Set a document's keys, or remove the field if it has none."""
    document.pop(FIELD, None)
    if keys := search_keys(collection, document):
        document[FIELD] = keys


def search_keys(collection: str, document: Document) -> list[str]:
    """The keys of a document, in order; none for one that was set aside before it held anything."""
    if document.get(FAULTED, {}).get("empty"):
        return []
    return sorted({key.kind.value + key.text for key in keys_of(collection, document) if key.text})


def keys_of(collection: str, document: Document) -> Iterator[SearchKey]:
    """The keys of a document with the fields they come from; the text of some may be empty."""
    codes = {field: _text(document, field) for field in CODE_FIELDS[collection]}
    for field, text in codes.items():
        yield SearchKey(KeyKind.CODE, code(text), field)
    for field, text in codes.items():
        yield SearchKey(KeyKind.CODE, last_part(text)[:LONGEST], field, is_part=True)
    if collection == "customers":
        preferred = _words(document, "preferredName")
        for name in names(document):
            is_preferred = bool(preferred) and name.startswith((" ".join(preferred), "".join(preferred)))
            yield SearchKey(KeyKind.NAME, name, "preferredName" if is_preferred else "fullName")
        yield SearchKey(KeyKind.EMAIL, email(_text(document, "emailAddress")), "emailAddress")
        yield SearchKey(KeyKind.PHONE, phone(_text(document, "mobilePhoneNumber")), "mobilePhoneNumber")


def names(document: Document) -> list[str]:
    """The names that find a customer, most important first.

    Mary Anne Smith, called Annie, is ``mary anne smith``, ``smith mary anne``, ``annie smith``,
    ``anne smith mary`` and ``mary smith``: any of her names may come first, followed by others. The usual
    ones are also written together, ``maryannesmith``: people differ about De Souza, O'Dwyer and Mary-Jane,
    and Chinese, Japanese and Korean names have no blanks. Of one without parts, any character may come first.
    """
    first, last = _words(document, "firstName"), _words(document, "lastName")
    whole = (first + last or _words(document, "fullName"))[:_MAX_WORDS]
    starts = [0, len(first)] if first and last else [0]
    starts += [start for start, word in enumerate(whole) if len(word) >= _MIN_FIRST_WORD]
    turned = [whole[start:] + whole[:start] for start in dict.fromkeys(starts) if start < len(whole)]
    preferred = _words(document, "preferredName")
    found = [*turned[:2], [*preferred, *last] if preferred else [], *turned[2:]]
    if len(first) > 1 and last:
        found.append([first[0], *last])
    texts = [" ".join(each) for each in found[:_MAX_NAMES]]
    if len(whole) == 1 and 1 < len(name := whole[0]) <= _MAX_UNDIVIDED and is_undivided(name):
        texts += [name[start:] + name[:start] for start in range(1, len(name))]
    texts += ["".join(each) for each in (*found[:3], *found[-1:])]
    return list(dict.fromkeys(each[:LONGEST] for each in texts if each))


def last_part(text: str) -> str:
    """The last part of an id or number; empty if it is the whole, or not distinctive."""
    parts = words(text)
    is_distinctive = len(parts) > 1 and len(parts[-1]) >= _MIN_LAST_PART and any(map(str.isdigit, parts[-1]))
    return parts[-1] if is_distinctive else ""


def _words(document: Document, field: str) -> list[str]:
    return words(_text(document, field)[: 2 * LONGEST])


def _text(document: Document, field: str) -> str:
    """A field's text, or empty if it is no text."""
    value: Any = document.get(field)
    return value if isinstance(value, str) else ""
