"""Search: customers, loan accounts and conversations by what somebody on the phone can tell.

A question becomes ranges of the search keys' indexes, level by level: each level has some sixteen times as
many documents as the one above it. Whatever matches a great many is answered from the sparse levels, so no
question reads more than some hundred documents of a collection (decision 0009).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pymongo.asynchronous.collection import AsyncCollection

from app.api.audit import log_read
from app.api.auth import Authenticated
from app.api.pages import refuse_unknown_parameters
from app.api.problems import ProblemError, documented
from app.api.reads import NOT_IN_SUMMARIES, Database
from app.api.search_hits import (
    ConversationHit,
    CustomerHit,
    LoanAccountHit,
    SearchHit,
    SearchResults,
)
from app.api.sought import SHORTEST, Fit, Match, Slot, Sought
from app.projections.faults import FAULTED
from app.projections.normalising import LONGEST
from app.projections.search_keys import FIELD, LEVELS, NAMES, SHARE

router = APIRouter(
    prefix="/v1",
    tags=["search"],
    dependencies=[Authenticated, Depends(refuse_unknown_parameters)],
    responses=documented(400, 401, 403, 422, 503),
)

MOST = 20
BUDGET = SHARE * MOST
"""Documents that a level of one key may give: beyond it the levels below are not looked at."""

_NOT_SHOWN = dict.fromkeys((*NOT_IN_SUMMARIES, "repaymentSchedule", "facts", FIELD), 0)

Found = dict[str, dict[str, Any]]
"""Documents by their ids."""
Collection = AsyncCollection[dict[str, Any]]
Question = Annotated[
    str,
    Query(
        min_length=SHORTEST,
        max_length=LONGEST,
        description="What to look for: at least 3 letters or digits of a name, an e-mail address, a phone "
        "number in any form, or an id or number. Several words must all be there.",
    ),
]
AtMost = Annotated[int, Query(ge=1, le=MOST, description="Items at most.")]


@router.get("/search", operation_id="search", response_model_exclude_none=True)
async def search(request: Request, database: Database, q: Question, limit: AtMost = MOST) -> SearchResults:
    """Find customers by name, e-mail, phone or id, loan accounts by number or id, and conversations by
    application number.

    Case, accents, punctuation and the form of phone numbers do not matter. Exact ids, numbers and addresses
    come first, then whole names, then what begins with `q`.
    """
    if (sought := Sought.of(q)) is None:
        detail = f"query.q: It has less than {SHORTEST} letters and digits to look for."
        raise ProblemError(422, "invalid_request", detail)
    found = await asyncio.gather(*(_look(database[name], sought, limit) for name in _HITS))
    ranked = sorted(
        (
            (match.fit, order, hit(document, match))
            for order, (hit, (listed, _)) in enumerate(zip(_HITS.values(), found, strict=True))
            for document, match in listed
        ),
        key=lambda each: (*each[:2], each[2].title.casefold(), each[2].id),
    )
    items = [item for *_, item in ranked[:limit]]
    log_read(request, *items)
    return SearchResults(items=items, more=len(ranked) > limit or not all(whole for _, whole in found))


async def _look(
    collection: Collection, sought: Sought, limit: int
) -> tuple[list[tuple[dict[str, Any], Match]], bool]:
    """The documents of a collection that answer, and whether these are all."""
    matching = partial(_matching, collection.name, sought)
    looking = _Looking(collection, lambda documents: len(matching(documents)) > limit)
    slots = sought.slots(collection.name)
    found, whole = await looking.descend(slots, whole=False)
    if not whole:
        found |= (await looking.descend([each for each in slots if each.name not in NAMES], whole=True))[0]
    found |= await looking.by_id(sought.text)
    if whole and collection.name == "customers" and not looking.has_enough(found):
        for word in sought.apart():
            more, whole = await looking.descend(word.slots(collection.name), whole=False)
            found |= more
            if whole:  # Each that answers has this word.
                break
    return matching(found.values()), whole


class _Looking:
    """Looks into one collection, by ranges of the indexes of its search keys."""

    def __init__(self, collection: Collection, enough: Callable[[Iterable[dict[str, Any]]], bool]) -> None:
        self._collection = collection
        self._enough = enough

    def has_enough(self, found: Found) -> bool:
        """Whether more than is to be shown answers already."""
        return self._enough(found.values())

    async def descend(self, slots: list[Slot], *, whole: bool) -> tuple[Found, bool]:
        """Documents whose keys begin with, or ``whole``: are, what is sought; and whether these are all.

        From the sparsest level on, until there are enough, or the next one would give too many.
        """
        found: Found = {}
        for level in LEVELS:
            pages = await asyncio.gather(*(self._page(slot.condition(level, whole=whole)) for slot in slots))
            found.update({each["_id"]: each for page in pages for each in page})
            if any(len(page) >= BUDGET for page in pages):
                return found, False
            if level != LEVELS[-1] and (
                self.has_enough(found) or any(len(page) * SHARE > BUDGET for page in pages)
            ):
                return found, False
        return found, True

    async def by_id(self, identifier: str) -> Found:
        """The document of just this id, if there is one: also one without a key."""
        document = await self._collection.find_one({"_id": identifier}, _NOT_SHOWN)
        is_shown = document is not None and not document.get(FAULTED, {}).get("empty")
        return {identifier: document} if document is not None and is_shown else {}

    def _page(self, condition: dict[str, object]) -> Awaitable[list[dict[str, Any]]]:
        return self._collection.find(condition, _NOT_SHOWN).limit(BUDGET).to_list()


def _matching(
    collection: str, sought: Sought, documents: Iterable[dict[str, Any]]
) -> list[tuple[dict[str, Any], Match]]:
    return [
        (document, match)
        for document in documents
        if (match := sought.match(collection, document)) is not None
    ]


def _customer(document: dict[str, Any], match: Match) -> SearchHit:
    address = document.get("residentialAddress", {})
    lived = {name: address[name] for name in ("suburb", "state") if name in address}
    identity = {"customerId": document["_id"], **_identity(document, match, "fullName")}
    return CustomerHit.model_validate(document | lived | identity)


def _loan_account(document: dict[str, Any], match: Match) -> SearchHit:
    more = {
        "totalOutstanding": document.get("balances", {}).get("totalOutstanding"),
        "openedDate": document.get("loanTerms", {}).get("openedDate"),
    }
    return LoanAccountHit.model_validate(document | more | _identity(document, match, "accountNumber"))


def _conversation(document: dict[str, Any], match: Match) -> SearchHit:
    return ConversationHit.model_validate(document | _identity(document, match, "applicationNumber"))


def _identity(document: dict[str, Any], match: Match, title: str) -> dict[str, Any]:
    return {
        "id": document["_id"],
        "title": document.get(title) or document["_id"],
        "matched": "id" if match.field == "_id" else match.field,
        "exact": match.fit == Fit.EXACT,
    }


_HITS: dict[str, Callable[[dict[str, Any], Match], SearchHit]] = {
    "customers": _customer,
    "loan-accounts": _loan_account,
    "conversations": _conversation,
}
"""The collections that are looked into, in the order in which equally good hits are shown."""
