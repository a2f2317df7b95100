"""What the bodies of contact notes may hold: bounded, of known words, and kept as they came."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from app.aggregates.contact_note import (
    LONGEST_CONTENT,
    LONGEST_SUBJECT,
    ContactDirection,
    NotePriority,
    NoteType,
    Sentiment,
)
from app.api.http.request_fields import Body


def _no_null_byte(text: str) -> str:
    if "\x00" in text:
        msg = "it holds a null byte"
        raise ValueError(msg)
    return text


def _says_something(text: str) -> str:
    if not text.strip():
        msg = "it says nothing"
        raise ValueError(msg)
    return text


Subject = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_SUBJECT),
    AfterValidator(_no_null_byte),
]
Content = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_CONTENT),
    AfterValidator(_no_null_byte),
    AfterValidator(_says_something),
    Field(description="Markdown. Kept to the letter, HTML included: escape what you render."),
]
Link = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=256),
    AfterValidator(_no_null_byte),
]


class NoteBody(Body):
    """What to write down. `contactDirection` follows from a `noteType` that tells it."""

    note_type: NoteType
    subject: Subject
    content: Content
    contact_direction: ContactDirection | None = None
    priority: NotePriority = NotePriority.NORMAL
    sentiment: Sentiment = Sentiment.NEUTRAL
    loan_account_id: Link | None = None
    conversation_id: Link | None = None


class AmendmentBody(Body):
    """What the note should have said.

    What is left out is as in the amended note, and so is the customer always. `null` takes
    `contactDirection`, `loanAccountId` and `conversationId` away.
    """

    content: Content
    note_type: NoteType | None = None
    subject: Subject | None = None
    contact_direction: ContactDirection | None = None
    priority: NotePriority | None = None
    sentiment: Sentiment | None = None
    loan_account_id: Link | None = None
    conversation_id: Link | None = None

    def told(self) -> dict[str, Any]:
        """What it tells, nulls included where they mean something."""
        optional = ("contact_direction", "loan_account_id", "conversation_id")
        told = self.model_dump(mode="json", exclude_unset=True)
        return {name: value for name, value in told.items() if value is not None or name in optional}
