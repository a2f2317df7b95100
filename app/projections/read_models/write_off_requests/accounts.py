"""The lookup of ``write-off-requests``: whose account a request is about, in any order of arrival."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from app.aggregates import Customer, LoanAccount, WriteOffRequest
from app.aggregates.base import Key
from app.aggregates.loan_account.reports import Report, insert
from app.projections.engine.projection import AtHand, Event, Target
from app.projections.engine.values import Document
from app.projections.read_models.customer_names import OF_CUSTOMER, CustomerNames, LinkedToCustomer

OF_OTHERS = (LoanAccount.LinkedToCustomer, LoanAccount.Opened, LoanAccount.Updated, *OF_CUSTOMER)
"""The events of accounts and customers that concern requests."""


@dataclass(frozen=True)
class AccountKnown:
    """What the account of a request says of itself."""

    customer_id: str | None
    account_number: str | None


class AccountsOfRequests(CustomerNames):
    """One document an account, with its requests, and one a customer."""

    collection = "_write-off-requests.accounts"
    events = (WriteOffRequest.Requested, *OF_OTHERS)

    def key(self, event: Event) -> str:
        if isinstance(event, OF_CUSTOMER):
            return f"customer:{event.business_id}"
        return f"account:{_account_of(event)}"

    def onward(
        self, document: Document, event: Event | LinkedToCustomer
    ) -> tuple[str, LinkedToCustomer] | None:
        """From an account with requests to its customer."""
        if isinstance(event, (*OF_CUSTOMER, LinkedToCustomer)):
            return None
        customer_id, ids = document.get("customerId"), self._concerned(document, event)
        if isinstance(event, (LoanAccount.Opened, LoanAccount.Updated)) or customer_id is None or not ids:
            return None
        return f"customer:{customer_id}", LinkedToCustomer(customer_id, ids)

    def linked(self, event: Event | LinkedToCustomer) -> LinkedToCustomer:
        assert isinstance(event, LinkedToCustomer)
        return event

    def evolve(self, document: Document, event: Event | LinkedToCustomer, position: int) -> None:
        match event:
            case WriteOffRequest.Requested():
                document.setdefault("requestIds", []).append(event.business_id)
            case LoanAccount.LinkedToCustomer():
                document["customerId"] = event.customer_id
            case LoanAccount.Opened() | LoanAccount.Updated():
                if event.account_number is not None:
                    _put_number(document, event.account_number, event.reports())
            case _:
                super().evolve(document, event, position)

    def members(self, document: Document, event: Event | LinkedToCustomer) -> Iterable[str]:
        if isinstance(event, (*OF_CUSTOMER, LinkedToCustomer)):
            return super().members(document, event)
        return self._concerned(document, event)

    def follow(
        self, document: Document, event: Event | LinkedToCustomer, documents: AtHand
    ) -> Iterable[Target]:
        if isinstance(event, (*OF_CUSTOMER, LinkedToCustomer)):
            return super().follow(document, event, documents)
        number = document["numbers"][-1]["terms"]["account_number"] if "numbers" in document else None
        known = AccountKnown(document.get("customerId"), number)
        return [(each, known) for each in self._concerned(document, event)]

    def sources(self, identifier: str, events: Iterable[Event]) -> Iterable[Key]:  # noqa: ARG002
        keys: list[Key] = []
        for each in events:
            if isinstance(each, WriteOffRequest.Requested):
                keys.append((LoanAccount, each.loan_account_id))
            elif isinstance(each, LoanAccount.LinkedToCustomer):
                keys.append((Customer, each.customer_id))
        return keys

    def _concerned(self, document: Document, event: Event) -> tuple[str, ...]:
        """The requests that an event of an account or a request concerns."""
        if isinstance(event, WriteOffRequest.Requested):
            return (event.business_id,)
        return tuple(document.get("requestIds", ()))


def _account_of(event: Event) -> str:
    return event.loan_account_id if isinstance(event, WriteOffRequest.Requested) else event.business_id


def _put_number(document: Document, number: str, reports: list[Report]) -> None:
    """Keep the number that the newest report tells."""
    numbers: list[Report] = document.get("numbers", [])
    for report in reports:
        place = {name: report[name] for name in ("at", "created") if name in report}
        insert(numbers, cast("Report", {**place, "terms": {"account_number": number}}))
    document["numbers"] = numbers[-1:]
