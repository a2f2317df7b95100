"""The events behind a document, and all that was said in a conversation: documents keep only the newest."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple

from anyio import to_thread
from fastapi import Path, Query, Request
from pydantic import BaseModel

from app.api.auth.audit import log_read
from app.api.histories.service import List
from app.api.http.pages import (
    ConversationId,
    Cursor,
    InvalidCursorError,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    page_link,
)
from app.api.http.router import Router
from app.api.services import services_of
from app.errors import NotFoundError
from app.operations.history import KINDS, HistoryEvent, history_page
from app.operations.servers import Servers
from app.projections.read_models.conversations.document import ConversationSummary, Notice, Utterance

router = Router("/v1", statuses=(404,))

_VERSION_LIMIT = 2**63
"""The stores count versions below it."""
_FIRST = 5
"""Events that most likely say whose data it is: the audit log takes them for the later pages, too."""

Start = Annotated[int, Query(ge=0, le=10_000_000, description="How many of the oldest to skip.")]


class _Audited(BaseModel):
    """Whose events they are, for the audit log."""

    customer_id: str | None = None
    loan_account_id: str | None = None
    conversation_id: str | None = None
    note_id: str | None = None


class _History(NamedTuple):
    """A kind of document that has a history."""

    kind: str
    noun: str
    tag: str
    path: str
    parameter: str
    audited_as: str | None


_HISTORIES = (
    _History("customer", "customer", "customers", "customers", "customerId", "customer_id"),
    _History(
        "loan-account", "loan account", "loan accounts", "loan-accounts", "loanAccountId", "loan_account_id"
    ),
    _History(
        "conversation", "conversation", "conversations", "conversations", "conversationId", "conversation_id"
    ),
    _History("contact-note", "note", "notes", "notes", "noteId", "note_id"),
    _History("write-off-request", "write-off request", "write-offs", "write-off-requests", "requestId", None),
)


def _endpoint(history: _History) -> Callable[..., Awaitable[Page[HistoryEvent]]]:
    async def endpoint(
        request: Request,
        identifier: Annotated[str, Path(alias=history.parameter, min_length=1, max_length=256)],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[HistoryEvent]:
        after = 0 if cursor is None else _version(cursor)
        servers = services_of(request).servers
        found = await to_thread.run_sync(_read, servers, history.kind, identifier, after, limit)
        if not found.first:
            raise NotFoundError(history.noun, identifier)
        audited = {} if history.audited_as is None else {history.audited_as: identifier}
        log_read(request, _Audited(**audited), *map(_audited, (*found.first, *found.items)))
        next_page = None
        if found.goes_on:
            next_page = page_link(request, cursor=encode_cursor(found.items[-1].version))
        return Page(items=found.items, next=next_page)

    return endpoint


for _each in _HISTORIES:
    router.add_api_route(
        f"/{_each.path}/{{{_each.parameter}}}/history",
        _endpoint(_each),
        tags=[_each.tag],
        operation_id=f"get{_each.noun.title().replace('-', '').replace(' ', '')}History",
        description=f"List the events behind a {_each.noun}, oldest first.",
    )


class _Events(NamedTuple):
    """The first events of all, those of the page, and whether there are more."""

    first: list[HistoryEvent]
    items: list[HistoryEvent]
    goes_on: bool


def _read(servers: Servers, kind: str, identifier: str, after: int, limit: int) -> _Events:
    key, servicing = (KINDS[kind][0], identifier), servers.event_store()
    items = history_page(servicing, *key, after, limit)
    first = history_page(servicing, *key, 0, _FIRST) if after else items[:_FIRST]
    return _Events(first, items, bool(items and history_page(servicing, *key, items[-1].version, 1)))


def _audited(event: HistoryEvent) -> _Audited:
    return _Audited(
        customer_id=event.facts.get("customerId"),
        loan_account_id=event.facts.get("loanAccountId"),
        conversation_id=event.facts.get("conversationId"),
    )


def _version(cursor: str) -> int:
    match decode_cursor(cursor):
        case [int(version)] if 0 < version < _VERSION_LIMIT:
            return version
    raise InvalidCursorError


@router.get("/conversations/{conversationId}/utterances", tags=["conversations"])
async def list_utterances(
    request: Request, conversation_id: ConversationId, limit: Limit = 50, start: Start = 0
) -> Page[Utterance]:
    """List all utterances, oldest first."""
    items, next_page = await _transcript(request, conversation_id, "utterances", start, limit)
    return Page(items=[Utterance.model_validate(item) for item in items], next=next_page)


@router.get("/conversations/{conversationId}/noticeboard", tags=["conversations"])
async def list_notices(
    request: Request, conversation_id: ConversationId, limit: Limit = 50, start: Start = 0
) -> Page[Notice]:
    """List all notices of the noticeboard, oldest first."""
    items, next_page = await _transcript(request, conversation_id, "noticeboard", start, limit)
    return Page(items=[Notice.model_validate(item) for item in items], next=next_page)


async def _transcript(
    request: Request, conversation_id: str, which: List, start: int, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    services = services_of(request)
    found = await to_thread.run_sync(
        lambda: services.transcripts.page(
            services.servers.event_store(), conversation_id, which, start, limit
        )
    )
    if found is None:
        raise NotFoundError("conversation", conversation_id)
    audited = {"_id": conversation_id, "customerId": found.customer_id}
    log_read(request, ConversationSummary.model_validate(audited))
    return found.items, page_link(request, start=start + limit) if found.goes_on else None
