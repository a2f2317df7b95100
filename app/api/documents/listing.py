"""Lists of documents of MongoDB: which of them, in which order, and a page at a time."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import Depends, Query, Request
from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.collection import AsyncCollection

from app.api.auth.audit import log_read
from app.api.documents.chosen_fields import Chosen, validated
from app.api.http.pages import Cursor, Item, Limit, Page, invalid_cursor, opaque, parts_of
from app.api.http.problems import ProblemError
from app.api.http.time_bounds import From, Until
from app.projections.engine.faults import FAULTED

# Whole numbers: a float of seconds does not tell each millisecond of the years that are far from 1970.
_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_NEVER = datetime.min.replace(tzinfo=UTC)
"""Older than all, as what has no time is to the server."""

Sort = Literal["-createdAt", "createdAt", "-updatedAt", "updatedAt"]
SortByCreation = Literal["-createdAt", "createdAt"]
_ORDER = Query(description="By which time; with `-` the newest first.")
Since = Annotated[
    From | None,
    Query(alias="from", description="`createdAt` then or later: a time, or a day (UTC)."),
]
Before = Annotated[
    Until | None,
    Query(alias="to", description="`createdAt` before that time; or on that day (UTC), which is included."),
]


class Listing(NamedTuple):
    """What a caller asks of a list, besides its own filters. ``between`` bounds ``createdAt``."""

    limit: int
    cursor: str | None
    sort: str
    between: tuple[datetime | None, datetime | None]

    @property
    def by(self) -> str:
        """The field that the list is in the order of."""
        return self.sort.removeprefix("-")

    @property
    def direction(self) -> int:
        """Of the order, as MongoDB names it."""
        return DESCENDING if self.sort.startswith("-") else ASCENDING

    def conditions(self, collection: str) -> dict[str, Any]:
        """What a document has to meet. Raises ProblemError for a cursor that is none, or of another list."""
        query: dict[str, Any] = {}
        bounds = {name: at for name, at in zip(("$gte", "$lt"), self.between, strict=True) if at is not None}
        if bounds:
            query["createdAt"] = bounds
        if self.cursor is not None:
            at, identifier = self._place(collection, self.cursor)
            beyond = "$lt" if self.direction == DESCENDING else "$gt"
            query["$or"] = [{self.by: {beyond: at}}, {self.by: at, "_id": {beyond: identifier}}]
        return query

    def after(self, collection: str, document: dict[str, Any]) -> str:
        """The cursor of what follows a document of a collection."""
        return opaque(f"{collection} {self.sort}", (document[self.by] - _EPOCH) // _MS, document["_id"])

    def _place(self, collection: str, cursor: str) -> tuple[datetime, str]:
        match parts_of(cursor):
            case [str(of), int(milliseconds), str(identifier)]:
                if of != f"{collection} {self.sort}":
                    detail = "The cursor belongs to another list, or order: follow `next` as it is."
                    raise ProblemError(400, "invalid_cursor", detail)
                try:
                    return _EPOCH + milliseconds * _MS, identifier
                except OverflowError as error:
                    raise invalid_cursor() from error
        raise invalid_cursor()


async def _listing(
    limit: Limit = 50,
    cursor: Cursor = None,
    sort: Annotated[Sort, _ORDER] = "-createdAt",
    since: Since = None,
    before: Before = None,
) -> Listing:
    return Listing(limit, cursor, sort, (since, before))


async def _listing_by_creation(
    limit: Limit = 50,
    cursor: Cursor = None,
    sort: Annotated[SortByCreation, _ORDER] = "-createdAt",
    since: Since = None,
    before: Before = None,
) -> Listing:
    return Listing(limit, cursor, sort, (since, before))


Listed = Annotated[Listing, Depends(_listing)]
ListedByCreation = Annotated[Listing, Depends(_listing_by_creation)]
"""Of documents that have no ``updatedAt``."""


async def newest(
    collection: AsyncCollection[dict[str, Any]],
    query: dict[str, Any],
    most: int,
    leave_out: tuple[str, ...] = (),
) -> list[dict[str, Any]]:
    """The newest documents that a query finds, but for those set aside before they held anything.

    Where there are few, which is the rule, they are put in order here: that saves the server a sixth.
    """
    left_out = dict.fromkeys(leave_out, 0)
    few = await _found(collection, query, [], most, left_out)
    if len(few) < most:
        return sorted(few, key=lambda each: (each.get("createdAt", _NEVER), each["_id"]), reverse=True)
    order = [("createdAt", DESCENDING), ("_id", DESCENDING)]
    return await _found(collection, query, order, most, left_out)


async def page(
    request: Request,
    collection: AsyncCollection[dict[str, Any]],
    filters: dict[str, str | None],
    *,
    model: type[Item],
    listing: Listing,
    fields: Chosen | None = None,
    leave_out: tuple[str, ...] = (),
    any_of: tuple[tuple[str, ...], str | None] = ((), None),
) -> Page[Item]:
    """One page of the documents whose fields equal the filters that are present.

    ``any_of``: names of fields, and a value that one of them has. ``leave_out``: what is not fetched.
    Filter values are plain strings by their type, so no operator can come from a caller.
    """
    query: dict[str, Any] = {name: value for name, value in filters.items() if value is not None}
    query |= listing.conditions(collection.name)
    names, value = any_of
    if value is not None:
        query["$and"] = [{"$or": [{name: value} for name in names]}]
    wanted = dict.fromkeys(leave_out, 0) if fields is None else fields.projection(listing.by)
    order = [(listing.by, listing.direction), ("_id", listing.direction)]
    documents = await _found(collection, query, order, listing.limit + 1, wanted)
    following = None
    if len(documents) > listing.limit:
        documents = documents[: listing.limit]
        following = str(
            request.url.include_query_params(cursor=listing.after(collection.name, documents[-1]))
        )
    items = [validated(model, document, fields) for document in documents]
    log_read(request, *items)
    if fields is not None:
        items = [fields.trimmed(item) for item in items]
    return Page[Item](items=items, next=following)


async def _found(
    collection: AsyncCollection[dict[str, Any]],
    query: dict[str, Any],
    order: list[tuple[str, int]],
    most: int,
    projection: dict[str, int],
) -> list[dict[str, Any]]:
    """Those of a query that hold something.

    A document that was set aside while it held nothing is rare: only where one turns up is there a condition
    against them, as the server would look at it for each document.
    """
    if 1 in projection.values():
        projection = {**projection, FAULTED: 1}
    for conditions in (query, {**query, f"{FAULTED}.empty": {"$ne": True}}):
        found = collection.find(conditions, projection or None)
        documents = await (found.sort(order) if order else found).limit(most).to_list()
        if not any(each.get(FAULTED, {}).get("empty") for each in documents):
            break
    return documents
