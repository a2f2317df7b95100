"""Contact notes over REST: written, amended by further notes, and never changed or deleted."""

import logging
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pymongo.errors import PyMongoError

from app.aggregates.contact_note import NotePriority, NoteType, note_id_of
from app.api.auth.callers import Caller, Role
from app.api.auth.requires import Authenticated, requires
from app.api.documents.chosen_fields import Chosen, Fields, chosen
from app.api.documents.listing import ListedByCreation, Listing, page
from app.api.documents.routes import Database, database_of, one_document
from app.api.http.etags import TAGGED, IfMatch, check_if_match, represented
from app.api.http.idempotency_keys import OptionalKey, key_of
from app.api.http.pages import Identifier, Page
from app.api.http.problems import Problem, documented, not_found
from app.api.notes.schemas import AmendmentBody, NoteBody
from app.api.notes.service import NoteStore, Stored
from app.projections.engine.faults import FAULTED
from app.projections.engine.positions import comes_to
from app.projections.read_models.contact_notes import ContactNoteDocument, ContactNotes
from app.runtime.observability.logging import in_short
from app.runtime.servers.store_threads import in_thread

log = logging.getLogger(__name__)

LARGEST_BODY = 256 * 1024
"""Bytes: a character may be twelve of them, as a pair of escapes."""
_READABLE_WITHIN_S = 2.0
_MOST_EACH_WAY = 50

router = APIRouter(
    prefix="/v1",
    tags=["notes"],
    dependencies=[Authenticated],
    responses=documented(400, 401, 403, 422, 503),
)
_OPERATIONS = Depends(requires(Role.OPERATIONS))
_WRITTEN: dict[int | str, dict[str, Any]] = documented(404) | {
    202: {
        "model": ContactNoteDocument,
        "description": "Stored, and not readable yet: `Location` tells where it will be",
    },
    409: {"model": Problem, "description": "The note was amended, or the key belongs to another note"},
}


NoteId = Annotated[str, Path(alias="noteId", min_length=1, max_length=256)]
CustomerId = Annotated[str, Path(alias="customerId", min_length=1, max_length=256)]


class NoteWithChain(ContactNoteDocument):
    """A contact note, and the notes of its chain, oldest first, itself among them."""

    chain: list[ContactNoteDocument]
    """All notes that amend one another."""


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


@router.post(
    "/customers/{customerId}/notes",
    operation_id="writeNote",
    status_code=201,
    responses=_WRITTEN,
    response_model_exclude_none=True,
)
async def write_note(
    request: Request,
    response: Response,
    customer_id: CustomerId,
    body: NoteBody,
    by: Annotated[Caller, _OPERATIONS],
    key: OptionalKey = None,
) -> ContactNoteDocument:
    """Write a note about a customer; operations and up. 201 when it can be read, 202 when not within 2 s.

    `Idempotency-Key` is optional: with it, a repeat gives the first note again.
    """
    database = database_of(request)
    told = body.model_dump(mode="json")
    stored = await in_thread(_notes(request).write, _note_id(key), by.actor, customer_id, told)
    return await _answered(request, response, database, stored)


@router.post(
    "/notes/{noteId}/amendments",
    operation_id="amendNote",
    status_code=201,
    responses=_WRITTEN | documented(412),
    response_model_exclude_none=True,
)
async def amend_note(
    request: Request,
    response: Response,
    note_id: NoteId,
    body: AmendmentBody,
    by: Annotated[Caller, _OPERATIONS],
    key: OptionalKey = None,
    if_match: IfMatch = None,
) -> ContactNoteDocument:
    """Write a note that amends another, the newest of its chain; operations and up. It answers likewise."""
    database = database_of(request)
    notes, new_id = _notes(request), _note_id(key)

    async def current() -> NoteWithChain | None:
        if key is not None and await in_thread(notes.is_written, new_id):
            return None  # A repeat: what it amends has changed, by itself.
        note = await _note(database, note_id)
        return None if note is None else await _with_chain(database, note)

    await check_if_match(if_match, current)
    stored = await in_thread(notes.amend, new_id, by.actor, note_id, body.told())
    return await _answered(request, response, database, stored)


@router.get(
    "/customers/{customerId}/notes",
    operation_id="listCustomerNotes",
    responses=documented(404),
    response_model_exclude_none=True,
)
async def list_customer_notes(
    request: Request,
    customer_id: CustomerId,
    filters: Filters,
    listing: ListedByCreation,
    fields: Fields = None,
) -> Page[ContactNoteDocument]:
    """List the notes about a customer."""
    database = database_of(request)
    found = await _page(request, database, customer_id, filters, listing, chosen(ContactNoteDocument, fields))
    if not found.items and await database["customers"].find_one({"_id": customer_id}, {"_id": 1}) is None:
        raise not_found("customer", customer_id)
    return found


@router.get("/notes", operation_id="listNotes", response_model_exclude_none=True)
async def list_notes(
    request: Request,
    filters: Filters,
    listing: ListedByCreation,
    fields: Fields = None,
    customerId: Identifier | None = None,  # noqa: N803
) -> Page[ContactNoteDocument]:
    """List notes."""
    database = database_of(request)
    return await _page(request, database, customerId, filters, listing, chosen(ContactNoteDocument, fields))


@router.get(
    "/notes/{noteId}",
    operation_id="getNote",
    responses=documented(404) | TAGGED,
    response_model=NoteWithChain,
)
async def get_note(
    request: Request,
    response: Response,
    note_id: NoteId,
    fields: Fields = None,
) -> Response:
    """Get a note with its chain: itself, what it amends and what amends it, oldest first.

    Of a chain longer than that, the nearest 50 each way: the links of the outermost lead on.
    """
    database = database_of(request)
    note = await one_document(response, database, ContactNotes.name, "note", note_id)
    return represented(request, response, await _with_chain(database, note), chosen(NoteWithChain, fields))


async def _with_chain(database: Database, note: dict[str, Any]) -> NoteWithChain:
    before = await _linked(database, note, "amendsNoteId")
    after = await _linked(database, note, "amendedByNoteId")
    return NoteWithChain.model_validate({**note, "chain": [*reversed(before), note, *after]})


async def _page(
    request: Request,
    database: Database,
    customer_id: str | None,
    filters: dict[str, str | None],
    listing: Listing,
    fields: Chosen | None,
) -> Page[ContactNoteDocument]:
    return await page(
        request,
        database[ContactNotes.name],
        {"customerId": customer_id, **filters},
        model=ContactNoteDocument,
        listing=listing,
        fields=fields,
    )


async def _note(database: Database, note_id: str) -> dict[str, Any] | None:
    return await database[ContactNotes.name].find_one({"_id": note_id, f"{FAULTED}.empty": {"$ne": True}})


async def _linked(database: Database, note: dict[str, Any], link: str) -> list[dict[str, Any]]:
    """The notes that one link after another leads to."""
    found: list[dict[str, Any]] = []
    following: dict[str, Any] | None = note
    while following is not None and link in following and len(found) < _MOST_EACH_WAY:
        if (following := await _note(database, following[link])) is not None:
            found.append(following)
    return found


async def _answered(
    request: Request, response: Response, database: Database, stored: Stored
) -> ContactNoteDocument:
    """The note, with 201 once it can be read; 202 where that takes too long."""
    note_id = stored.document["_id"]
    response.headers["Location"] = str(request.url_for("get_note", noteId=note_id))
    if stored.is_replay:
        response.headers["Idempotent-Replay"] = "true"
    if not await _is_readable(database, note_id, stored.position):
        response.status_code = 202
        response.headers["Retry-After"] = "2"
    return ContactNoteDocument.model_validate(stored.document)


async def _is_readable(database: Database, note_id: str, position: int) -> bool:
    """Whether it is so within two seconds. The position alone does not tell: it may have been set aside."""
    try:
        passed = await comes_to(database, ContactNotes.name, position, _READABLE_WITHIN_S)
        return passed and await _note(database, note_id) is not None
    except PyMongoError as error:
        # It is stored: an error would have the caller write it once more.
        log.warning("Cannot tell whether note %s can be read: %s", note_id, in_short(error))
        return False


def _note_id(key: str | None) -> str:
    return str(uuid4()) if key is None else note_id_of(key_of(key))


def _notes(request: Request) -> NoteStore:
    return NoteStore(request.app.state.servers.event_store_for_commands)
