"""Search for customers, loan accounts and conversations by what a caller can say on the phone."""

import asyncio
from typing import Annotated, Any, NamedTuple

from fastapi import Query, Request
from pymongo.asynchronous.collection import AsyncCollection

from app.api.auth.audit import log_ids
from app.api.documents.service import NOT_IN_SUMMARIES, NOT_READ
from app.api.http.problems import InvalidRequestError
from app.api.http.router import Router
from app.api.search.query import SHORTEST, SHORTEST_NUMBER, Fit, Prefix, SearchQuery
from app.api.search.schemas import HITS, SearchResults
from app.api.services import services_of
from app.projections.engine.documents import FAULTED
from app.projections.read_models.search_keys import FIELD, LONGEST

MAX_READ, MAX_READ_BY_WORD = 60, 300
"""Documents read of one interval at most: the index gives whole words first. More for one word of several, as
most documents lack the others."""

_NOT_SHOWN = dict.fromkeys((*NOT_IN_SUMMARIES, *NOT_READ, "repaymentSchedule", "facts"), 0)

Collection = AsyncCollection[dict[str, Any]]


class Found(NamedTuple):
    """A matching document, and how well it matches by its keys."""

    document: dict[str, Any]
    fit: Fit


async def find(collection: Collection, query: SearchQuery, limit: int) -> tuple[list[Found], bool]:
    """The matching documents of a collection, and whether these are all.

    Each interval of keys is read up to a limit.
    """
    found: dict[str, Found] = {}

    async def read(condition: dict[str, Any], most: int) -> bool:
        documents = await collection.find(condition, _NOT_SHOWN).limit(most).to_list()
        for document in documents:
            if (fit := _fit(query, collection.name, document)) is not None:
                found.setdefault(document["_id"], Found(document, fit))
        return len(documents) < most

    async def read_all(prefixes: list[Prefix], most: int) -> bool:
        conditions = [{FIELD: {"$elemMatch": each.interval}} for each in prefixes]
        return all(await asyncio.gather(*(read(each, most) for each in conditions)))

    prefixes = query.prefixes(collection.name)
    exact = {"$or": [{"_id": query.text}, {FIELD: {"$in": [each.key for each in prefixes]}}]}
    _, complete = await asyncio.gather(read(exact, MAX_READ), read_all(prefixes, MAX_READ))
    if complete and collection.name == "customers" and len(found) <= limit:
        for word in query.single_words():
            complete = await read_all(word.prefixes(collection.name), MAX_READ_BY_WORD)
            if complete:  # Every match has this word.
                break
    return list(found.values()), complete


def _fit(query: SearchQuery, collection: str, document: dict[str, Any]) -> Fit | None:
    if document.get(FAULTED, {}).get("empty"):
        return None
    return Fit.EXACT if document["_id"] == query.text else query.fit(collection, document[FIELD])


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
        hit = HITS[name].hit(document, match)
        shown.append((match.fit, [*HITS].index(name), hit.title.casefold(), hit.id, hit))
    items = [hit for *_, hit in sorted(shown, key=lambda each: each[:4])[:limit]]
    if items:
        ids = {
            f"{kind.name}Ids": {each.id for each in items if each.kind == kind.name} for kind in HITS.values()
        }
        customer_ids = {each.customer_id for each in items if each.customer_id is not None}
        log_ids(request, ids | {"customerIds": customer_ids})
    more = len(found) > limit or not all(complete for _, complete in results)
    return SearchResults(items=items, more=more)
