"""What a caller looks for, as it may be meant, and how well a document answers it: pure functions."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from app.projections.engine.values import Document
from app.projections.read_models.search_keys.keys import CODE_FIELDS, KINDS, Kind, key_of, names, text_of
from app.projections.read_models.search_keys.normalising import (
    LONGEST,
    code,
    email,
    phone,
    phone_beginnings,
    words,
)

SHORTEST = 3
"""Letters and digits that one has to look for at least."""

_MOST_APART = 3
_ALL_BEFORE = "\U0010ffff"
"""Nothing that begins with a key comes after the key and this."""
_OF_PHONES = frozenset("+()/.-‐‑‒–—")


class Fit(IntEnum):
    """How well a document answers; the lower, the better."""

    EXACT = 0
    """An id, a number, an e-mail address or a phone number, just so."""
    NAME = 1
    """A whole name, what stands before the ``@``, or the last part of an id or number."""
    WORD = 2
    """The first words of a name, all of them whole."""
    BEGINNING = 3
    """The beginning of any of these."""
    WORDS = 4
    """Each word is the beginning of another part."""


class Match(NamedTuple):
    """How well a document answers, and by which of its fields."""

    fit: Fit
    field: str


class Beginning(NamedTuple):
    """What keys of a kind begin with, or are."""

    kind: Kind
    text: str

    def interval(self, level: int) -> dict[str, str]:
        """The interval of those keys of a level that begin so."""
        lowest = self.key(level)
        return {"$gte": lowest, "$lt": lowest + _ALL_BEFORE}

    def key(self, level: int) -> str:
        """The key of a level that is just that."""
        return key_of(level, self.kind, self.text)

    def fit(self, kind: Kind, text: str) -> Fit | None:
        """How well a key answers, by its kind and text."""
        if kind != self.kind or not text.startswith(self.text):
            return None
        if text == self.text:
            return Fit.NAME if kind == Kind.NAME else Fit.EXACT
        following = text[len(self.text)]
        if kind == Kind.EMAIL and following == "@":
            return Fit.NAME
        return Fit.WORD if kind == Kind.NAME and following == " " else Fit.BEGINNING


@dataclass(frozen=True)
class Sought:
    """A question: its words, and what it is as a name, an e-mail address, phone numbers, an id or number.

    What it cannot be is empty.
    """

    text: str
    words: tuple[str, ...]
    name: str
    email: str
    phones: tuple[str, ...]
    code: str

    @classmethod
    def of(cls, text: str, shortest: int = SHORTEST) -> "Sought | None":
        """None where there is too little to look for."""
        told, together = tuple(words(text)), code(text)
        if len(together) < shortest:
            return None
        has_digit = any(map(str.isdigit, together))
        return cls(
            text=text.strip(),
            words=told,
            name="" if has_digit else " ".join(told)[:LONGEST],
            email=email(text) if len(text.split()) == 1 else "",
            phones=tuple(phone_beginnings(text)) if _is_phone(text) else (),
            code=together if has_digit else "",
        )

    def beginnings(self, collection: str) -> list[Beginning]:
        """Where to look in a collection, for all of it as one."""
        wanted = [(Kind.NAME, self.name), (Kind.EMAIL, self.email), (Kind.CODE, self.code)]
        wanted += [(Kind.PHONE, each) for each in self.phones]
        return [Beginning(kind, text) for kind, text in wanted if text and kind in KINDS[collection]]

    def apart(self) -> "Iterator[Sought]":
        """Its longest words one by one, where there are several: they say most."""
        if len(self.text.split()) > 1 and not self.phones:
            for word in sorted(set(self.words), key=lambda each: (-len(each), each))[:_MOST_APART]:
                if (sought := Sought.of(word, shortest=1)) is not None:
                    yield sought

    def fit(self, collection: str, keys: list[str]) -> Fit | None:
        """How well a document answers, by its keys; None where it does not."""
        texts = [text_of(key) for key in keys]
        fits = [
            fit
            for beginning in self.beginnings(collection)
            for text in texts
            if (fit := beginning.fit(*text)) is not None
        ]
        if fits:
            return min(fits)
        parts = [part for _, text in texts for part in (text, *text.split())]
        if len(self.words) > 1 and all(any(part.startswith(word) for part in parts) for word in self.words):
            return Fit.WORDS
        return None

    def match(self, collection: str, document: Document, fit: Fit) -> Match:
        """By which of its fields a document answers that fits so, and how well that does."""
        told = [(Kind.CODE, code(document.get(field, "")), field) for field in CODE_FIELDS[collection]]
        if collection == "customers":
            told.append((Kind.EMAIL, email(document.get("emailAddress", "")), "emailAddress"))
            told.append((Kind.PHONE, phone(document.get("mobilePhoneNumber", "")), "mobilePhoneNumber"))
            preferred = " ".join(words(document.get("preferredName", "")))
            for name in names(document):
                is_preferred = bool(preferred) and name.startswith(preferred)
                told.append((Kind.NAME, name, "preferredName" if is_preferred else "fullName"))
        found = [
            Match(better, field)
            for beginning in self.beginnings(collection)
            for kind, text, field in told
            if (better := beginning.fit(kind, text)) is not None
        ]
        if document["_id"] == self.text:
            found.append(Match(Fit.EXACT, "_id"))
        if found:
            return min(found, key=lambda match: match.fit)
        if fit == Fit.WORDS:
            return Match(fit, "fullName")
        fields = CODE_FIELDS[collection]
        ends = [field for field in fields if self.code and self._ends(document.get(field, ""))]
        return Match(max(fit, Fit.NAME), ends[0] if ends else fields[0])

    def _ends(self, told: str) -> bool:
        return (words(told) or [""])[-1].startswith(self.code)


def _is_phone(text: str) -> bool:
    plain = unicodedata.normalize("NFKC", text)
    return all(each.isdecimal() or each.isspace() or each in _OF_PHONES for each in plain)
