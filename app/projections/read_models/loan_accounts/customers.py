"""The lookup of ``loan-accounts``: the accounts of a customer, and the customer's name, in any order of
arrival."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.aggregates import Customer, LoanAccount
from app.aggregates.base import Key
from app.projections.engine.projection import AtHand, Event, Lookup, Target
from app.projections.engine.values import Document, Erases, put

OF_CUSTOMER = (Customer.NameChanged, Customer.PersonalDataErased)
"""The customer's events that concern their accounts."""


@dataclass(frozen=True)
class CustomerNameKnown:
    """The name of the customer that an account is linked to became known."""

    customer_id: str
    full_name: str


@dataclass(frozen=True)
class CustomerErased(Erases):
    """The customer that an account is linked to was erased."""

    customer_id: str


class AccountsOfCustomer(Lookup):
    """One document a customer."""

    collection = "_loan-accounts.customers"
    events = (LoanAccount.LinkedToCustomer, *OF_CUSTOMER)
    exact = False

    def key(self, event: Event) -> str | None:
        if isinstance(event, LoanAccount.LinkedToCustomer):
            return event.customer_id
        return event.business_id if isinstance(event, OF_CUSTOMER) else None

    def evolve(self, document: Document, event: Event, position: int) -> None:  # noqa: ARG002
        match event:
            case Customer.NameChanged():
                put(document, fullName=event.full_name or None)
            case Customer.PersonalDataErased():
                document.pop("fullName", None)
                document["erased"] = True  # An empty document would not be stored.
            case _:
                accounts = document.setdefault("loanAccountIds", [])
                if event.business_id not in accounts:
                    accounts.append(event.business_id)

    def members(self, document: Document, event: Event) -> Iterable[str]:
        return document.get("loanAccountIds", ()) if isinstance(event, OF_CUSTOMER) else ()

    def follow(self, document: Document, event: Event, documents: AtHand) -> Iterable[Target]:  # noqa: ARG002
        full_name: str | None = document.get("fullName")
        match event:
            case Customer.PersonalDataErased():
                erased = CustomerErased(event.business_id)
                return [(account_id, erased) for account_id in self.members(document, event)]
            case Customer.NameChanged() if full_name:
                known = CustomerNameKnown(event.business_id, full_name)
                return [(account_id, known) for account_id in self.members(document, event)]
            case LoanAccount.LinkedToCustomer() if full_name:
                return [(event.business_id, CustomerNameKnown(event.customer_id, full_name))]
        return ()

    def sources(self, identifier: str, events: Iterable[Event]) -> Iterable[Key]:  # noqa: ARG002
        return [
            (Customer, each.customer_id) for each in events if isinstance(each, LoanAccount.LinkedToCustomer)
        ]
