"""A search query: its possible meanings, and how well a document matches it. Pure functions."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from app.projections.engine.documents import Document
from app.projections.read_models.search_keys import (
    KINDS,
    LONGEST,
    KeyKind,
    code,
    email,
    keys_of,
    phone_prefixes,
    words,
)

SHORTEST, SHORTEST_NUMBER = 2, 3
"""The minimum number of letters in a query (Ng, 王明), and of letters and digits in one with a digit."""

_MAX_SINGLE_WORDS = 3
_LAST = "\U0010ffff"
"""Sorts after every continuation of a key."""
_OF_PHONES = frozenset("+()/.-‐‑‒–—")


class Fit(IntEnum):
    """How well a document matches; lower is better."""

    EXACT = 0
    """An identical id, number, e-mail address or phone number."""
    NAME = 1
    """A whole name, the part of an address before the ``@``, or the last part of an id or number."""
    WORD = 2
    """The first words of a name, all of them whole."""
    PREFIX = 3
    """A prefix of any of these."""
    WORDS = 4
    """Each word is a prefix of a different part."""


class Match(NamedTuple):
    """How well a document matches, and by which of its fields."""

    fit: Fit
    field: str


class Prefix(NamedTuple):
    """What a key of a kind starts with, or equals."""

    kind: KeyKind
    text: str

    @property
    def key(self) -> str:
        """The key that equals it."""
        return self.kind.value + self.text

    @property
    def interval(self) -> dict[str, str]:
        """The condition that a key starts with it."""
        return {"$gte": self.key, "$lt": self.key + _LAST}

    def fit(self, kind: str, text: str) -> Fit | None:
        """How well a key matches, by its kind and text."""
        if kind != self.kind or not text.startswith(self.text):
            return None
        if text == self.text:
            return Fit.NAME if kind == KeyKind.NAME else Fit.EXACT
        following = text[len(self.text)]
        if kind == KeyKind.EMAIL and following == "@":
            return Fit.NAME
        return Fit.WORD if kind == KeyKind.NAME and following == " " else Fit.PREFIX


@dataclass(frozen=True)
class SearchQuery:
    """The text of a query, its words, and its meaning as names, e-mail address, phone numbers and code.

    A name counts as written and written together. A meaning that it cannot have is empty.
    """

    text: str
    words: tuple[str, ...]
    names: tuple[str, ...]
    email: str
    phones: tuple[str, ...]
    code: str

    @classmethod
    def of(cls, text: str, *, is_part: bool = False) -> "SearchQuery | None":
        """None if there are too few letters and digits; a word that ``is_part`` of a query may have one."""
        split, joined = tuple(words(text)), code(text)
        has_digit = any(map(str.isdigit, joined))
        if len(joined) < (1 if is_part else SHORTEST_NUMBER if has_digit else SHORTEST):
            return None
        return cls(
            text=text.strip(),
            words=split,
            names=() if has_digit else tuple(dict.fromkeys((" ".join(split)[:LONGEST], joined))),
            email=email(text) if len(text.split()) == 1 else "",
            phones=tuple(phone_prefixes(text)) if _is_phone(text) else (),
            code=joined if has_digit else "",
        )

    def prefixes(self, collection: str) -> list[Prefix]:
        """The prefixes to look for in a collection, each with the whole query."""
        meanings = [(KeyKind.EMAIL, self.email), (KeyKind.CODE, self.code)]
        meanings += [(KeyKind.NAME, each) for each in self.names]
        meanings += [(KeyKind.PHONE, each) for each in self.phones]
        return [Prefix(kind, text) for kind, text in meanings if text and kind in KINDS[collection]]

    def single_words(self) -> "Iterator[SearchQuery]":
        """Its longest words one by one, if there are several: they are the most selective."""
        if len(self.text.split()) > 1 and not self.phones:
            for word in sorted(set(self.words), key=lambda each: (-len(each), each))[:_MAX_SINGLE_WORDS]:
                if (query := SearchQuery.of(word, is_part=True)) is not None:
                    yield query

    def fit(self, collection: str, keys: list[str]) -> Fit | None:
        """How well a document matches, by its keys; None if it does not."""
        fits = [
            fit
            for prefix in self.prefixes(collection)
            for key in keys
            if (fit := prefix.fit(key[0], key[1:])) is not None
        ]
        if fits:
            return min(fits)
        parts = [part for key in keys for part in (key[1:], *key[1:].split())]
        if len(self.words) > 1 and all(any(part.startswith(word) for part in parts) for word in self.words):
            return Fit.WORDS
        return None

    def match(self, collection: str, document: Document, fit: Fit) -> Match:
        """The field by which a document with this fit matches, and how well it does."""
        if document["_id"] == self.text:
            return Match(Fit.EXACT, "_id")
        found = [
            Match(max(better, Fit.NAME) if key.is_part else better, key.field)
            for prefix in self.prefixes(collection)
            for key in keys_of(collection, document)
            if (better := prefix.fit(key.kind, key.text)) is not None
        ]
        return min(found, key=lambda match: match.fit, default=Match(fit, "fullName"))


def _is_phone(text: str) -> bool:
    plain = unicodedata.normalize("NFKC", text)
    return all(each.isdecimal() or each.isspace() or each in _OF_PHONES for each in plain)
