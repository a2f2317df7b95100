"""A loan account: on its customer's page or on its own, and its transactions."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query
from fastapi.responses import RedirectResponse, Response

from app.console.pages.loan_lookups import customer_summary
from app.console.pages.money.actions import drawer_of, offered_actions, recent_movements
from app.console.session.rest import cursor_of, quoted
from app.console.ui.page import Context, page_router

router = page_router()

_MAX_TRANSACTIONS = 20


@router.get("/loan-accounts/{account_id}")
async def get_account(context: Context, account_id: str) -> Response:
    """Leads to the loan on its customer's page; a page of its own if no customer is known."""
    account = await context.rest.get("/v1/loan-accounts/{}", account_id)
    if await customer_summary(context, account.get("customerId")):
        address = f"/customers/{quoted(account['customerId'])}#account-{quoted(account_id)}"
        return RedirectResponse(address, 303)
    balance = {"totalOutstanding": account.get("balances", {}).get("totalOutstanding")}
    return context.render(
        "loans/loan.html",
        loan={"account": account, "owed": balance},
        requests=await context.rest.items("/v1/write-off-requests", loanAccountId=account_id),
        movements=await recent_movements(context, account_id),
        actions=offered_actions(context),
        drawer=drawer_of(context.request),
    )


@router.get("/loan-accounts/{account_id}/transactions")
async def get_transactions(
    context: Context,
    account_id: str,
    kind: Annotated[str, Query(alias="type")] = "",
    since: Annotated[str, Query(alias="from")] = "",
    until: Annotated[str, Query(alias="to")] = "",
    cursor: str = "",
) -> Response:
    """The rows of the ledger; a problem is shown in their place."""
    filters = {"type": kind, "from": since, "to": until}
    path = "/v1/ledger/accounts/{}/transactions"
    answer = await context.rest.try_get(path, account_id, **filters, limit=_MAX_TRANSACTIONS, cursor=cursor)
    if answer.is_problem:
        return context.render("loans/transactions.html", problem=answer.body)
    next_page = urlencode(filters | {"cursor": cursor_of(answer.body)})
    return context.render(
        "loans/transactions.html",
        transactions=answer.body,
        is_filtered=any(filters.values()),
        more=f"/loan-accounts/{quoted(account_id)}/transactions?{next_page}",
    )
