"""An account in the ledger, asked live: balance, record, statement and transactions."""

from datetime import date
from typing import Annotated, Literal

from fastapi import Query, Request
from pydantic import AfterValidator

from app.api.auth.audit import logged
from app.api.http.pages import (
    Cursor,
    InvalidCursorError,
    Limit,
    LoanAccountId,
    decode_cursor,
    encode_cursor,
    page_link,
)
from app.api.http.problems import InvalidRequestError
from app.api.http.router import Router
from app.api.ledger.schemas import LedgerTransactions
from app.api.services import services_of
from app.ledger.client.results import LedgerBalance, LedgerRecord, LedgerStatement, TransactionList

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
    ledger = services_of(request).ledger

    async def newest(count: int) -> TransactionList:
        return await ledger.get_transactions(
            loan_account_id, limit=count, from_date=since, to_date=until, kind=type
        )

    skipped, last = (0, None) if cursor is None else _position(cursor)
    # The ledger only gives the newest: those of earlier pages are read again. New ones may have come before
    # them, so a page starts after its predecessor's last transaction, not at a count.
    count = skipped + limit + 1
    while True:
        found = await newest(count)
        start = _start(found, last)
        is_all = len(found.transactions) < count
        if start is None and is_all:
            raise InvalidCursorError
        if start is not None and (is_all or len(found.transactions) > start + limit):
            break
        count = count * 2 if start is None else start + limit + 1
    items = found.transactions[start : start + limit]
    next_page = None
    if len(found.transactions) > start + limit:
        next_page = page_link(request, cursor=encode_cursor(start + limit, items[-1].transaction_id))
    page = LedgerTransactions(
        loan_account_id=loan_account_id,
        items=list(items),
        total_count=found.total_count,
        next=next_page,
    )
    return logged(request, page)


def _check_order(since: str | None, until: str | None) -> None:
    if since is not None and until is not None and since > until:
        msg = "query.to: it is before `from`."
        raise InvalidRequestError(msg)


def _position(cursor: str) -> tuple[int, str]:
    """How many were skipped, and the id of the last one."""
    match decode_cursor(cursor):
        case [int(skipped), str(last)] if 0 < skipped <= _MAX_SKIPPED:
            return skipped, last
    raise InvalidCursorError


def _start(found: TransactionList, last: str | None) -> int | None:
    """Where the page begins; None if its predecessor's last transaction is not among these."""
    if last is None:
        return 0
    places = (place for place, each in enumerate(found.transactions) if each.transaction_id == last)
    return next((place + 1 for place in places), None)
