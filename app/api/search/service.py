"""Finds the documents of one collection that match a query.

A query becomes intervals of the index of search keys, each read up to a limit (decision 0009).
"""

import asyncio
from typing import Any, NamedTuple

from pymongo.asynchronous.collection import AsyncCollection

from app.api.documents.service import NOT_IN_SUMMARIES, NOT_READ
from app.api.search.query import Fit, Prefix, SearchQuery
from app.projections.engine.faults import FAULTED
from app.projections.read_models.search_keys import FIELD

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
