"""The collection ``contact-notes``: one document a note; an amendment is a note of its own."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.aggregates import ContactNote
from app.aggregates.contact_note import ContactDirection, NotePriority, NoteType, Sentiment
from app.projections.engine.documents import Document
from app.projections.engine.projection import GONE, erase, on_event, person, put, time
from app.projections.read_models.base import Model, Person, ReadModel

NoteStatus = Literal["active", "amended"]


class ContactNoteDocument(Model):
    """A note that staff wrote over the API about contact with a customer.

    A note is never changed or removed: an amendment is a new note, and only the newest note of a chain can be
    amended.
    """

    note_id: str = Field(validation_alias="_id")
    """The note's identifier."""
    customer_id: str
    """The customer: `customers._id`."""
    loan_account_id: str | None = None
    """The loan account, if the note is about one: `loan-accounts._id`."""
    conversation_id: str | None = None
    """The chat, if the note is about one: `conversations._id`."""
    note_type: NoteType
    """The kind of contact or matter."""
    contact_direction: ContactDirection | None = None
    """Who initiated the contact; `inbound` is the customer. Absent if there was none, as with
    `internal_note`."""
    subject: str
    """A short summary of at most 200 characters."""
    content: str
    """Markdown as written, at most 20,000 characters: escape it when rendering."""
    priority: NotePriority
    """How urgently it needs attention."""
    sentiment: Sentiment
    """The customer's mood."""
    created_by: Person
    """The author, from their token."""
    created_at: datetime
    """When it was written."""
    status: NoteStatus
    """`amended` once another note has replaced it."""
    erased_at: datetime | None = None
    """When it was erased with its customer: `subject` and `content` are then `[erased]`."""
    amends_note_id: str | None = None
    """The note that this one replaces."""
    amended_by_note_id: str | None = None
    """The note that replaced this one."""


class ContactNotes(ReadModel):
    """How events change a note's document."""

    name = "contact-notes"
    model = ContactNoteDocument
    own = (ContactNote,)
    begins_with = ContactNote.Written
    stamped = False

    @on_event
    def written(self, document: Document, event: ContactNote.Written) -> None:
        document.update(
            customerId=event.customer_id,
            noteType=event.note_type,
            subject=event.subject or GONE,
            content=event.content or GONE,
            priority=event.priority,
            sentiment=event.sentiment,
            createdBy=person(event.created_by, event.created_by_name),
            createdAt=time(event.at),
            status="active",
        )
        put(
            document,
            contactDirection=event.contact_direction,
            loanAccountId=event.loan_account_id,
            conversationId=event.conversation_id,
            amendsNoteId=event.amends_note_id,
        )

    @on_event
    def personal_data_erased(self, document: Document, event: ContactNote.PersonalDataErased) -> None:
        erase(document, event)
        document.update(subject=GONE, content=GONE)

    @on_event
    def amended(self, document: Document, event: ContactNote.Amended) -> None:
        document.update(status="amended", amendedByNoteId=event.by_note_id)
