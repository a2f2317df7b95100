"""The read model ``contact-notes``: one document a note; an amendment is a note of its own."""

from typing import Any

from app.aggregates import ContactNote
from app.projections.engine.projection import Projection
from app.projections.engine.values import GONE, Document, erase, person, put, time

CONTACT_NOTES = Projection(
    "contact-notes",
    own=(ContactNote,),
    stamped=False,
    begins_with=ContactNote.Written,
)


@CONTACT_NOTES.on(ContactNote.Written)
def _written(document: Document, event: Any) -> None:
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


@CONTACT_NOTES.on(ContactNote.PersonalDataErased)
def _personal_data_erased(document: Document, event: Any) -> None:
    erase(document, event)
    document.update(subject=GONE, content=GONE)


@CONTACT_NOTES.on(ContactNote.Amended)
def _amended(document: Document, event: Any) -> None:
    document.update(status="amended", amendedByNoteId=event.by_note_id)
