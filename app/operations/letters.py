"""Dead letters as the commands' JSON and REST show them, and replaying many of them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from app.aggregates import Servicing
from app.ingestion.dead_letter_box import DeadLetterBox, Replayed, StoredLetter
from app.ingestion.dead_letter_scan import LetterSummary
from app.operations.report import Part


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


def replay_all(
    box: DeadLetterBox, letter_ids: Iterable[str], servicing: Servicing
) -> Iterator[tuple[str, Replayed | None]]:
    """Replay each, and yield its id with what became of it: None where it had left the list before.

    Raises one of EVENT_STORE_ERRORS or redis's errors; what was yielded is done.
    """
    for letter_id in letter_ids:
        letter = box.get(letter_id)
        yield letter_id, None if letter is None else box.replay(letter, servicing)
