"""The lookup that documents with a customer's name share: who shows whose name, in any order of arrival."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from app.aggregates import Customer
from app.projections.engine.documents import Document
from app.projections.engine.projection import AtHand, Erases, Event, Lookup, Projection, Target, on_event, put

OF_CUSTOMER = (Customer.NameChanged, Customer.PersonalDataErased)
"""The customer's events that concern documents with their name."""


class CustomerNameKnown(NamedTuple):
    """The name of the customer that a document is linked to became known."""

    customer_id: str
    full_name: str


@dataclass(frozen=True)
class CustomerErased(Erases):
    """The customer that a document is linked to was erased."""

    customer_id: str


class LinkedToCustomer(NamedTuple):
    """Documents became linked to a customer."""

    customer_id: str
    ids: tuple[str, ...]


class CustomerNames(Lookup):
    """One document a customer: the name, and the ids of the documents that show it."""

    def linked(self, event: Event | LinkedToCustomer) -> LinkedToCustomer:
        """The documents that an event links to a customer, if it is not the customer's own."""
        assert isinstance(event, LinkedToCustomer)
        return event

    def evolve(self, document: Document, event: Event | LinkedToCustomer, position: int) -> None:  # noqa: ARG002
        match event:
            case Customer.NameChanged():
                put(document, fullName=event.full_name or None)
            case Customer.PersonalDataErased():
                document.pop("fullName", None)
                document["erased"] = True  # An empty document would not be stored.
            case _:
                known = document.setdefault("ids", [])
                known += [each for each in self.linked(event).ids if each not in known]

    def members(self, document: Document, event: Event | LinkedToCustomer) -> Iterable[str]:
        return document.get("ids", ()) if isinstance(event, OF_CUSTOMER) else self.linked(event).ids

    def follow(
        self,
        document: Document,
        event: Event | LinkedToCustomer,
        documents: AtHand,  # noqa: ARG002
    ) -> Iterable[Target]:
        ids = self.members(document, event)
        if isinstance(event, Customer.PersonalDataErased):
            return [(each, CustomerErased(event.business_id)) for each in ids]
        if (full_name := document.get("fullName")) is None:
            return ()
        of = event.business_id if isinstance(event, OF_CUSTOMER) else self.linked(event).customer_id
        return [(each, CustomerNameKnown(of, full_name)) for each in ids]


class ShowsCustomerName(Projection):
    """A projection whose documents show the name of the customer that they are linked to."""

    @on_event
    def customer_name_known(self, document: Document, event: CustomerNameKnown) -> None:
        if document.get("customerId") == event.customer_id:
            document["customerName"] = event.full_name

    @on_event
    def customer_erased(self, document: Document, event: CustomerErased) -> None:
        if document.get("customerId") == event.customer_id:
            document.pop("customerName", None)
