"""What the ledger knows of an account, asked when somebody asks us."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AfterValidator

from app.api.auth.audit import logged
from app.api.auth.requires import Authenticated
from app.api.http.pages import Cursor, Limit, invalid_cursor, opaque, parts_of
from app.api.http.problems import ProblemError, documented
from app.api.ledger.schemas import (
    LedgerBalance,
    LedgerRecord,
    LedgerStatement,
    LedgerTransaction,
    LedgerTransactions,
)
from app.ledger.client.client import LedgerClient
from app.ledger.client.results import TransactionList

router = APIRouter(
    prefix="/v1/ledger/accounts/{loanAccountId}",
    tags=["ledger"],
    dependencies=[Authenticated],
    responses=documented(400, 401, 403, 404, 422, 429, 502, 503, 504),
)

Named = Annotated[str, Path(min_length=1, max_length=256)]

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

_MOST_PASSED = 1_000_000


def _a_day(text: str) -> str:
    date.fromisoformat(text)
    return text


_DAY = Query(pattern=r"^\d{4}-\d{2}-\d{2}$", examples=["2026-02-28"], json_schema_extra={"format": "date"})
Day = Annotated[str, AfterValidator(_a_day), _DAY]


async def ledger_client(request: Request) -> LedgerClient:
    """The process's one client."""
    client: LedgerClient = request.app.state.ledger
    return client


Ledger = Annotated[LedgerClient, Depends(ledger_client)]


@router.get("/balance", operation_id="getLedgerBalance", response_model_exclude_none=True)
async def get_balance(
    request: Request,
    ledger: Ledger,
    loanAccountId: Named,  # noqa: N803 - the wire's name
) -> LedgerBalance:
    """Get what is owed on an account now."""
    return logged(request, LedgerBalance.model_validate(await ledger.get_balance(loanAccountId)))


@router.get("/record", operation_id="getLedgerRecord", response_model_exclude_none=True)
async def get_record(request: Request, ledger: Ledger, loanAccountId: Named) -> LedgerRecord:  # noqa: N803
    """Get the account as the ledger holds it."""
    return logged(request, LedgerRecord.model_validate(await ledger.get_record(loanAccountId)))


@router.get("/statement", operation_id="getLedgerStatement", response_model_exclude_none=True)
async def get_statement(
    request: Request,
    ledger: Ledger,
    loanAccountId: Named,  # noqa: N803
    since: Annotated[Day, Query(alias="from")],
    until: Annotated[Day, Query(alias="to")],
) -> LedgerStatement:
    """Get the account's statement of a period, both days included."""
    _in_order(since, until)
    told = await ledger.get_statement(loanAccountId, period_start=since, period_end=until)
    return logged(request, LedgerStatement.model_validate(told))


@router.get("/transactions", operation_id="listLedgerTransactions", response_model_exclude_none=True)
async def list_transactions(
    request: Request,
    ledger: Ledger,
    loanAccountId: Named,  # noqa: N803
    type: TransactionType | None = None,
    since: Annotated[Day | None, Query(alias="from")] = None,
    until: Annotated[Day | None, Query(alias="to")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> LedgerTransactions:
    """List an account's transactions, newest first; `from` and `to` are days, both included."""
    _in_order(since, until)

    async def newest(count: int) -> TransactionList:
        return await ledger.get_transactions(
            loanAccountId, limit=count, from_date=since, to_date=until, kind=type
        )

    passed, last = (0, None) if cursor is None else _place(cursor)
    # The ledger gives the first so many and no others: those passed are asked for again. New ones may have
    # come before them, so that the place is where the last one passed stands, and not a count.
    asked = passed + limit + 1
    while True:
        told = await newest(asked)
        start = _after(told, last)
        whole = len(told.transactions) < asked
        if start is None and whole:
            raise invalid_cursor()
        if start is not None and (whole or len(told.transactions) > start + limit):
            break
        asked = asked * 2 if start is None else start + limit + 1
    items = told.transactions[start : start + limit]
    following = None
    if len(told.transactions) > start + limit:
        place = opaque(start + limit, items[-1].transaction_id)
        following = str(request.url.include_query_params(cursor=place))
    shown = LedgerTransactions(
        loan_account_id=loanAccountId,
        items=[LedgerTransaction.model_validate(item) for item in items],
        total_count=told.total_count,
        next=following,
    )
    return logged(request, shown)


def _in_order(since: str | None, until: str | None) -> None:
    if since is not None and until is not None and since > until:
        raise ProblemError(422, "invalid_request", "query.to: it is before `from`.")


def _place(cursor: str) -> tuple[int, str]:
    """How many were passed, and the id of the last one."""
    match parts_of(cursor):
        case [int(passed), str(last)] if 0 < passed <= _MOST_PASSED:
            return passed, last
    raise invalid_cursor()


def _after(told: TransactionList, last: str | None) -> int | None:
    """Where the page begins; None if its predecessor is not among these."""
    if last is None:
        return 0
    places = (place for place, each in enumerate(told.transactions) if each.transaction_id == last)
    return next((place + 1 for place in places), None)
