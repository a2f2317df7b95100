"""The events behind a document, and all that was said in a conversation: documents keep only the newest."""

from collections.abc import Awaitable, Callable
from typing import Annotated, NamedTuple

from anyio import to_thread
from fastapi import Path, Query, Request

from app.api.auth.audit import log_ids
from app.api.histories.service import List
from app.api.http.pages import (
    ConversationId,
    Cursor,
    InvalidCursorError,
    Item,
    Limit,
    Page,
    decode_cursor,
    next_page,
)
from app.api.http.router import Router
from app.api.services import services_of
from app.errors import NotFoundError
from app.operations.history import KINDS, HistoryEvent, history_page
from app.operations.servers import Servers
from app.projections.read_models.conversations.document import Notice, Utterance

router = Router("/v1", statuses=(404,))

_VERSION_LIMIT = 2**63
"""The stores count versions below it."""
_FIRST = 5
"""Events that most likely say whose data it is: the audit log takes them for the later pages, too."""

_AUDITED = ("customerId", "loanAccountId", "conversationId", "noteId")

Start = Annotated[int, Query(ge=0, le=10_000_000, description="How many of the oldest to skip.")]


class _History(NamedTuple):
    """A kind of document that has a history."""

    kind: str
    noun: str
    tag: str
    path: str
    parameter: str


_HISTORIES = (
    _History("customer", "customer", "customers", "customers", "customerId"),
    _History("loan-account", "loan account", "loan accounts", "loan-accounts", "loanAccountId"),
    _History("conversation", "conversation", "conversations", "conversations", "conversationId"),
    _History("contact-note", "note", "notes", "notes", "noteId"),
    _History("write-off-request", "write-off request", "write-offs", "write-off-requests", "requestId"),
)


def _endpoint(history: _History) -> Callable[..., Awaitable[Page[HistoryEvent]]]:
    async def endpoint(
        request: Request,
        identifier: Annotated[str, Path(alias=history.parameter, min_length=1, max_length=256)],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[HistoryEvent]:
        (after,) = (0,) if cursor is None else decode_cursor(cursor, int)
        if not 0 <= after < _VERSION_LIMIT:
            raise InvalidCursorError
        servers = services_of(request).servers
        first, items, goes_on = await to_thread.run_sync(
            _read, servers, history.kind, identifier, after, limit
        )
        if not first:
            raise NotFoundError(history.noun, identifier)
        facts = [{history.parameter: identifier}, *(each.facts for each in (*first, *items))]
        log_ids(request, {f"{name}s": {each[name] for each in facts if name in each} for name in _AUDITED})
        return Page(items=items, next=next_page(request, items[-1].version) if goes_on else None)

    return endpoint


for _each in _HISTORIES:
    router.add_api_route(
        f"/{_each.path}/{{{_each.parameter}}}/history",
        _endpoint(_each),
        tags=[_each.tag],
        operation_id=f"get{_each.noun.title().replace('-', '').replace(' ', '')}History",
        description=f"List the events behind a {_each.noun}, oldest first.",
    )


def _read(
    servers: Servers, kind: str, identifier: str, after: int, limit: int
) -> tuple[list[HistoryEvent], list[HistoryEvent], bool]:
    """The first events of all, those of the page, and whether there are more."""
    key, servicing = (KINDS[kind][0], identifier), servers.event_store()
    items = history_page(servicing, *key, after, limit)
    first = history_page(servicing, *key, 0, _FIRST) if after else items[:_FIRST]
    return first, items, bool(items and history_page(servicing, *key, items[-1].version, 1))


@router.get("/conversations/{conversationId}/utterances", tags=["conversations"])
async def list_utterances(
    request: Request, conversation_id: ConversationId, limit: Limit = 50, start: Start = 0
) -> Page[Utterance]:
    """List all utterances, oldest first."""
    return await _transcript(request, conversation_id, "utterances", Utterance, start, limit)


@router.get("/conversations/{conversationId}/noticeboard", tags=["conversations"])
async def list_notices(
    request: Request, conversation_id: ConversationId, limit: Limit = 50, start: Start = 0
) -> Page[Notice]:
    """List all notices of the noticeboard, oldest first."""
    return await _transcript(request, conversation_id, "noticeboard", Notice, start, limit)


async def _transcript(
    request: Request, conversation_id: str, which: List, model: type[Item], start: int, limit: int
) -> Page[Item]:
    services = services_of(request)
    found = await to_thread.run_sync(
        lambda: services.transcripts.page(
            services.servers.event_store(), conversation_id, which, start, limit
        )
    )
    if found is None:
        raise NotFoundError("conversation", conversation_id)
    customer_ids = set() if found.customer_id is None else {found.customer_id}
    log_ids(request, {"customerIds": customer_ids, "conversationIds": {conversation_id}})
    following = str(request.url.include_query_params(start=start + limit)) if found.goes_on else None
    return Page(items=[model.model_validate(item) for item in found.items], next=following)
