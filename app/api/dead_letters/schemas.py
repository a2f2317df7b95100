"""Dead letters over REST."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from app.api.http.pages import Page
from app.ingestion.dead_letters.dead_letter import DeadLetter
from app.runtime.camel_model import CamelModel


class DeadLetterPage(Page[DeadLetter]):
    """A page of dead letters, oldest first, with counts by reason under the same filters."""

    byReason: dict[str, int]  # noqa: N815 - the wire's name
    countIsComplete: bool = Field(description="False: only the oldest were counted.")  # noqa: N815


class DiscardBody(BaseModel):
    """Why a dead letter is discarded: kept for ever, with the caller's id."""

    because: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]


class Discarded(CamelModel):
    """A discarded dead letter."""

    dead_letter_id: str
    discarded_by: str
    because: str
