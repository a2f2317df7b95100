"""Contact notes over REST."""

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
from app.projections.read_models.contact_notes import ContactNoteDocument


def _no_null_byte(text: str) -> str:
    if "\x00" in text:
        raise ValueError("it contains a null byte")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("it is blank")
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
    AfterValidator(_not_blank),
    Field(description="Markdown, stored unchanged, HTML included: escape it when you render it."),
]
Link = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=256),
    AfterValidator(_no_null_byte),
]


class NoteBody(Body):
    """A new note. `contactDirection` follows from a `noteType` that implies it."""

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

    Absent fields, and the customer, are those of the amended note. `null` removes `contactDirection`,
    `loanAccountId` and `conversationId`.
    """

    content: Content
    note_type: NoteType | None = None
    subject: Subject | None = None
    contact_direction: ContactDirection | None = None
    priority: NotePriority | None = None
    sentiment: Sentiment | None = None
    loan_account_id: Link | None = None
    conversation_id: Link | None = None

    def changes(self) -> dict[str, Any]:
        """The fields to change, with nulls that remove something."""
        removable = ("contact_direction", "loan_account_id", "conversation_id")
        given = self.model_dump(mode="json", exclude_unset=True)
        return {name: value for name, value in given.items() if value is not None or name in removable}


class NoteWithChain(ContactNoteDocument):
    """A contact note, and the notes of its chain, oldest first, itself among them."""

    chain: list[ContactNoteDocument]
    """All notes that amend one another."""
