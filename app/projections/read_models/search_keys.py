"""The search keys of documents, ``_search``: a list of texts with one index; and how texts are normalised.

Keys are a pure function of the document's other fields, set whenever it is written: when fields are cleared,
their keys go too. A key is its kind and a normalised text: ``nann smith``, ``p0412345678``. Decision 0009.

Queries are normalised the same way: case, accents, punctuation and the format of phone numbers do not matter.
Each function for that is idempotent and takes any text, including NUL and lone surrogates.
"""

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from app.projections.engine.documents import FAULTED, Document

FIELD = "_search"
LONGEST = 100
"""The maximum number of characters compared."""

_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
"""Letters that Unicode does not decompose, but that people write without their strokes."""
_APOSTROPHES = str.maketrans("", "", "'’‘ʼ`´")
_ROUNDS = 8
_UNDIVIDED = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL")
"""The beginnings of the names of these scripts' letters."""
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_PLUS = ("+", "\N{FULLWIDTH PLUS SIGN}")
_COUNTRY, _NATIONAL, _MOBILE_DIGITS = "61", "0", 9
_AREAS = frozenset("23478")
"""The digits that may follow the 0 of an Australian number."""


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


def fold(text: str) -> str:
    """Without case and accents: ``José`` and ``JOSE`` are ``jose``, ``Straße`` is ``strasse``."""
    if text.isascii():
        return text.lower()
    for _ in range(_ROUNDS):  # One fold may produce a character that another one changes.
        apart = unicodedata.normalize("NFKD", text.casefold())
        plain = "".join(each for each in apart if not unicodedata.combining(each)).translate(_LETTERS)
        folded = unicodedata.normalize("NFC", plain)  # A Korean syllable is one letter again.
        if folded == text:
            break
        text = folded
    return text


def words(text: str) -> list[str]:
    """The words of a text, folded: ``Mary-Anne O'Brien`` has ``mary``, ``anne``, ``obrien``."""
    folded = fold(text.translate(_APOSTROPHES))
    if folded.isascii():
        return _ASCII_WORD.findall(folded)
    return "".join(each if _is_of_word(each) else " " for each in folded).split()


def is_undivided(word: str) -> bool:
    """Whether it is in a script that writes names without blanks: Chinese, Japanese or Korean."""
    return all(unicodedata.name(each, "").startswith(_UNDIVIDED) for each in word)


def code(text: str) -> str:
    """An id or a number without separators: ``ACC-900 002`` is ``acc900002``."""
    return "".join(words(text))[:LONGEST]


def email(text: str) -> str:
    """An e-mail address, folded, without white space and unprintable characters."""
    folded = fold(text)
    if folded.isprintable() and " " not in folded and folded.isascii():
        return folded[:LONGEST]
    return "".join(each for each in folded if each.isprintable() and not each.isspace())[:LONGEST]


def phone(text: str) -> str:
    """A phone number's digits. Australian numbers start with 0 in any format; others with their country code.

    ``+61 412 345 678``, ``0061 (0)412 345 678``, ``61412345678``, ``0412-345-678`` and ``412345678`` are
    ``0412345678``; ``+64 21 123 456`` is ``6421123456``.
    """
    digits, is_international = _digits(text)
    if is_international and digits.startswith(_COUNTRY):
        return _in_australia(digits)
    if is_international or digits.startswith(_NATIONAL):
        return digits[:LONGEST]
    whole = len(_COUNTRY) + _MOBILE_DIGITS
    if digits.startswith(_COUNTRY) and (len(digits) == whole or digits.startswith(_COUNTRY + _NATIONAL)):
        return _in_australia(digits)
    if len(digits) == _MOBILE_DIGITS and digits[0] in _AREAS:
        return _NATIONAL + digits
    return digits[:LONGEST]


def phone_prefixes(text: str) -> list[str]:
    """What :func:`phone` may return for a number that starts with ``text``, likeliest first."""
    found = [phone(text)]
    digits, is_international = _digits(text)
    if not is_international and digits:
        if digits.startswith(_COUNTRY):
            found.append(_in_australia(digits))
        elif digits[0] in _AREAS:
            found.append((_NATIONAL + digits)[:LONGEST])
    return list(dict.fromkeys(each for each in found if each))


def _is_of_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _digits(text: str) -> tuple[str, bool]:
    """The digits, in any script, without the international prefix, and whether there was one."""
    found = "".join(str(unicodedata.decimal(each)) for each in text if each.isdecimal())
    if next((each for each in text if each in _PLUS or each.isdecimal()), "") in _PLUS:
        return found, True
    for abroad in ("0011", "00"):
        if found.startswith(abroad):
            return found.removeprefix(abroad), True
    return found, False


def _in_australia(digits: str) -> str:
    return (_NATIONAL + digits.removeprefix(_COUNTRY).lstrip(_NATIONAL))[:LONGEST]
