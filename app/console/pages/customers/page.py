"""The customer page: everything about a customer on one screen, in parts that update live."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import Response

from app.console.pages.loans.lookups import recent_movements
from app.console.pages.money.actions import drawer_of, offered_actions
from app.console.pages.notes.threads import threads
from app.console.session.rest import Json, RefusedError
from app.console.ui import formats
from app.console.ui.page_context import Context, PageContext
from app.console.ui.page_route import PageRoute
from app.errors import NotFoundError

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_MAX_NOTES, _MAX_OTHERS = 200, 20


@router.get("/customers/{customer_id}")
async def get_customer(context: Context, customer_id: str) -> Response:
    """The page."""
    loans, notes, requests = await asyncio.gather(
        _accounts(context, customer_id),
        _notes(context, customer_id),
        _requests(context, customer_id),
    )
    return context.render(
        "customers/customer.html",
        customer_id=customer_id,
        live_customer=customer_id,
        drawer=drawer_of(context.request),
        conversations=loans["overview"]["conversations"],
        **_profile_of(context, loans["overview"]["customer"]),
        **loans,
        **notes,
        **requests,
    )


@router.get("/customers/{customer_id}/parts/{name}")
async def get_part(context: Context, customer_id: str, name: str) -> Response:
    """One part of the page, current."""
    if (part := _PARTS.get(name)) is None:
        raise NotFoundError("part of the page", name)
    values = await part(context, customer_id)
    return context.render(f"customers/customer_{name}.html", **values, customer_id=customer_id)


async def _profile(context: PageContext, customer_id: str) -> Json:
    return _profile_of(context, await context.rest.get("/v1/customers/{}", customer_id))


def _profile_of(context: PageContext, customer: Json) -> Json:
    today = datetime.now(formats.zone_of(None, context.settings.business_time_zone)).date()
    return {
        "customer": customer,
        "age": formats.age(customer.get("dateOfBirth"), today),
        "may_write_notes": context.rest.may("POST", "/v1/customers/{customerId}/notes"),
    }


async def _accounts(context: PageContext, customer_id: str) -> Json:
    overview = await context.rest.get("/v1/customers/{}/overview", customer_id)
    ids = [loan["account"]["loanAccountId"] for loan in overview["accounts"]]
    movements = await asyncio.gather(*(recent_movements(context, each) for each in ids))
    return {
        "overview": overview,
        "movements": dict(zip(ids, movements, strict=True)),
        "actions": offered_actions(context),
    }


async def _notes(context: PageContext, customer_id: str) -> Json:
    try:
        page = await context.rest.get("/v1/customers/{}/notes", customer_id, limit=_MAX_NOTES)
    except RefusedError as refused:
        if refused.status != 404:
            raise
        page = {"items": []}
    return {
        "note_threads": threads(page["items"]),
        "more_notes": "next" in page,
        "may_amend": context.rest.may("POST", "/v1/customers/{customerId}/notes"),
    }


async def _requests(context: PageContext, customer_id: str) -> Json:
    page = await context.rest.get("/v1/write-off-requests", customerId=customer_id, limit=_MAX_OTHERS)
    return {"requests": page["items"]}


async def _conversations(context: PageContext, customer_id: str) -> Json:
    page = await context.rest.get("/v1/conversations", customerId=customer_id, limit=_MAX_OTHERS)
    return {"conversations": page["items"]}


_PARTS: dict[str, Callable[[PageContext, str], Awaitable[Json]]] = {
    "profile": _profile,
    "accounts": _accounts,
    "notes": _notes,
    "requests": _requests,
    "conversations": _conversations,
}
