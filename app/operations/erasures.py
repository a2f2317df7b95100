"""What an erasure cannot clear: dead letters are entries as they came."""

from itertools import islice

from app.ingestion.dead_letter_box import DeadLetterBox, StoredLetter

MOST_LOOKED_AT = 1_000
"""Dead letters that are looked at: each is fetched on its own."""


def letters_naming(box: DeadLetterBox, customer_id: str) -> list[str]:
    """The ids of dead letters, of the oldest thousand, that name a customer. Raises redis's errors."""
    return [
        letter.letter_id for letter in islice(box.letters(), MOST_LOOKED_AT) if _names(letter, customer_id)
    ]


def _names(letter: StoredLetter, customer_id: str) -> bool:
    return any(value == customer_id or f'"{customer_id}"' in value for value in letter.entry.values())
