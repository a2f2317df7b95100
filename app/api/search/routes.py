"""Search for customers, loan accounts and conversations by what a caller can say on the phone."""

import asyncio
from typing import Annotated

from fastapi import Query, Request

from app.api.auth.audit import log_read
from app.api.http.problems import InvalidRequestError
from app.api.http.router import Router
from app.api.search.query import SHORTEST, SHORTEST_NUMBER, SearchQuery
from app.api.search.schemas import HIT_ORDER, HITS, SearchResults
from app.api.search.service import find
from app.api.services import services_of
from app.projections.read_models.search_keys import LONGEST

router = Router("/v1", "search")

MAX_HITS = 20
Q = Annotated[
    str,
    Query(
        min_length=SHORTEST,
        max_length=LONGEST,
        description="At least 2 letters of a name or an e-mail address, or 3 letters and digits of a phone "
        "number in any format, an id or a number. Several words must all match.",
    ),
]
AtMost = Annotated[int, Query(ge=1, le=MAX_HITS, description="Maximum number of items.")]


@router.get("/search")
async def search(request: Request, q: Q, limit: AtMost = MAX_HITS) -> SearchResults:
    """Find customers by name, e-mail, phone or id, loan accounts by number or id, and conversations by
    application number.

    Case, accents, punctuation and the format of phone numbers do not matter. Exact ids, numbers and addresses
    come first, then whole names, then names that start with `q`.
    """
    if (query := SearchQuery.of(q)) is None:
        msg = f"query.q: it needs at least {SHORTEST} letters, or {SHORTEST_NUMBER} letters and digits."
        raise InvalidRequestError(msg)
    database = services_of(request).database
    results = await asyncio.gather(*(find(database[name], query, limit) for name in HITS))
    found = [(name, each) for name, (listed, _) in zip(HITS, results, strict=True) for each in listed]
    found.sort(key=lambda each: each[1].fit)
    # Keys do not say which field they come from: that is only determined for the hits that may be shown.
    shown = []
    for name, (document, fit) in found[: 2 * MAX_HITS]:
        match = query.match(name, document, fit)
        shown.append((match.fit, HITS[name](document, match)))
    shown.sort(key=lambda each: (each[0], HIT_ORDER[each[1].kind], each[1].title.casefold(), each[1].id))
    items = [hit for _, hit in shown[:limit]]
    log_read(request, *items)
    more = len(found) > limit or not all(complete for _, complete in results)
    return SearchResults(items=items, more=more)
