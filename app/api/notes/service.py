"""Writes contact notes to the event store, from any number of threads and processes."""

from collections.abc import Callable
from typing import Any, NamedTuple

from app.aggregates import Actor, ContactNote, Customer, Source
from app.aggregates.base import Aggregate
from app.aggregates.contact_note import NoteContent, NoteFacts, facts_of
from app.api.http.problems import ProblemError
from app.errors import IdempotencyKeyReusedError, NotFoundError
from app.event_store.application import Servicing
from app.event_store.unit_of_work import UnitOfWork
from app.projections.read_models.contact_notes import ContactNotes

_CONTACT_NOTES = ContactNotes()


class Stored(NamedTuple):
    """A note as it is stored now, and the position at which it can be read."""

    document: dict[str, Any]
    position: int
    is_replay: bool


class Notes:
    """Writes notes, once for each id. Methods raise BillieError, and one of EVENT_STORE_ERRORS."""

    def __init__(self, servicing: Callable[[], Servicing]) -> None:
        """``servicing`` gives the event store, or raises one of EVENT_STORE_ERRORS. It must not cache."""
        self._servicing = servicing

    def is_written(self, note_id: str) -> bool:
        """Whether there is a note with this id."""
        note = self._servicing().load(ContactNote, note_id)
        return note is not None and note.written is not None

    def write(self, note_id: str, author: Actor, customer_id: str, fields: NoteContent) -> Stored:
        """Write a note. Raises NotFoundError, IdempotencyKeyReusedError; ProblemError after an erasure."""
        facts = facts_of(customer_id, fields)

        def store(unit: UnitOfWork) -> bool:
            source = _source(note_id)
            note = unit.obtain(ContactNote, note_id, source)
            if _was_written(note, author, facts):
                return True
            if (customer := self._servicing().load(Customer, customer_id)) is None:
                raise NotFoundError("customer", customer_id)
            _refuse_erased(customer)
            note.write(source, author=author, **facts)
            return False

        return self._stored(note_id, store)

    def amend(self, note_id: str, author: Actor, amended_id: str, fields: NoteContent) -> Stored:
        """Write a note that amends another one. Raises AlreadyAmendedError too."""

        def store(unit: UnitOfWork) -> bool:
            source = _source(note_id)
            note = unit.obtain(ContactNote, note_id, source)
            amended = unit.obtain(ContactNote, amended_id, source)
            if amended.written is None:
                raise NotFoundError("note", amended_id)
            _refuse_erased(amended)
            if _was_written(note, author, amended.facts_amended(fields)):
                return True
            amended.amend(source, by=note, author=author, **fields)
            return False

        return self._stored(note_id, store)

    def _stored(self, note_id: str, store: Callable[[UnitOfWork], bool]) -> Stored:
        servicing = self._servicing()
        is_replay, position = servicing.change(store)
        document = None
        for event in servicing.events.get(ContactNote.id_of(note_id)):
            document = _CONTACT_NOTES.evolve(document, event)
        return Stored(
            {**(document or {}), "_id": note_id}, position or servicing.max_position(), is_replay=is_replay
        )


def _was_written(note: ContactNote, author: Actor, facts: NoteFacts) -> bool:
    """Whether it exists already, by the same author and with the same facts."""
    if note.written is None:
        return False
    _refuse_erased(note)
    if not note.is_that_of(author, facts):
        raise IdempotencyKeyReusedError("The key belongs to another note. A new note takes a new key.")
    return True


def _refuse_erased(known: Aggregate) -> None:
    """Raises ProblemError (409): a note would bring personal data back."""
    if known.erased is not None:
        detail = f"The customer {known.erased.erased_with!r} was erased: no more notes can be written."
        raise ProblemError(409, "customer_erased", detail)


def _source(note_id: str) -> Source:
    return Source.said_now(f"note:{note_id}/written")
