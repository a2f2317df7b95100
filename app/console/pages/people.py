"""Whom a drawer is about: named in its head, before something is done and after, with their flags."""

from typing import Any

from app.console.ui.page_context import Desk

Told = dict[str, Any]


async def customer_of(desk: Desk, customer_id: str | None) -> Told:
    """Their name and flags; nothing where nobody is known by that id."""
    if not customer_id:
        return {}
    wanted = {"fields": "fullName,flags"}
    answer = await desk.rest.ask("GET", "/v1/customers/{}", customer_id, parameters=wanted)
    return {} if answer.is_problem else answer.body


async def about(desk: Desk, account_id: str) -> Told:
    """The account and its customer, as far as they can be read: an outcome is told without them too."""
    answer = await desk.rest.ask("GET", "/v1/loan-accounts/{}", account_id)
    account: Told = {} if answer.is_problem else answer.body
    return {"account": account, "customer": await customer_of(desk, account.get("customerId"))}
