"""An account's postings as they happen: server-sent events over the ledger's WatchTransactions."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from anyio import CancelScope
from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.api.audit import log_read
from app.api.auth import Authenticated
from app.api.ledger_documents import LedgerBalance, LedgerTransaction
from app.api.ledger_problems import ledger_problem
from app.api.ledger_reads import Ledger, Named
from app.api.pages import refuse_unknown_parameters
from app.api.problems import documented, problem_of
from app.ledger.errors import LedgerError
from app.ledger.results import LedgerTransaction as Posted

router = APIRouter(
    prefix="/v1/ledger/accounts/{loanAccountId}",
    tags=["ledger"],
    dependencies=[Authenticated, Depends(refuse_unknown_parameters)],
    responses=documented(400, 401, 403, 404, 422, 429, 502, 503, 504),
)

_RETRY_MS = 3_000

LastEventId = Annotated[
    str | None, Header(alias="Last-Event-ID", max_length=256, description="Go on after this transaction.")
]


async def _account_is_there(
    request: Request,
    ledger: Ledger,
    loanAccountId: Named,  # noqa: N803 - the wire's name
) -> None:
    """Errors are answered as problems while that can be done: before the stream begins."""
    log_read(request, LedgerBalance.model_validate(await ledger.get_balance(loanAccountId)))


@router.get(
    "/transactions/stream",
    operation_id="streamLedgerTransactions",
    response_class=EventSourceResponse,
    dependencies=[Depends(_account_is_there)],
)
async def stream_transactions(
    request: Request,
    ledger: Ledger,
    loanAccountId: Named,  # noqa: N803
    lastEventId: LastEventId = None,  # noqa: N803
) -> AsyncIterator[ServerSentEvent]:
    """Follow an account's transactions, as server-sent events.

    Each event's `id` is the transaction's: send it back as `Last-Event-ID` to go on after it. Where nothing
    happens, comments keep the connection alive. Where the ledger fails, a last event `problem` says how.
    """
    yield ServerSentEvent(comment="watching", retry=_RETRY_MS)
    told = ledger.watch_transactions(loanAccountId, after=lastEventId or None)
    seconds = request.app.state.settings.ledger_heartbeat_seconds
    closing = asyncio.ensure_future(request.app.state.closing.wait())
    coming = asyncio.ensure_future(_next(told))
    try:
        while True:
            await asyncio.wait({coming, closing}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                if (posted := coming.result()) is None:
                    return
                yield _event(posted)
                coming = asyncio.ensure_future(_next(told))
            elif closing.done():
                return
            else:
                yield ServerSentEvent(comment="nothing new")
    except LedgerError as error:
        problem = problem_of(ledger_problem(error), request.state.id)
        yield ServerSentEvent(event="problem", raw_data=json.dumps(problem))
    finally:
        closing.cancel()
        coming.cancel()
        # Until the ledger's stream is let go, also when this request was cancelled.
        with CancelScope(shield=True):
            await asyncio.wait({closing, coming})


async def _next(told: AsyncIterator[Posted]) -> Posted | None:
    """The next one; None at the end."""
    return await anext(told, None)


def _event(posted: Posted) -> ServerSentEvent:
    shown = LedgerTransaction.model_validate(posted)
    return ServerSentEvent(
        id=posted.transaction_id, raw_data=shown.model_dump_json(by_alias=True, exclude_none=True)
    )
