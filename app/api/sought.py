"""What a caller looks for, as it may be meant, and how well a document answers it: pure functions."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from app.projections.normalising import LONGEST, code, email, phone, phone_beginnings, words
from app.projections.search_keys import CODE_FIELDS, CODES, EMAIL, NAMES, PHONE, SLOTS, end_of_code, names
from app.projections.values import Document

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
    """A whole name, or what stands before the ``@``."""
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


class Slot(NamedTuple):
    """A key of a collection's documents, and what it has to begin with, or to be."""

    name: str
    beginning: str

    def condition(self, level: int, *, whole: bool) -> dict[str, object]:
        """The condition for the documents of a level; one interval of one index."""
        lowest = f"{level}{self.beginning}"
        return {f"_search.{self.name}": lowest if whole else {"$gte": lowest, "$lt": lowest + _ALL_BEFORE}}


@dataclass(frozen=True)
class Sought:
    """A question: its words, and what it is as an e-mail address, as a phone number, and as an id or number.

    What it cannot be is empty. ``name`` are its words in order.
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
        has_letter = any(map(str.isalpha, together))
        is_one = len(text.split()) == 1
        return cls(
            text=text.strip(),
            words=told,
            name=" ".join(told)[:LONGEST] if has_letter else "",
            email=email(text) if is_one else "",
            phones=tuple(phone_beginnings(text)) if _is_phone(text) else (),
            code=together if any(map(str.isdigit, together)) else "",
        )

    def slots(self, collection: str) -> list[Slot]:
        """Where to look in a collection, for all of it as one."""
        wanted = [(name, self.name) for name in NAMES] + [(EMAIL, self.email)]
        wanted += [(PHONE, each) for each in self.phones] + [(name, self.code) for name in CODES]
        return [Slot(*each) for each in wanted if each[1] and each[0] in SLOTS[collection]]

    def apart(self) -> "Iterator[Sought]":
        """Its longest words one by one, where there are several: they say most."""
        if len(self.words) > 1:
            for word in sorted(set(self.words), key=lambda each: (-len(each), each))[:_MOST_APART]:
                if (sought := Sought.of(word, shortest=1)) is not None:
                    yield sought

    def match(self, collection: str, document: Document) -> Match | None:
        """How well a document answers; None where it does not."""
        return min(self._matches(collection, document), key=lambda match: match.fit, default=None)

    def _matches(self, collection: str, document: Document) -> Iterator[Match]:
        parts: list[str] = []
        for field in CODE_FIELDS[collection]:
            if told := document.get(field):
                parts += (code(told), end_of_code(told))
                yield from _fits(self.code, code(told), field, Fit.EXACT)
                yield from _fits(self.code, end_of_code(told), field, Fit.NAME)
        if document["_id"] == self.text:
            yield Match(Fit.EXACT, "_id")
        if collection == "customers":
            parts += [*self._words_of(document)]
            yield from self._of_person(document)
        if len(self.words) > 1 and all(_begins_one(word, parts) for word in self.words):
            yield Match(Fit.WORDS, "fullName")

    def _of_person(self, document: Document) -> Iterator[Match]:
        address = email(document.get("emailAddress", ""))
        yield from _fits(self.email, address, "emailAddress", Fit.EXACT)
        if self.email and self.email == address.partition("@")[0]:
            yield Match(Fit.NAME, "emailAddress")
        for each in self.phones:
            yield from _fits(
                each, phone(document.get("mobilePhoneNumber", "")), "mobilePhoneNumber", Fit.EXACT
            )
        preferred = " ".join(words(document.get("preferredName", "")))
        for key in names(document):
            field = "preferredName" if preferred and key.startswith(preferred) else "fullName"
            yield from _fits(self.name, key, field, Fit.NAME)
            if self.name and key.startswith(f"{self.name} "):
                yield Match(Fit.WORD, field)

    def _words_of(self, document: Document) -> Iterator[str]:
        for field in ("firstName", "lastName", "preferredName", "fullName", "emailAddress"):
            yield from words(document.get(field, ""))
        yield phone(document.get("mobilePhoneNumber", ""))


def _fits(sought: str, key: str, field: str, whole: Fit) -> Iterator[Match]:
    if sought and key.startswith(sought):
        yield Match(whole if key == sought else Fit.BEGINNING, field)


def _begins_one(word: str, parts: Iterable[str]) -> bool:
    return any(part.startswith(word) for part in parts)


def _is_phone(text: str) -> bool:
    return all(
        each.isdecimal() or each.isspace() or unicodedata.normalize("NFKC", each) in _OF_PHONES
        for each in text
    )
