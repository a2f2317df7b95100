"""An account's postings as they happen: server-sent events over the ledger's WatchTransactions."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, cast

from anyio import CancelScope
from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import ServerSentEvent, format_sse_event
from starlette.types import Send

from app.api.audit import log_read
from app.api.auth import Authenticated
from app.api.ledger_documents import LedgerBalance, LedgerTransaction
from app.api.ledger_problems import ledger_problem
from app.api.ledger_reads import Ledger, Named
from app.api.pages import refuse_unknown_parameters
from app.api.problems import ProblemError, documented, problem_of
from app.ledger.client import LedgerClient
from app.ledger.errors import LedgerError
from app.ledger.results import LedgerTransaction as Posted

router = APIRouter(
    prefix="/v1/ledger/accounts/{loanAccountId}",
    tags=["ledger"],
    dependencies=[Authenticated, Depends(refuse_unknown_parameters)],
    responses=documented(400, 401, 403, 404, 422, 429, 502, 503, 504),
)

_RETRY_MS = 3_000
_LOOK_AMONG = 100
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""For nginx too: what is buffered is no news."""
_TEXT = {"type": "string"}
_EXAMPLE = 'id: TXN-81\nevent: transaction\ndata: {"transactionId":"TXN-81","type":"REPAYMENT"}\n\n'


class EventStream(StreamingResponse):
    """Server-sent events, with no heartbeat but those in them: the framework's own cannot be set."""

    media_type = "text/event-stream"

    async def stream_response(self, send: Send) -> None:
        """What the events hold on to is let go with the connection."""
        async with aclosing(cast(Any, self.body_iterator)):
            await super().stream_response(send)


async def _last_event(
    request: Request,
    ledger: Ledger,
    loanAccountId: Named,  # noqa: N803 - the wire's name
    lastEventId: Annotated[  # noqa: N803
        str | None, Header(alias="Last-Event-ID", max_length=256, description="Go on after this transaction.")
    ] = None,
) -> str | None:
    """Errors are answered as problems while that can be done: before the stream begins."""
    told = await ledger.get_balance(loanAccountId)
    if lastEventId and not await _may_be_one(ledger, loanAccountId, lastEventId):
        detail = f"{loanAccountId} has no transaction {lastEventId!r}: begin without Last-Event-ID."
        raise ProblemError(400, "unknown_event", detail)
    log_read(request, LedgerBalance.model_validate(told))
    return lastEventId or None


async def _may_be_one(ledger: LedgerClient, loan_account_id: str, transaction_id: str) -> bool:
    """Whether the account has this transaction, or one that the ledger does not list could be it."""
    count = _LOOK_AMONG
    while True:
        told = await ledger.get_transactions(loan_account_id, limit=count)
        if any(each.transaction_id == transaction_id for each in told.transactions):
            return True
        if len(told.transactions) < count:
            return told.total_count > len(told.transactions)
        count *= 4


@router.get(
    "/transactions/stream",
    operation_id="streamLedgerTransactions",
    response_class=EventStream,
    responses={200: {"content": {EventStream.media_type: {"schema": _TEXT, "example": _EXAMPLE}}}},
)
async def stream_transactions(
    request: Request,
    ledger: Ledger,
    loanAccountId: Named,  # noqa: N803
    after: Annotated[str | None, Depends(_last_event)],
) -> EventStream:
    """Follow an account's transactions, as server-sent events.

    Each event's `id` is the transaction's: send it back as `Last-Event-ID` to go on after it. Where nothing
    happens, comments keep the connection alive. Where the ledger fails, a last event `problem` says how.
    """
    return EventStream(_told(request, ledger, loanAccountId, after), headers=_HEADERS)


async def _told(
    request: Request, ledger: LedgerClient, loan_account_id: str, after: str | None
) -> AsyncGenerator[bytes]:
    yield _event(comment="watching", retry=_RETRY_MS)
    told = ledger.watch_transactions(loan_account_id, after=after)
    seconds = request.app.state.settings.ledger_heartbeat_seconds
    closing = asyncio.ensure_future(request.app.state.closing.wait())
    coming = asyncio.ensure_future(_next(told))
    try:
        while True:
            await asyncio.wait({coming, closing}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                if (posted := coming.result()) is None:
                    return
                yield _posting(posted)
                coming = asyncio.ensure_future(_next(told))
            elif closing.done():
                return
            else:
                yield _event(comment="nothing new")
    except LedgerError as error:
        problem = problem_of(ledger_problem(error), request.state.id)
        yield _event(event="problem", raw_data=json.dumps(problem))
    finally:
        closing.cancel()
        coming.cancel()
        # Until the ledger's stream is let go, also when this request was cancelled.
        with CancelScope(shield=True):
            await asyncio.wait({closing, coming})


async def _next(told: AsyncIterator[Posted]) -> Posted | None:
    """The next one; None at the end."""
    return await anext(told, None)


def _posting(posted: Posted) -> bytes:
    shown = LedgerTransaction.model_validate(posted)
    return _event(id=posted.transaction_id, raw_data=shown.model_dump_json(by_alias=True, exclude_none=True))


def _event(**parts: Any) -> bytes:
    """As the wire has it. Raises ValueError for an id of several lines."""
    event = ServerSentEvent(**parts)
    return format_sse_event(
        data_str=event.raw_data, event=event.event, id=event.id, retry=event.retry, comment=event.comment
    )
