"""An account's postings as they happen: server-sent events over the ledger's WatchTransactions."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request

from app.api.auth.audit import log_read
from app.api.auth.requires import Authenticated
from app.api.http.event_streams import HEADERS, RETRY_MS, EventStream, event, stream_described, with_silences
from app.api.http.problems import ProblemError, documented, problem_of
from app.api.ledger.problems import ledger_problem
from app.api.ledger.routes import Ledger, Named
from app.api.ledger.schemas import LedgerBalance, LedgerTransaction
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import LedgerError
from app.ledger.client.results import LedgerTransaction as Posted

router = APIRouter(
    prefix="/v1/ledger/accounts/{loanAccountId}",
    tags=["ledger"],
    dependencies=[Authenticated],
    responses=documented(400, 401, 403, 404, 422, 429, 502, 503, 504),
)

_LOOK_AMONG = 100
_EXAMPLE = """id: SBX-00000897
data: {"transactionId":"SBX-00000897","type":"REPAYMENT","totalDelta":"-50.00"}

"""


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
    responses=stream_described(_EXAMPLE),
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
    return EventStream(_told(request, ledger, loanAccountId, after), headers=HEADERS)


async def _told(
    request: Request, ledger: LedgerClient, loan_account_id: str, after: str | None
) -> AsyncGenerator[bytes]:
    yield event(comment="watching", retry=RETRY_MS)
    told = ledger.watch_transactions(loan_account_id, after=after)
    state = request.app.state
    coming = with_silences(told, state.settings.ledger_heartbeat_seconds, state.closing)
    try:
        async with aclosing(coming):
            async for posted in coming:
                yield event(comment="nothing new") if posted is None else _posting(posted)
    except LedgerError as error:
        problem = problem_of(ledger_problem(error), request.state.id)
        yield event(event="problem", raw_data=json.dumps(problem))


def _posting(posted: Posted) -> bytes:
    shown = LedgerTransaction.model_validate(posted)
    return event(id=posted.transaction_id, raw_data=shown.model_dump_json(by_alias=True, exclude_none=True))
