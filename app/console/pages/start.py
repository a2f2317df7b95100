"""The start page, and the search that every page has."""

import asyncio
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from app.console.pages.approval_queue import queue
from app.console.session.guard import PageRoute
from app.console.session.rest import RefusedError
from app.console.ui.page_context import AtDesk

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_LINES = 8
"""So many of each list are shown."""
_SHORTEST = 3
_MOST_AS_ONE_TYPES = 8


@router.get("/")
async def get_start(desk: AtDesk) -> Response:
    """What there is to do: who is behind, what awaits a decision, and what one did oneself."""
    late, waiting, mine = await asyncio.gather(
        desk.rest.get("/v1/loan-accounts", status="in_arrears", sort="-updatedAt", limit=_LINES),
        queue(desk),
        desk.rest.get("/v1/ledger-commands", actor=desk.session.user, limit=_LINES),
    )
    return desk.page(
        "start.html",
        late=late,
        waiting=waiting.items[:_LINES],
        total=len(waiting.items),
        is_whole=waiting.is_whole,
        mine=mine,
    )


@router.get("/search")
async def get_search(desk: AtDesk, q: str = "") -> Response:
    """What is found: while somebody types, the best of it, below the box."""
    told: dict[str, Any] = {"q": q, "items": [], "more": False, "is_short": _letters(q) < _SHORTEST}
    if not told["is_short"]:
        most = _MOST_AS_ONE_TYPES if desk.is_partial else 20
        try:
            told |= await desk.rest.get("/v1/search", q=q.strip(), limit=most)
        except RefusedError as refused:
            if refused.status != 422:
                raise
            told["is_short"] = True
    return desk.page("search_hits.html" if desk.is_partial else "search.html", **told)


def _letters(question: str) -> int:
    return sum(each.isalnum() for each in question)
