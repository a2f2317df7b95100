"""What pages and drawers read about a loan: the account, its customer and its balance."""

import asyncio

from app.console.session.rest import Json
from app.console.ui.page import PageContext


async def customer_summary(context: PageContext, customer_id: str | None) -> Json:
    """A customer's name and flags; empty if the customer is unknown."""
    if not customer_id:
        return {}
    answer = await context.rest.try_get("/v1/customers/{}", customer_id, fields="fullName,flags")
    return answer.body_or({})


async def account_and_balance(context: PageContext, account_id: str) -> tuple[Json, Json]:
    """The account, and its balance: live from the ledger, else the last known."""
    account, balance = await asyncio.gather(
        context.rest.get("/v1/loan-accounts/{}", account_id),
        context.rest.try_get("/v1/ledger/accounts/{}/balance", account_id),
    )
    if not balance.is_problem:
        return account, balance.body | {"live": True}
    total = account.get("balances", {}).get("totalOutstanding")
    return account, {"totalOutstanding": total, "live": False, "asOf": account.get("updatedAt")}
