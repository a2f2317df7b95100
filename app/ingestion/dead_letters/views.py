"""Dead letters as the commands' JSON and REST show them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from app.ingestion.dead_letters.box import DeadLetterBox, StoredLetter
from app.ingestion.dead_letters.scan import Filter, LetterSummary
from app.operations.status.report import Part

DISCARDED = "discarded:"
"""What a discarded letter's id is named with, to tell it from those on the list."""


class DeadLetter(Part):
    """A dead letter without its entry; ``path`` names the failing field."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)

    letter_id: str
    entry_id: str = Field(description="The id that the original entry had on its stream.")
    stream: str
    type: str = Field(description="Empty where the entry named none.")
    reason: str
    path: str
    error: str
    deliveries: int
    at: datetime


class DeadLetterInFull(DeadLetter):
    """A dead letter with the original entry; bytes that are not UTF-8 stand there as ``base64:…``."""

    entry: dict[str, Any]


def shown(letter: LetterSummary) -> DeadLetter:
    """With its entry, where the letter was fetched whole."""
    model = DeadLetterInFull if isinstance(letter, StoredLetter) else DeadLetter
    return model.model_validate(letter)


def summaries(box: DeadLetterBox, wanted: Filter, *, discarded: bool) -> Iterator[LetterSummary]:
    """Those on the list, or those that were discarded, with ids as :func:`find` takes them."""
    if not discarded:
        yield from box.summaries(wanted)
        return
    for letter in box.discarded().summaries(wanted):
        yield replace(letter, letter_id=f"{DISCARDED}{letter.letter_id}")


def find(box: DeadLetterBox, named: str) -> StoredLetter | None:
    """One on the list, or a discarded one, whole. None where there is none. Raises redis's ResponseError."""
    place, letter_id = _place(box, named)
    letter = place.get(letter_id)
    return None if letter is None else replace(letter, letter_id=named)


def delete(box: DeadLetterBox, named: str) -> bool:
    """Remove it for good, wherever it is. False where it was not there. Raises redis's errors."""
    place, letter_id = _place(box, named)
    return place.delete(letter_id)


def _place(box: DeadLetterBox, named: str) -> tuple[DeadLetterBox, str]:
    is_discarded = named.startswith(DISCARDED)
    return box.discarded() if is_discarded else box, named.removeprefix(DISCARDED)
