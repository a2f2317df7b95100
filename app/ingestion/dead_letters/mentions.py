"""Dead letters that mention an erased customer, which the erasure itself cannot clear."""

import json
from collections.abc import Collection
from itertools import islice
from typing import NamedTuple

from app.ingestion.dead_letters.store import DeadLetterStore

MOST_SEARCHED = 1_000
"""Dead letters searched, of each stream: each is fetched on its own."""


class Mentions(NamedTuple):
    """Ids of dead letters, oldest first, then discarded ones; and how many newer ones were not searched."""

    ids: list[str]
    not_searched: int


def mentions_of(store: DeadLetterStore, names: Collection[str]) -> Mentions:
    """The dead letters with one of these ids anywhere in the bytes of their entry.

    Searches the oldest thousand on the list, and the oldest thousand discarded ones. Errs on the side of too
    many: an entry may be truncated, or be JSON within JSON. Raises redis's errors.
    """
    wanted = {text.encode() for name in names for text in (name, json.dumps(name)[1:-1])}
    found: list[str] = []
    not_searched = 0
    for place in (store, store.discarded()):
        found += [
            each.dead_letter_id
            for each in islice(place.in_full(), MOST_SEARCHED)
            if any(text in part for field in each.original().items() for part in field for text in wanted)
        ]
        not_searched += max(0, len(place) - MOST_SEARCHED)
    return Mentions(found, not_searched)
