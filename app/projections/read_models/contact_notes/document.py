"""The collection ``contact-notes``."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.aggregates.contact_note import ContactDirection, NotePriority, NoteType, Sentiment
from app.projections.read_models.kinds import Document, Person

NoteStatus = Literal["active", "amended"]


class ContactNote(Document):
    """What staff wrote down of a contact with a customer, over the API.

    A note is never changed or removed: an amendment is a note of its own, and only the newest of such a
    chain can be amended.
    """

    note_id: str = Field(validation_alias="_id")
    """The note's identifier."""
    customer_id: str
    """Whom it is about: `customers._id`. Always there."""
    loan_account_id: str | None = None
    """The loan account that it is about, where it is about one: `loan-accounts._id`."""
    conversation_id: str | None = None
    """The chat that it is about, where it is about one: `conversations._id`."""
    note_type: NoteType
    """What kind of contact or matter it was. Always there."""
    contact_direction: ContactDirection | None = None
    """Who got in touch: `inbound` is the customer. Absent where nobody did, as with `internal_note`."""
    subject: str
    """In a few words; at most 200 characters. Always there."""
    content: str
    """Markdown as somebody wrote it, at most 20,000 characters: escape what you render. Always there."""
    priority: NotePriority
    """How soon somebody should look at it. Always there."""
    sentiment: Sentiment
    """How the customer took it. Always there."""
    created_by: Person
    """Who wrote it, by their token. Always there."""
    created_at: datetime
    """When it was written. Always there."""
    status: NoteStatus
    """`amended` once another note has taken its place. Always there."""
    erased_at: datetime | None = None
    """When it was erased with its customer: its subject and content are `[erased]`."""
    amends_note_id: str | None = None
    """The note that this one takes the place of."""
    amended_by_note_id: str | None = None
    """The note that has taken its place."""
