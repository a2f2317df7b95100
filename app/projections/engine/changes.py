"""Finds the documents that events have changed, by the events themselves and the stored lookups.

Read only up to the projection's position: what is stored is as it was at the events, or a later form.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from pymongo.database import Database

from app.event_store.application import Servicing
from app.projections.engine.documents import POSITION, Document, DocumentCache, MongoDocumentStore
from app.projections.engine.projection import AtHand, Lookup, Projection, walk
from app.projections.engine.reading import Envelope, EventReader

_PAGE = 2_000
_IDS_A_QUERY = 100
_BY_ACCOUNT = "loanAccountId"


class Change(NamedTuple):
    """A document that changed, the position of its last event, and its customer, if it names one."""

    id: str
    position: int
    customer_id: str | None


class Changes(NamedTuple):
    """All documents that changed beyond ``after`` and up to ``reached``, each once, by their positions."""

    after: int
    reached: int
    found: list[Change]


class ChangeReader:
    """Reads the changes of one projection's documents. It has no state: threads may share it."""

    def __init__(
        self, projection: Projection, servicing: Servicing, database: Database[dict[str, Any]]
    ) -> None:
        self._projection = projection
        self._reader = EventReader(servicing, projection.topics(), f"the changes of {projection.name}")
        self._database = database

    def page(self, after: int, up_to: int) -> Changes:
        """The next changes after a position, and none beyond ``up_to``.

        That must not exceed the projection's position. Raises ProjectionFault for an event that cannot be
        read, pymongo's errors, and one of EVENT_STORE_ERRORS.
        """
        page = self._reader.page(after, up_to, _PAGE)
        positions = self._changed(page.events, after, page.reached) if page.events else {}
        customers = self._customers(list(positions))
        found = [Change(each, position, customers.get(each)) for each, position in positions.items()]
        return Changes(after, page.reached, sorted(found, key=lambda each: each.position))

    def _changed(self, events: list[Envelope], after: int, reached: int) -> dict[str, int]:
        """The last position of each document."""
        projection = self._projection
        positions = {
            each.event.business_id: each.position for each in events if projection.is_own(each.event)
        }
        lookup = projection.lookup
        if lookup is None:
            return positions
        if projection.carries:
            # What an event means depends on all documents as they were; but there are few of them, and each
            # holds the position of its last event. One that changed again since is reported then.
            beyond = {POSITION: {"$gt": after, "$lte": reached}}
            stamped = self._database[self._projection.name].find(beyond, {POSITION: 1})
            return positions | {each["_id"]: each[POSITION] for each in stamped}
        for identifier, position in self._followed(lookup, events):
            positions[identifier] = max(position, positions.get(identifier, 0))
        return positions

    def _followed(self, lookup: Lookup, events: list[Envelope]) -> Iterable[tuple[str, int]]:
        lookups, own = (
            DocumentCache(MongoDocumentStore(self._database[name]), keep=0)
            for name in (lookup.collection, self._projection.name)
        )
        for document, meaning, position in walk(lookup, lookups, events):
            for identifier, _ in lookup.follow(document, meaning, AtHand(own, position)):
                yield identifier, position

    def _customers(self, ids: list[str]) -> dict[str, str]:
        """The customers of documents: their own, or those of the loan accounts that they are about."""
        if self._projection.name == "customers":
            return {each: each for each in ids}
        found = list(self._fetched(self._projection.name, ids, "customerId", _BY_ACCOUNT))
        accounts = {each[_BY_ACCOUNT] for each in found if "customerId" not in each and _BY_ACCOUNT in each}
        owners = {
            each["_id"]: each.get("customerId")
            for each in self._fetched("loan-accounts", accounts, "customerId")
        }
        customers = {each["_id"]: each.get("customerId", owners.get(each.get(_BY_ACCOUNT))) for each in found}
        return {each: customer_id for each, customer_id in customers.items() if customer_id is not None}

    def _fetched(self, collection: str, ids: Iterable[str], *fields: str) -> Iterable[Document]:
        wanted = list(ids)
        for start in range(0, len(wanted), _IDS_A_QUERY):
            page = {"_id": {"$in": wanted[start : start + _IDS_A_QUERY]}}
            yield from self._database[collection].find(page, dict.fromkeys(fields, 1) or None)
