"""The start page, and the search that every page has."""

import asyncio

from fastapi.responses import Response

from app.console.pages.approvals.queue import pending_approvals
from app.console.session.rest import Json, RefusedError
from app.console.ui.page import Context, page_router

router = page_router()

_MAX_LINES = 8
"""Of each list."""
_MIN_CHARACTERS = 3
_MAX_HITS, _MAX_HITS_WHILE_TYPING = 20, 8


@router.get("/")
async def get_start(context: Context) -> Response:
    """Loans in arrears, the approval queue, and the person's own postings."""
    late, queue, mine = await asyncio.gather(
        context.rest.get("/v1/loan-accounts", status="in_arrears", sort="-updatedAt", limit=_MAX_LINES),
        pending_approvals(context),
        context.rest.get("/v1/ledger-commands", actor=context.session.caller.user, limit=_MAX_LINES),
    )
    return context.render(
        "start/start.html", late=late, queue=queue, shown=queue.approvals[:_MAX_LINES], mine=mine
    )


@router.get("/search")
async def get_search(context: Context, q: str = "") -> Response:
    """All hits; for htmx, the best of them, below the search box."""
    is_short = sum(each.isalnum() for each in q) < _MIN_CHARACTERS
    found: Json = {"items": [], "more": False}
    if not is_short:
        limit = _MAX_HITS_WHILE_TYPING if context.is_partial else _MAX_HITS
        try:
            found = await context.rest.get("/v1/search", q=q.strip(), limit=limit)
        except RefusedError as refused:
            if refused.status != 422:
                raise
            is_short = True
    template = "start/search_hits.html" if context.is_partial else "start/search.html"
    return context.render(template, q=q, is_short=is_short, hits=found["items"], more=found["more"])
