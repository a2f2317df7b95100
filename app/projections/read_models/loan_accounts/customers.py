"""The lookup of ``loan-accounts``: which accounts a customer has, and the customer's name, in any order."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.aggregates import Customer, LoanAccount
from app.aggregates.base import Key
from app.projections.engine.projection import AtHand, Lookup, Target
from app.projections.engine.values import Document, Erases, put

OF_CUSTOMER = (Customer.NameChanged, Customer.PersonalDataErased)
"""The customer's events that concern their accounts."""


@dataclass(frozen=True)
class CustomerNameKnown:
    """What an event of a customer, or the link to one, means for a loan account."""

    customer_id: str
    full_name: str


@dataclass(frozen=True)
class CustomerErased(Erases):
    """A customer's name was erased."""

    customer_id: str


class AccountsOfCustomer(Lookup):
    """One document a customer."""

    collection = "_loan-accounts.customers"
    exact = False

    def key(self, event: Any) -> str | None:
        if type(event) in OF_CUSTOMER:
            return str(event.business_id)
        return str(event.customer_id) if type(event) is LoanAccount.LinkedToCustomer else None

    def evolve(self, document: Document, event: Any, position: int) -> None:  # noqa: ARG002
        if type(event) is Customer.NameChanged:
            put(document, fullName=event.full_name or None)
        elif type(event) is Customer.PersonalDataErased:
            document.pop("fullName", None)
            document["erased"] = True  # An empty document would not be stored.
        else:
            known = document.setdefault("loanAccountIds", [])
            if event.business_id not in known:
                known.append(event.business_id)

    def members(self, document: Document, event: Any) -> Iterable[str]:
        return document.get("loanAccountIds", ()) if type(event) in OF_CUSTOMER else ()

    def follow(self, document: Document, event: Any, documents: AtHand) -> Iterable[Target]:  # noqa: ARG002
        if type(event) is Customer.PersonalDataErased:
            erased = CustomerErased(event.business_id)
            return [(account_id, erased) for account_id in document.get("loanAccountIds", ())]
        if (full_name := document.get("fullName")) is None:
            return ()
        if type(event) is Customer.NameChanged:
            known = CustomerNameKnown(event.business_id, full_name)
            return [(account_id, known) for account_id in document.get("loanAccountIds", ())]
        return [(event.business_id, CustomerNameKnown(event.customer_id, full_name))]

    def sources(self, identifier: str, events: Iterable[Any]) -> Iterable[Key]:  # noqa: ARG002
        return [
            (Customer, event.customer_id) for event in events if type(event) is LoanAccount.LinkedToCustomer
        ]
