"""An account's postings as they happen: server-sent events over the ledger's WatchTransactions."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import Depends, Header, Request

from app.api.auth.audit import log_read
from app.api.http.event_streams import RETRY_MS, EventStream, event, stream_described, with_heartbeats
from app.api.http.pages import LoanAccountId
from app.api.http.problems import ProblemError, problem_of
from app.api.http.router import Router
from app.api.ledger.routes import newest_with
from app.api.services import services_of
from app.ledger.client.errors import LedgerError

router = Router("/v1/ledger/accounts/{loanAccountId}", "ledger", statuses=(404, 502, 504))

_FIRST_LOOK = 100
_EXAMPLE = """id: SBX-00000897
data: {"transactionId":"SBX-00000897","type":"REPAYMENT","totalDelta":"-50.00"}

"""


async def _resume_after(
    request: Request,
    loan_account_id: LoanAccountId,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", max_length=256, description="Resume after this transaction."),
    ] = None,
) -> str | None:
    """A dependency, so that errors are answered as problems: before the stream begins."""
    ledger = services_of(request).ledger
    balance = await ledger.get_balance(loan_account_id)
    if last_event_id:
        found, place = await newest_with(ledger, loan_account_id, last_event_id, _FIRST_LOOK, 0)
        # The ledger may not list them all: then it may have this one.
        if place is None and len(found.transactions) >= found.total_count:
            detail = f"{loan_account_id} has no transaction {last_event_id!r}: start without Last-Event-ID."
            raise ProblemError(400, "unknown_event", detail)
    log_read(request, balance)
    return last_event_id or None


@router.get("/transactions/stream", response_class=EventStream, responses=stream_described(_EXAMPLE))
async def stream_ledger_transactions(
    request: Request, loan_account_id: LoanAccountId, after: Annotated[str | None, Depends(_resume_after)]
) -> EventStream:
    """Follow an account's transactions, as server-sent events.

    Each event's `id` is the transaction's: send it back as `Last-Event-ID` to resume after it. Comments keep
    a quiet connection alive. If the ledger fails, a last event `problem` says how.
    """
    return EventStream(_events(request, loan_account_id, after))


async def _events(request: Request, loan_account_id: str, after: str | None) -> AsyncGenerator[bytes]:
    services = services_of(request)
    yield event(comment="watching", retry=RETRY_MS)
    watched = services.ledger.watch_transactions(loan_account_id, after=after)
    coming = with_heartbeats(watched, services.settings.ledger_heartbeat_seconds, services.closing)
    try:
        async with aclosing(coming):
            async for posted in coming:
                if posted is None:
                    yield event(comment="nothing new")
                else:
                    data = posted.model_dump_json(by_alias=True, exclude_none=True)
                    yield event(id=posted.transaction_id, raw_data=data)
    except LedgerError as error:
        yield event(event="problem", raw_data=json.dumps(problem_of(error, request.state.id)))
