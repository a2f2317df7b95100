"""The customer page: everything about a customer on one screen, in parts that update live."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal, NamedTuple

from fastapi.responses import Response

from app.console.pages.money.actions import drawer_of, offered_actions, recent_movements
from app.console.session.rest import Json
from app.console.ui import formats
from app.console.ui.page import Context, PageContext, page_router

router = page_router()

_MAX_NOTES, _MAX_OTHERS = 200, 20
Part = Literal["profile", "accounts", "notes", "requests", "conversations"]
_WRITE_NOTE = ("POST", "/v1/customers/{customerId}/notes")


@router.get("/customers/{customer_id}")
async def get_customer(context: Context, customer_id: str) -> Response:
    loans, notes = await asyncio.gather(_accounts(context, customer_id), _notes(context, customer_id))
    return context.render(
        "customers/customer.html",
        customer_id=customer_id,
        live_customer=customer_id,
        drawer=drawer_of(context.request),
        conversations=loans["overview"]["conversations"],
        **_profile_of(context, loans["overview"]["customer"]),
        **loans,
        **notes,
    )


@router.get("/customers/{customer_id}/parts/{name}")
async def get_part(context: Context, customer_id: str, name: Part) -> Response:
    """One part of the page, current."""
    values = await _PARTS[name](context, customer_id)
    return context.render(f"customers/customer_{name}.html", **values, customer_id=customer_id)


async def _profile(context: PageContext, customer_id: str) -> Json:
    return _profile_of(context, await context.rest.get("/v1/customers/{}", customer_id))


def _profile_of(context: PageContext, customer: Json) -> Json:
    today = datetime.now(formats.zone_of(None, context.settings.business_time_zone)).date()
    return {
        "customer": customer,
        "age": formats.age(customer.get("dateOfBirth"), today),
        "may_write_notes": context.rest.may(*_WRITE_NOTE),
    }


async def _accounts(context: PageContext, customer_id: str) -> Json:
    """With the write-off requests: a loan shows its irregular ones."""
    overview, requests = await asyncio.gather(
        context.rest.get("/v1/customers/{}/overview", customer_id), _requests(context, customer_id)
    )
    ids = [loan["account"]["loanAccountId"] for loan in overview["accounts"]]
    movements = await asyncio.gather(*(recent_movements(context, each) for each in ids))
    return {
        "overview": overview,
        "movements": dict(zip(ids, movements, strict=True)),
        "actions": offered_actions(context),
        **requests,
    }


async def _notes(context: PageContext, customer_id: str) -> Json:
    page = await context.rest.find("/v1/customers/{}/notes", customer_id, limit=_MAX_NOTES) or {"items": []}
    return {
        "note_threads": threads(page["items"]),
        "more_notes": "next" in page,
        "may_amend": context.rest.may(*_WRITE_NOTE),
    }


async def _requests(context: PageContext, customer_id: str) -> Json:
    path = "/v1/write-off-requests"
    return {"requests": await context.rest.items(path, customerId=customer_id, limit=_MAX_OTHERS)}


async def _conversations(context: PageContext, customer_id: str) -> Json:
    path = "/v1/conversations"
    return {"conversations": await context.rest.items(path, customerId=customer_id, limit=_MAX_OTHERS)}


_PARTS: dict[Part, Callable[[PageContext, str], Awaitable[Json]]] = {
    "profile": _profile,
    "accounts": _accounts,
    "notes": _notes,
    "requests": _requests,
    "conversations": _conversations,
}


class Thread(NamedTuple):
    """An amended note, shown as one: the current version, and the earlier ones, newest first."""

    note: Json
    earlier: list[Json]


def threads(notes: list[Json]) -> list[Thread]:
    """The threads in a list of notes, in its order. A note whose amendment is not in the list heads one."""
    by_id = {note["noteId"]: note for note in notes}
    current = [note for note in notes if note.get("amendedByNoteId") not in by_id]
    return [Thread(note, _earlier(note, by_id)) for note in current]


def _earlier(note: Json, by_id: dict[str, Json]) -> list[Json]:
    found: list[Json] = []
    while (note := by_id.get(note.get("amendsNoteId", ""), {})) and note not in found:
        found.append(note)
    return found
