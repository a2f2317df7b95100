"""What pages and drawers read about a loan: the account, its customer, its balance and recent movements."""

import asyncio

from app.console.session.rest import Json
from app.console.ui.page_context import PageContext

_MAX_MOVEMENTS = 5


async def customer_of(context: PageContext, account: Json) -> Json:
    """The name and flags of an account's customer; empty if the customer is unknown."""
    return await customer_summary(context, account.get("customerId", ""))


async def customer_summary(context: PageContext, customer_id: str) -> Json:
    """A customer's name and flags; empty if the customer is unknown."""
    if not customer_id:
        return {}
    answer = await context.rest.try_get("/v1/customers/{}", customer_id, fields="fullName,flags")
    return {} if answer.is_problem else answer.body


async def account_and_customer(context: PageContext, account_id: str) -> Json:
    """The account and its customer as far as they can be read: an outcome is shown without them too."""
    answer = await context.rest.try_get("/v1/loan-accounts/{}", account_id)
    account: Json = {} if answer.is_problem else answer.body
    return {"account": account, "customer": await customer_of(context, account)}


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


async def recent_movements(context: PageContext, account_id: str) -> list[Json]:
    """The latest movements that staff requested, unsettled ones among them."""
    page = await context.rest.get("/v1/ledger-commands", account=account_id, limit=_MAX_MOVEMENTS)
    items: list[Json] = page["items"]
    return items
