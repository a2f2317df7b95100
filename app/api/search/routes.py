"""Search for customers, loan accounts and conversations by what a caller can say on the phone.

A query becomes intervals of the index of search keys, each read up to a limit (decision 0009).
"""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Request
from pymongo.asynchronous.collection import AsyncCollection

from app.api.auth.audit import log_read
from app.api.auth.requires import Authenticated
from app.api.documents.routes import NOT_IN_SUMMARIES, database_of
from app.api.http.problems import ProblemError, documented
from app.api.search.query import SHORTEST, Fit, Match, Prefix, SearchQuery
from app.api.search.schemas import ConversationHit, CustomerHit, LoanAccountHit, SearchHit, SearchResults
from app.projections.engine.faults import FAULTED
from app.projections.read_models.search_keys.keys import FIELD
from app.projections.read_models.search_keys.normalising import LONGEST

router = APIRouter(
    prefix="/v1",
    tags=["search"],
    dependencies=[Authenticated],
    responses=documented(400, 401, 403, 422, 503),
)

MOST = 20
MAX_READ = 300
"""Documents read of one interval at most."""

_NOT_SHOWN = dict.fromkeys((*NOT_IN_SUMMARIES, "repaymentSchedule", "facts"), 0)

Collection = AsyncCollection[dict[str, Any]]


class Found(NamedTuple):
    """A matching document, and how well it matches by its keys."""

    document: dict[str, Any]
    fit: Fit


Q = Annotated[
    str,
    Query(
        min_length=SHORTEST,
        max_length=LONGEST,
        description="At least 3 letters or digits of a name, an e-mail address, a phone number in any "
        "format, or an id or number. Several words must all match.",
    ),
]
AtMost = Annotated[int, Query(ge=1, le=MOST, description="Maximum number of items.")]


@router.get("/search", operation_id="search", response_model_exclude_none=True)
async def search(request: Request, q: Q, limit: AtMost = MOST) -> SearchResults:
    """Find customers by name, e-mail, phone or id, loan accounts by number or id, and conversations by
    application number.

    Case, accents, punctuation and the format of phone numbers do not matter. Exact ids, numbers and addresses
    come first, then whole names, then whatever starts with `q`.
    """
    database = database_of(request)
    if (query := SearchQuery.of(q)) is None:
        detail = f"query.q: It has fewer than {SHORTEST} letters and digits."
        raise ProblemError(422, "invalid_request", detail)
    results = await asyncio.gather(*(find(database[name], query, limit) for name in _HITS))
    found = [(name, each) for name, (listed, _) in zip(_HITS, results, strict=True) for each in listed]
    found.sort(key=lambda each: each[1].fit)
    # Keys do not say which field they come from: that is only determined for the hits that may be shown.
    shown = []
    for name, (document, fit) in found[: 2 * MOST]:
        match = query.match(name, document, fit)
        shown.append((match.fit, _HITS[name](document, match)))
    shown.sort(key=lambda each: (each[0], _ORDER[each[1].kind], each[1].title.casefold(), each[1].id))
    items = [hit for _, hit in shown[:limit]]
    log_read(request, *items)
    more = len(found) > limit or not all(complete for _, complete in results)
    return SearchResults(items=items, more=more)


async def find(collection: Collection, query: SearchQuery, limit: int) -> tuple[list[Found], bool]:
    """The matching documents of a collection, and whether these are all.

    Each interval of keys is read up to MAX_READ documents.
    """
    found: dict[str, Found] = {}

    async def read(condition: dict[str, Any]) -> bool:
        documents = await collection.find(condition, _NOT_SHOWN).limit(MAX_READ).to_list()
        for document in documents:
            if (fit := _fit(query, collection.name, document)) is not None:
                found.setdefault(document["_id"], Found(document, fit))
        return len(documents) < MAX_READ

    async def read_all(prefixes: list[Prefix]) -> bool:
        conditions = [{FIELD: {"$elemMatch": each.interval}} for each in prefixes]
        return all(await asyncio.gather(*map(read, conditions)))

    prefixes = query.prefixes(collection.name)
    exact = {"$or": [{"_id": query.text}, {FIELD: {"$in": [each.key for each in prefixes]}}]}
    _, complete = await asyncio.gather(read(exact), read_all(prefixes))
    if complete and collection.name == "customers" and len(found) <= limit:
        for word in query.single_words():
            complete = await read_all(word.prefixes(collection.name))
            if complete:  # Every match has this word.
                break
    return list(found.values()), complete


def _fit(query: SearchQuery, collection: str, document: dict[str, Any]) -> Fit | None:
    if document.get(FAULTED, {}).get("empty"):
        return None
    return Fit.EXACT if document["_id"] == query.text else query.fit(collection, document[FIELD])


def _customer(document: dict[str, Any], match: Match) -> SearchHit:
    address = document.get("residentialAddress", {})
    lived = {name: address[name] for name in ("suburb", "state") if name in address}
    identity = _identity(document, match, "fullName", "customerId") | {"customerId": document["_id"]}
    return CustomerHit.model_validate(document | lived | identity | {"kind": "customer"})


def _loan_account(document: dict[str, Any], match: Match) -> SearchHit:
    more = {
        "totalOutstanding": document.get("balances", {}).get("totalOutstanding"),
        "openedDate": document.get("loanTerms", {}).get("openedDate"),
    }
    identity = _identity(document, match, "accountNumber", "loanAccountId")
    return LoanAccountHit.model_validate(document | more | identity | {"kind": "loanAccount"})


def _conversation(document: dict[str, Any], match: Match) -> SearchHit:
    identity = _identity(document, match, "applicationNumber", "conversationId")
    return ConversationHit.model_validate(document | identity | {"kind": "conversation"})


def _identity(document: dict[str, Any], match: Match, title: str, identifier: str) -> dict[str, Any]:
    return {
        "id": document["_id"],
        "title": document.get(title) or document["_id"],
        "matched": identifier if match.field == "_id" else match.field,
        "exact": match.fit == Fit.EXACT,
    }


_HITS: dict[str, Callable[[dict[str, Any], Match], SearchHit]] = {
    "customers": _customer,
    "loan-accounts": _loan_account,
    "conversations": _conversation,
}
"""The collections searched, in the order in which equally good hits are shown."""
_ORDER = {"customer": 0, "loanAccount": 1, "conversation": 2}
