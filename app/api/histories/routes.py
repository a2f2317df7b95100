"""The events behind a document: what was recorded of it, when, by whom, and the message that told it."""

from typing import Annotated, NamedTuple

from anyio import to_thread
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from app.api.auth.audit import log_read
from app.api.auth.requires import Authenticated
from app.api.http.pages import Cursor, Limit, Page, invalid_cursor, opaque, parts_of
from app.api.http.problems import documented, not_found
from app.operations.history import KINDS, HistoryEvent, history_page
from app.operations.servers import Servers

router = APIRouter(
    prefix="/v1",
    dependencies=[Authenticated],
    responses=documented(400, 401, 403, 404, 422, 503),
)

Named = Annotated[str, Path(min_length=1, max_length=256)]
_BEYOND = 2**63
"""The stores count versions below it."""
_FIRST = 5
"""Events that most likely tell whose something is: the later pages of a history are logged by them too."""


class _Shown(BaseModel):
    """Whose the events are, for the audit log."""

    customer_id: str | None = None
    loan_account_id: str | None = None
    conversation_id: str | None = None
    note_id: str | None = None


@router.get(
    "/customers/{customerId}/history",
    tags=["customers"],
    operation_id="getCustomerHistory",
    response_model_exclude_none=True,
)
async def get_customer_history(
    request: Request,
    customerId: Named,  # noqa: N803 - the wire's name
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[HistoryEvent]:
    """List the events behind a customer, oldest first."""
    return await _page(request, "customer", customerId, limit, cursor, _Shown(customer_id=customerId))


@router.get(
    "/loan-accounts/{loanAccountId}/history",
    tags=["loan accounts"],
    operation_id="getLoanAccountHistory",
    response_model_exclude_none=True,
)
async def get_loan_account_history(
    request: Request,
    loanAccountId: Named,  # noqa: N803
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[HistoryEvent]:
    """List the events behind a loan account, oldest first."""
    shown = _Shown(loan_account_id=loanAccountId)
    return await _page(request, "loan-account", loanAccountId, limit, cursor, shown)


@router.get(
    "/conversations/{conversationId}/history",
    tags=["conversations"],
    operation_id="getConversationHistory",
    response_model_exclude_none=True,
)
async def get_conversation_history(
    request: Request,
    conversationId: Named,  # noqa: N803
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[HistoryEvent]:
    """List the events behind a conversation, oldest first."""
    shown = _Shown(conversation_id=conversationId)
    return await _page(request, "conversation", conversationId, limit, cursor, shown)


@router.get(
    "/notes/{noteId}/history", tags=["notes"], operation_id="getNoteHistory", response_model_exclude_none=True
)
async def get_note_history(
    request: Request,
    noteId: Named,  # noqa: N803
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[HistoryEvent]:
    """List the events behind a note, oldest first."""
    return await _page(request, "contact-note", noteId, limit, cursor, _Shown(note_id=noteId))


@router.get(
    "/write-off-requests/{requestId}/history",
    tags=["write-offs"],
    operation_id="getWriteOffRequestHistory",
    response_model_exclude_none=True,
)
async def get_write_off_request_history(
    request: Request,
    requestId: Named,  # noqa: N803
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[HistoryEvent]:
    """List the events behind a write-off request, oldest first."""
    return await _page(request, "write-off-request", requestId, limit, cursor, _Shown())


async def _page(
    request: Request, kind: str, identifier: str, limit: int, cursor: str | None, shown: _Shown
) -> Page[HistoryEvent]:
    after = 0 if cursor is None else _version(cursor)
    read = await to_thread.run_sync(_read, request.app.state.servers, kind, identifier, after, limit)
    if not read.first:
        raise not_found(kind.replace("-", " "), identifier)
    following = None
    if read.goes_on:
        following = str(request.url.include_query_params(cursor=opaque(read.items[-1].version)))
    log_read(request, shown, *(_of_whom(event) for event in (*read.first, *read.items)))
    return Page(items=read.items, next=following)


class _Read(NamedTuple):
    """The first events of all, those of the page, and whether there are more."""

    first: list[HistoryEvent]
    items: list[HistoryEvent]
    goes_on: bool


def _read(servers: Servers, kind: str, identifier: str, after: int, limit: int) -> _Read:
    key, servicing = (KINDS[kind][0], identifier), servers.event_store()
    items = history_page(servicing, *key, after, limit)
    first = history_page(servicing, *key, 0, _FIRST) if after else items[:_FIRST]
    return _Read(first, items, bool(items and history_page(servicing, *key, items[-1].version, 1)))


def _of_whom(event: HistoryEvent) -> _Shown:
    return _Shown(
        customer_id=event.facts.get("customerId"),
        loan_account_id=event.facts.get("loanAccountId"),
        conversation_id=event.facts.get("conversationId"),
    )


def _version(cursor: str) -> int:
    match parts_of(cursor):
        case [int(version)] if 0 < version < _BEYOND:
            return version
    raise invalid_cursor()
