"""Contact notes over REST."""

import logging
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import Depends, Query, Request, Response
from pymongo.errors import PyMongoError

from app.aggregates.contact_note import NotePriority, NoteType, note_id_of
from app.api.auth.requirements import Call, Operations
from app.api.documents.listing import ListedByCreation, page
from app.api.documents.service import Fields, one_document, represented, select_fields
from app.api.http.etags import IfMatch, check_if_match
from app.api.http.pages import CustomerId, Identifier, NoteId, Page
from app.api.http.problems import Problem, documented
from app.api.http.request_fields import OptionalKey
from app.api.http.router import Router
from app.api.notes.schemas import AmendmentBody, NoteBody, NoteWithChain
from app.api.notes.service import Stored
from app.api.services import Database, services_of
from app.errors import NotFoundError
from app.projections.engine.documents import FAULTED
from app.projections.engine.positions import comes_to
from app.projections.read_models.contact_notes import ContactNoteDocument, ContactNotes
from app.runtime.observability.logging import in_short
from app.runtime.servers.store_threads import in_thread

log = logging.getLogger(__name__)

MAX_BODY_SIZE = 256 * 1024
"""Bytes: a character may take twelve of them, as a pair of escapes."""
_READABLE_WITHIN_S = 2.0
_MAX_EACH_WAY = 50

router = Router("/v1", "notes")
_WRITTEN: dict[int | str, dict[str, Any]] = documented(404) | {
    202: {
        "model": ContactNoteDocument,
        "description": "Stored, but not readable yet. Follow `Location`.",
    },
    409: {
        "model": Problem,
        "description": "The note was amended, or the key belongs to another note",
    },
}


async def _filters(
    noteType: NoteType | None = None,  # noqa: N803 - the wire's names
    loanAccountId: Identifier | None = None,  # noqa: N803
    createdBy: Annotated[Identifier | None, Query(description="The author's id.")] = None,  # noqa: N803
    priority: NotePriority | None = None,
    status: Annotated[
        Literal["active", "amended"] | None, Query(description="`active`: the newest of each chain.")
    ] = None,
) -> dict[str, str | None]:
    return {
        "noteType": noteType,
        "loanAccountId": loanAccountId,
        "createdBy.id": createdBy,
        "priority": priority,
        "status": status,
    }


Filters = Annotated[dict[str, str | None], Depends(_filters)]


@router.post("/customers/{customerId}/notes", status_code=201, responses=_WRITTEN)
async def write_note(
    call: Operations, customer_id: CustomerId, body: NoteBody, key: OptionalKey = None
) -> ContactNoteDocument:
    """Write a note about a customer; operations and up. 201 once it can be read, 202 if not within 2 s.

    `Idempotency-Key` is optional: with it, a retry returns the first note.
    """
    write, fields = call.services.notes.write, body.model_dump(mode="json")
    return await _answered(call, await in_thread(write, _note_id(key), call.by.actor, customer_id, fields))


@router.post("/notes/{noteId}/amendments", status_code=201, responses=_WRITTEN | documented(412))
async def amend_note(
    call: Operations,
    note_id: NoteId,
    body: AmendmentBody,
    key: OptionalKey = None,
    if_match: IfMatch = None,
) -> ContactNoteDocument:
    """Write a note that amends another, the newest of its chain; operations and up. Answers likewise."""
    notes, database, new_id = call.services.notes, call.services.database, _note_id(key)

    async def current() -> NoteWithChain | None:
        if key is not None and await in_thread(notes.is_written, new_id):
            return None  # A retry: the amended note was changed by the first try.
        note = await _note(database, note_id)
        return None if note is None else await _with_chain(database, note)

    await check_if_match(if_match, current)
    stored = await in_thread(notes.amend, new_id, call.by.actor, note_id, body.changes())
    return await _answered(call, stored)


@router.get("/customers/{customerId}/notes", responses=documented(404))
async def list_customer_notes(
    request: Request,
    customer_id: CustomerId,
    filters: Filters,
    listing: ListedByCreation,
) -> Page[ContactNoteDocument]:
    """List the notes about a customer."""
    wanted = {"customerId": customer_id, **filters}
    found = await page(request, ContactNotes.name, ContactNoteDocument, listing, wanted)
    customers = services_of(request).database["customers"]
    if not found.items and await customers.find_one({"_id": customer_id}, {"_id": 1}) is None:
        raise NotFoundError("customer", customer_id)
    return found


@router.get("/notes")
async def list_notes(
    request: Request,
    filters: Filters,
    listing: ListedByCreation,
    customerId: Identifier | None = None,  # noqa: N803
) -> Page[ContactNoteDocument]:
    """List notes."""
    wanted = {"customerId": customerId, **filters}
    return await page(request, ContactNotes.name, ContactNoteDocument, listing, wanted)


@router.document("/notes/{noteId}", NoteWithChain)
async def get_note(request: Request, note_id: NoteId, fields: Fields = None) -> Response:
    """Get a note with its chain: itself, the notes that it amends and those that amend it, oldest first.

    Of a longer chain, the nearest 50 each way: the outermost notes link to the next.
    """
    database = services_of(request).database
    headers: dict[str, str] = {}
    note = await one_document(database, ContactNotes.name, "note", note_id, headers)
    chain = await _with_chain(database, note)
    return represented(request, chain, select_fields(NoteWithChain, fields), headers)


async def _with_chain(database: Database, note: dict[str, Any]) -> NoteWithChain:
    before = await _linked(database, note, "amendsNoteId")
    after = await _linked(database, note, "amendedByNoteId")
    return NoteWithChain.model_validate({**note, "chain": [*reversed(before), note, *after]})


async def _note(database: Database, note_id: str) -> dict[str, Any] | None:
    return await database[ContactNotes.name].find_one({"_id": note_id, f"{FAULTED}.empty": {"$ne": True}})


async def _linked(database: Database, note: dict[str, Any], link: str) -> list[dict[str, Any]]:
    """The notes that following the link leads to."""
    found: list[dict[str, Any]] = []
    following: dict[str, Any] | None = note
    while following is not None and link in following and len(found) < _MAX_EACH_WAY:
        if (following := await _note(database, following[link])) is not None:
            found.append(following)
    return found


async def _answered(call: Call, stored: Stored) -> ContactNoteDocument:
    """The note, with 201 once it can be read; 202 if that takes too long."""
    note_id = stored.document["_id"]
    call.response.headers["Location"] = str(call.request.url_for("get_note", noteId=note_id))
    is_readable = await _is_readable(call.services.database, note_id, stored.position)
    call.answer(is_replay=stored.is_replay, is_done=is_readable)
    return ContactNoteDocument.model_validate(stored.document)


async def _is_readable(database: Database, note_id: str, position: int) -> bool:
    """Whether it is within two seconds. The position alone does not say: the note may have been set aside."""
    try:
        passed = await comes_to(database, ContactNotes.name, position, _READABLE_WITHIN_S)
        return passed and await _note(database, note_id) is not None
    except PyMongoError as error:
        # It is stored: an error would have the caller write it again.
        log.warning("Cannot tell whether note %s can be read: %s", note_id, in_short(error))
        return False


def _note_id(key: str | None) -> str:
    return str(uuid4()) if key is None else note_id_of(key)
