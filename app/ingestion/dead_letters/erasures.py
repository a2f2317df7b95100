"""What an erasure cannot clear: dead letters are entries as they came."""

import json
from collections.abc import Collection
from itertools import islice
from typing import NamedTuple

from app.ingestion.dead_letters.box import DeadLetterBox
from app.ingestion.dead_letters.views import DISCARDED

MOST_LOOKED_AT = 1_000
"""Dead letters that are looked at, of each stream: each is fetched on its own."""


class LettersFound(NamedTuple):
    """Ids of dead letters, oldest first, those discarded last; and how many newer ones were not looked at."""

    ids: list[str]
    not_looked_at: int


def letters_naming(box: DeadLetterBox, names: Collection[str]) -> LettersFound:
    """The dead letters with one of these ids anywhere in the bytes of their entry.

    The oldest thousand on the list are looked at, and the oldest thousand that were discarded, which are
    named ``discarded:ID``. Rather one too many: an entry may be cut off, or JSON within JSON. Raises redis's
    errors.
    """
    wanted = {text.encode() for name in names for text in (name, json.dumps(name)[1:-1])}
    found: list[str] = []
    not_looked_at = 0
    for place, prefix in ((box, ""), (box.discarded(), DISCARDED)):
        found += [
            f"{prefix}{letter.letter_id}"
            for letter in islice(place.letters(), MOST_LOOKED_AT)
            if any(text in part for field in letter.original().items() for part in field for text in wanted)
        ]
        not_looked_at += max(0, len(place) - MOST_LOOKED_AT)
    return LettersFound(found, not_looked_at)
