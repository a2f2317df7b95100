"""Search: customers, loan accounts and conversations by what somebody on the phone can tell.

A question becomes intervals of the search keys' indexes, level by level: each level has some eight times as
many documents as the one above it. Whatever matches a great many is answered from the sparse levels, so no
question reads more than some hundred documents of a collection (decision 0009).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Request
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from app.api.auth.audit import log_read
from app.api.auth.requires import Authenticated
from app.api.documents.routes import NOT_IN_SUMMARIES, database_of
from app.api.http.problems import ProblemError, documented
from app.api.search.query import SHORTEST, Beginning, Fit, Match, Sought
from app.api.search.schemas import ConversationHit, CustomerHit, LoanAccountHit, SearchHit, SearchResults
from app.projections.engine.faults import FAULTED
from app.projections.read_models.search_keys.keys import FIELD, LEVELS, SHARE, Kind
from app.projections.read_models.search_keys.normalising import LONGEST

router = APIRouter(
    prefix="/v1",
    tags=["search"],
    dependencies=[Authenticated],
    responses=documented(400, 401, 403, 422, 503),
)

MOST = 20
BUDGET = SHARE * MOST * 2
"""Documents that are read of one interval at most."""

_NOT_SHOWN = dict.fromkeys((*NOT_IN_SUMMARIES, "repaymentSchedule", "facts"), 0)

Form = Callable[[dict[str, str]], dict[str, Any]]
"""Makes a condition for a list of keys of an interval that one of them lies in."""
Collection = AsyncCollection[dict[str, Any]]


class Found(NamedTuple):
    """A document that answers, and how well by its keys."""

    document: dict[str, Any]
    fit: Fit


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
async def search(request: Request, q: Question, limit: AtMost = MOST) -> SearchResults:
    """Find customers by name, e-mail, phone or id, loan accounts by number or id, and conversations by
    application number.

    Case, accents, punctuation and the form of phone numbers do not matter. Exact ids, numbers and addresses
    come first, then whole names, then what begins with `q`.
    """
    database = database_of(request)
    if (sought := Sought.of(q)) is None:
        detail = f"query.q: It has less than {SHORTEST} letters and digits to look for."
        raise ProblemError(422, "invalid_request", detail)
    form = await _form_of(request, database)
    looked = await asyncio.gather(*(look(database[name], form, sought, limit) for name in _HITS))
    found = [(name, each) for name, (listed, _) in zip(_HITS, looked, strict=True) for each in listed]
    found.sort(key=lambda each: each[1].fit)
    # The keys do not tell which field they are of: that is found out for those that may be shown.
    shown = []
    for name, (document, fit) in found[: 2 * MOST]:
        match = sought.match(name, document, fit)
        shown.append((match.fit, _HITS[name](document, match)))
    shown.sort(key=lambda each: (each[0], _ORDER[each[1].kind], each[1].title.casefold(), each[1].id))
    items = [hit for _, hit in shown[:limit]]
    log_read(request, *items)
    more = len(found) > limit or not all(whole for _, whole in looked)
    return SearchResults(items=items, more=more)


def interval_of_elements(interval: dict[str, str]) -> dict[str, Any]:
    """The condition that a list has an element in the interval: MongoDB reads just that of the index."""
    return {"$elemMatch": interval}


def interval_of_index(interval: dict[str, str]) -> dict[str, Any]:
    """The same for the embedded server, whose index would not be read for ``$elemMatch``.

    MongoDB would take it for two conditions, which two elements may meet, and read the index to its end.
    """
    return interval


async def _form_of(request: Request, database: AsyncDatabase[dict[str, Any]]) -> Form:
    """The one that suits the server, which is asked once."""
    state = request.app.state
    if not hasattr(state, "search_form"):
        is_embedded = "secantusVersion" in await database.client.admin.command("buildInfo")
        state.search_form = interval_of_index if is_embedded else interval_of_elements
    form: Form = state.search_form
    return form


async def look(collection: Collection, form: Form, sought: Sought, limit: int) -> tuple[list[Found], bool]:
    """What of a collection answers, and whether that is all.

    It reads a few times BUDGET documents at most, whatever is sought.
    """
    looking = _Looking(collection, form, sought, limit)
    beginnings = sought.beginnings(collection.name)
    _, whole = await asyncio.gather(looking.by_id(), looking.descend(beginnings))
    if not whole:
        await looking.just_so([each for each in beginnings if each.kind != Kind.NAME])
    elif collection.name == "customers" and not looking.has_enough():
        for word in sought.apart():
            whole = await looking.descend(word.beginnings(collection.name))
            if whole:  # Each that answers has this word.
                break
    return list(looking.found.values()), whole


class _Looking:
    """Looks into one collection, by intervals of the index of its search keys."""

    def __init__(self, collection: Collection, form: Form, sought: Sought, limit: int) -> None:
        self.found: dict[str, Found] = {}
        """What answers, by id."""
        self._collection = collection
        self._form = form
        self._sought = sought
        self._limit = limit

    def has_enough(self) -> bool:
        """Whether more than is to be shown answers already."""
        return len(self.found) > self._limit

    async def descend(self, beginnings: list[Beginning]) -> bool:
        """Look for keys that begin with what is sought. Whether that found all.

        From the sparsest level on, until there is enough, or the next one would give too much.
        """
        for level in LEVELS:
            intervals = [self._form(each.interval(level)) for each in beginnings]
            pages = await asyncio.gather(*map(self._page, intervals))
            for page in pages:
                self._take(page)
            most = max(map(len, pages), default=0)
            if most >= BUDGET:
                return False
            if level != LEVELS[-1] and (most * SHARE > BUDGET or self.has_enough()):
                return False
        return True

    async def just_so(self, beginnings: list[Beginning]) -> None:
        """Look for keys that are what is sought, from the sparsest level on, until there is enough."""
        enough = len(self.found) + self._limit
        for level in LEVELS:
            if beginnings and len(self.found) <= enough:
                self._take(await self._page({"$in": [each.key(level) for each in beginnings]}))

    async def by_id(self) -> None:
        """Look for the document of just this id."""
        document = await self._collection.find_one({"_id": self._sought.text}, _NOT_SHOWN)
        if document is not None and not document.get(FAULTED, {}).get("empty"):
            self.found[document["_id"]] = Found(document, Fit.EXACT)

    def _take(self, documents: Iterable[dict[str, Any]]) -> None:
        for document in documents:
            if document["_id"] not in self.found:
                fit = self._sought.fit(self._collection.name, document[FIELD])
                if fit is not None:
                    self.found[document["_id"]] = Found(document, fit)

    def _page(self, keys: dict[str, Any]) -> Awaitable[list[dict[str, Any]]]:
        return self._collection.find({FIELD: keys}, _NOT_SHOWN).limit(BUDGET).to_list()


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
"""The collections that are looked into, in the order in which equally good hits are shown."""
_ORDER = {"customer": 0, "loanAccount": 1, "conversation": 2}
