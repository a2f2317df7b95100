"""What an erasure cannot clear: dead letters are entries as they came."""

import json
from collections.abc import Collection
from itertools import islice
from typing import NamedTuple

from app.ingestion.dead_letter_box import DeadLetterBox

MOST_LOOKED_AT = 1_000
"""Dead letters that are looked at: each is fetched on its own."""


class LettersFound(NamedTuple):
    """The ids of dead letters, oldest first, and how many newer ones were not looked at."""

    ids: list[str]
    not_looked_at: int


def letters_naming(box: DeadLetterBox, names: Collection[str]) -> LettersFound:
    """The dead letters, of the oldest thousand, with one of these ids anywhere in the bytes of their entry.

    Rather one too many: an entry may be cut off, or JSON within JSON. Raises redis's errors.
    """
    wanted = {text.encode() for name in names for text in (name, json.dumps(name)[1:-1])}
    found = [
        letter.letter_id
        for letter in islice(box.letters(), MOST_LOOKED_AT)
        if any(text in part for field in letter.original().items() for part in field for text in wanted)
    ]
    return LettersFound(found, max(0, len(box) - MOST_LOOKED_AT))
