"""The customer page: all of one customer on a screen, in parts that follow what changes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from app.api.http.problems import not_found
from app.console.pages.actions import actions_of, drawer_of
from app.console.pages.note_threads import chains
from app.console.session.guard import PageRoute
from app.console.session.rest import RefusedError
from app.console.ui import formats
from app.console.ui.page_context import AtDesk, Desk

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_MOVEMENTS = 5
_MOST = 200

Told = dict[str, Any]


@router.get("/customers/{customer_id}")
async def get_customer(desk: AtDesk, customer_id: str) -> Response:
    """The page."""
    view = desk.rest.get("/v1/customers/{}/overview", customer_id)
    parts = await asyncio.gather(
        _accounts(desk, customer_id, view), _notes(desk, customer_id), _requests(desk, customer_id)
    )
    told: Told = {name: value for part in parts for name, value in part.items()}
    view = told["view"]
    return desk.page(
        "customer.html",
        **told | _who(desk, view["customer"]) | {"conversations": view["conversations"]},
        customer_id=customer_id,
        live_customer=customer_id,
        drawer=drawer_of(desk.request),
    )


@router.get("/customers/{customer_id}/parts/{name}")
async def get_part(desk: AtDesk, customer_id: str, name: str) -> Response:
    """A part of the page, as things stand now. 404 for a name that is none."""
    if (part := _PARTS.get(name)) is None:
        raise not_found("part of the page", name)
    told = await part(desk, customer_id)
    return desk.page(f"customer_{name}.html", **told, customer_id=customer_id)


@router.get("/loan-accounts/{account_id}")
async def get_account(desk: AtDesk, account_id: str) -> Response:
    """The account on its customer's page; on a page of its own where it is nobody's that is known."""
    account = await desk.rest.get("/v1/loan-accounts/{}", account_id)
    if owner := account.get("customerId"):
        answer = await desk.rest.ask("GET", "/v1/customers/{}", owner, parameters={"fields": "customerId"})
        if not answer.is_problem:
            return RedirectResponse(
                f"/customers/{formats.quoted(owner)}#account-{formats.quoted(account_id)}", 303
            )
    seen = {
        "account": account,
        "owed": {"totalOutstanding": account.get("balances", {}).get("totalOutstanding")},
    }
    return desk.page(
        "account.html",
        seen=seen,
        movements=await _movements(desk, account_id),
        actions=actions_of(desk),
        drawer=drawer_of(desk.request),
    )


def _who(desk: Desk, customer: Told) -> Told:
    zone = formats.zone_of(None, desk.settings.business_time_zone)
    return {
        "customer": customer,
        "age": formats.age(customer.get("dateOfBirth"), formats.today(zone)),
        "may_note": desk.may("POST", "/v1/customers/{customerId}/notes"),
    }


async def _person(desk: Desk, customer_id: str) -> Told:
    return _who(desk, await desk.rest.get("/v1/customers/{}", customer_id))


async def _accounts(desk: Desk, customer_id: str, asked: Awaitable[Told] | None = None) -> Told:
    view = await (asked or desk.rest.get("/v1/customers/{}/overview", customer_id))
    ids = [seen["account"]["loanAccountId"] for seen in view["accounts"]]
    found = await asyncio.gather(*(_movements(desk, each) for each in ids))
    return {"view": view, "movements": dict(zip(ids, found, strict=True)), "actions": actions_of(desk)}


async def _movements(desk: Desk, account_id: str) -> list[Told]:
    """The latest that staff asked of the ledger for an account: among them what is not settled."""
    found = await desk.rest.get("/v1/ledger-commands", account=account_id, limit=_MOVEMENTS)
    items: list[Told] = found["items"]
    return items


async def _notes(desk: Desk, customer_id: str) -> Told:
    try:
        found = await desk.rest.get("/v1/customers/{}/notes", customer_id, limit=_MOST)
    except RefusedError as refused:
        if refused.status != 404:
            raise
        found = {"items": []}
    return {
        "chains": chains(found["items"]),
        "more_notes": "next" in found,
        "may_note": desk.may("POST", "/v1/customers/{customerId}/notes"),
    }


async def _requests(desk: Desk, customer_id: str) -> Told:
    found = await desk.rest.get("/v1/write-off-requests", customerId=customer_id, limit=20)
    return {"requests": found["items"]}


async def _conversations(desk: Desk, customer_id: str) -> Told:
    found = await desk.rest.get("/v1/conversations", customerId=customer_id, limit=20)
    return {"conversations": found["items"]}


_PARTS: dict[str, Callable[[Desk, str], Awaitable[Told]]] = {
    "who": _person,
    "accounts": _accounts,
    "notes": _notes,
    "requests": _requests,
    "conversations": _conversations,
}
