"""Dead letters as the commands' JSON and REST show them."""

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from app.ingestion.dead_letter_box import StoredLetter
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
