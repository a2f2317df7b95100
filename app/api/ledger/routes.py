"""An account in the ledger, asked live: balance, record, statement and transactions."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import date
from typing import Annotated, Literal

from fastapi import Depends, Header, Query, Request
from pydantic import AfterValidator

from app.api.auth.audit import log_read, logged
from app.api.http.event_streams import RETRY_MS, EventStream, event, stream_described, with_heartbeats
from app.api.http.pages import Cursor, InvalidCursorError, Limit, LoanAccountId, decode_cursor, next_page
from app.api.http.problems import InvalidRequestError, ProblemError, problem_of
from app.api.http.router import Router
from app.api.services import services_of
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import LedgerError
from app.ledger.client.results import (
    LedgerBalance,
    LedgerRecord,
    LedgerStatement,
    LedgerTransaction,
    TransactionList,
)
from app.runtime.camel_model import CamelModel


class LedgerTransactions(CamelModel):
    """A page of an account's postings, newest first. `totalCount` counts all that match the filters.

    `next` is the address of the next page; absent on the last one.
    """

    loan_account_id: str
    items: list[LedgerTransaction]
    total_count: int
    next: str | None = None


router = Router("/v1/ledger/accounts/{loanAccountId}", "ledger", statuses=(404, 502, 504))

TransactionType = Literal[
    "DISBURSEMENT",
    "ESTABLISHMENT_FEE",
    "REPAYMENT",
    "LATE_FEE",
    "DISHONOUR_FEE",
    "FEE_WAIVER",
    "ADJUSTMENT",
    "WRITE_OFF",
]

_MAX_SKIPPED = 1_000_000


def _valid_day(text: str) -> str:
    date.fromisoformat(text)
    return text


_DAY = Query(pattern=r"^\d{4}-\d{2}-\d{2}$", examples=["2026-02-28"], json_schema_extra={"format": "date"})
Day = Annotated[str, AfterValidator(_valid_day), _DAY]


@router.get("/balance")
async def get_ledger_balance(request: Request, loan_account_id: LoanAccountId) -> LedgerBalance:
    """Get an account's balance now."""
    return logged(request, await services_of(request).ledger.get_balance(loan_account_id))


@router.get("/record")
async def get_ledger_record(request: Request, loan_account_id: LoanAccountId) -> LedgerRecord:
    """Get the account as the ledger holds it."""
    return logged(request, await services_of(request).ledger.get_record(loan_account_id))


@router.get("/statement")
async def get_ledger_statement(
    request: Request,
    loan_account_id: LoanAccountId,
    since: Annotated[Day, Query(alias="from")],
    until: Annotated[Day, Query(alias="to")],
) -> LedgerStatement:
    """Get the account's statement of a period, both days included."""
    _check_order(since, until)
    ledger = services_of(request).ledger
    return logged(request, await ledger.get_statement(loan_account_id, period_start=since, period_end=until))


@router.get("/transactions")
async def list_ledger_transactions(
    request: Request,
    loan_account_id: LoanAccountId,
    type: TransactionType | None = None,
    since: Annotated[Day | None, Query(alias="from")] = None,
    until: Annotated[Day | None, Query(alias="to")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> LedgerTransactions:
    """List an account's transactions, newest first; `from` and `to` are days, both included."""
    _check_order(since, until)
    skipped, last = (0, None) if cursor is None else decode_cursor(cursor, int, str)
    if not 0 <= skipped <= _MAX_SKIPPED:
        raise InvalidCursorError
    # The ledger only gives the newest: those of earlier pages are read again. New ones may have come before
    # them, so a page starts after its predecessor's last transaction, not at a count.
    found, start = await newest_with(
        services_of(request).ledger,
        loan_account_id,
        last,
        skipped + limit + 1,
        limit,
        from_date=since,
        to_date=until,
        kind=type,
    )
    if start is None:
        raise InvalidCursorError
    end = start + limit
    items = list(found.transactions[start:end])
    more = len(found.transactions) > end
    page = LedgerTransactions(
        loan_account_id=loan_account_id,
        items=items,
        total_count=found.total_count,
        next=next_page(request, end, items[-1].transaction_id) if more else None,
    )
    return logged(request, page)


def _check_order(since: str | None, until: str | None) -> None:
    if since is not None and until is not None and since > until:
        raise InvalidRequestError("query.to: it is before `from`.")


async def newest_with(
    ledger: LedgerClient,
    account_id: str,
    wanted: str | None,
    count: int,
    older: int,
    **filters: str | None,
) -> tuple[TransactionList, int | None]:
    """The ``count`` newest transactions, or more: up to ``wanted``, and ``older`` older ones.

    And the place after the wanted one; 0 if none is wanted, None if the ledger does not list it.
    """
    while True:
        found = await ledger.get_transactions(account_id, limit=count, **filters)
        ids = [None, *(each.transaction_id for each in found.transactions)]
        place = ids.index(wanted) if wanted in ids else None
        if len(ids) <= count or (place is not None and len(ids) > place + older + 1):
            return found, place
        count *= 2


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
