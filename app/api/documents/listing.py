"""Lists of documents: filters, order, and a page at a time."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import Depends, Query, Request
from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.collection import AsyncCollection

from app.api.auth.audit import log_read
from app.api.documents.service import NOT_READ, Fields, select_fields, validated
from app.api.http.pages import Cursor, InvalidCursorError, Item, Limit, Page, decode_cursor, next_page
from app.api.http.time_bounds import From, Until
from app.api.services import services_of
from app.projections.engine.documents import FAULTED

# Whole numbers: a float of seconds is too coarse for milliseconds of years far from 1970.
_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_NEVER = datetime.min.replace(tzinfo=UTC)
"""A document without a time sorts before all, as it does in MongoDB."""

Sort = Literal["-createdAt", "createdAt", "-updatedAt", "updatedAt"]
SortByCreation = Literal["-createdAt", "createdAt"]
_ORDER = Query(description="The time to sort by; with `-`, newest first.")
Since = Annotated[
    From | None,
    Query(alias="from", description="`createdAt` at or after: a time, or a day (UTC)."),
]
Before = Annotated[
    Until | None,
    Query(alias="to", description="`createdAt` before a time, or up to the end of a day (UTC)."),
]


Filters = Mapping[str, str | bool | None]
"""Fields of documents, and the value that each must have; None: any."""


class Listing(NamedTuple):
    """The parameters that all lists share. ``between`` bounds ``createdAt``."""

    limit: int
    cursor: str | None
    sort: str
    between: tuple[datetime | None, datetime | None]
    fields: str | None

    @property
    def by(self) -> str:
        """The field to sort by."""
        return self.sort.removeprefix("-")

    @property
    def direction(self) -> int:
        """MongoDB's direction of the order."""
        return DESCENDING if self.sort.startswith("-") else ASCENDING

    def conditions(self, collection: str) -> dict[str, Any]:
        """The query of the bounds and the cursor. Raises InvalidCursorError, also for one of another list."""
        query: dict[str, Any] = {}
        bounds = {name: at for name, at in zip(("$gte", "$lt"), self.between, strict=True) if at is not None}
        if bounds:
            query["createdAt"] = bounds
        if self.cursor is not None:
            of, milliseconds, identifier = decode_cursor(self.cursor, str, int, str)
            if of != f"{collection} {self.sort}":
                raise InvalidCursorError("The cursor belongs to another list, or order")
            try:
                at = _EPOCH + milliseconds * _MS
            except OverflowError as error:
                raise InvalidCursorError from error
            beyond = "$lt" if self.direction == DESCENDING else "$gt"
            query["$or"] = [{self.by: {beyond: at}}, {self.by: at, "_id": {beyond: identifier}}]
        return query


def _listing(sort_type: Any) -> Any:
    """The dependency of a list with these orders."""

    async def listing(
        limit: Limit = 50,
        cursor: Cursor = None,
        sort: Annotated[sort_type, _ORDER] = "-createdAt",
        since: Since = None,
        before: Before = None,
        fields: Fields = None,
    ) -> Listing:
        return Listing(limit, cursor, sort, (since, before), fields)

    return Depends(listing)


Listed = Annotated[Listing, _listing(Sort)]
ListedByCreation = Annotated[Listing, _listing(SortByCreation)]
"""For documents without ``updatedAt``."""


async def newest(
    collection: AsyncCollection[dict[str, Any]],
    query: dict[str, Any],
    limit: int,
    exclude: tuple[str, ...] = (),
) -> list[dict[str, Any]]:
    """The newest documents of a query, without those set aside before they held anything.

    If there are few, as usual, they are sorted here: that saves the server a sixth.
    """
    excluded = dict.fromkeys(exclude, 0)
    few = await _find(collection, query, [], limit, excluded)
    if len(few) < limit:
        return sorted(few, key=lambda each: (each.get("createdAt", _NEVER), each["_id"]), reverse=True)
    order = [("createdAt", DESCENDING), ("_id", DESCENDING)]
    return await _find(collection, query, order, limit, excluded)


async def page(
    request: Request,
    collection: str,
    model: type[Item],
    listing: Listing,
    filters: Filters,
    *,
    exclude: tuple[str, ...] = (),
    any_of: tuple[tuple[str, ...], str | None] = ((), None),
) -> Page[Item]:
    """One page of the documents whose fields equal the filters that are present.

    ``any_of``: names of fields, and a value that one of them has. ``exclude``: fields that are not fetched.
    Filter values are plain strings or flags by their type, so no operator can come from a caller.
    """
    selection = select_fields(model, listing.fields)
    query: dict[str, Any] = {name: value for name, value in filters.items() if value is not None}
    query |= listing.conditions(collection)
    names, value = any_of
    if value is not None:
        query["$and"] = [{"$or": [{name: value} for name in names]}]
    projection = dict.fromkeys(exclude, 0) if selection is None else selection.projection(listing.by)
    order = [(listing.by, listing.direction), ("_id", listing.direction)]
    documents = await _find(
        services_of(request).database[collection], query, order, listing.limit + 1, projection
    )
    following = None
    if len(documents) > listing.limit:
        documents = documents[: listing.limit]
        last = documents[-1]
        at = (last[listing.by] - _EPOCH) // _MS
        following = next_page(request, f"{collection} {listing.sort}", at, last["_id"])
    items = [validated(model, document, selection) for document in documents]
    log_read(request, *items)
    if selection is not None:
        items = [selection.trimmed(item) for item in items]
    return Page[Item](items=items, next=following)


async def _find(
    collection: AsyncCollection[dict[str, Any]],
    query: dict[str, Any],
    order: list[tuple[str, int]],
    limit: int,
    projection: dict[str, int],
) -> list[dict[str, Any]]:
    """The documents of a query, without those set aside before they held anything.

    Those are rare: only if one turns up is there a condition against them, which costs the server a look at
    each document.
    """
    wanted = 1 in projection.values()
    projection |= {FAULTED: 1} if wanted else dict.fromkeys(NOT_READ, 0)
    for conditions in (query, {**query, f"{FAULTED}.empty": {"$ne": True}}):
        found = collection.find(conditions, projection)
        documents = await (found.sort(order) if order else found).limit(limit).to_list()
        if not any(each.get(FAULTED, {}).get("empty") for each in documents):
            break
    return documents
