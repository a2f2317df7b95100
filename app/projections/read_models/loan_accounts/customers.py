"""The lookup of ``loan-accounts``: the accounts of a customer, and the customer's name."""

from collections.abc import Iterable

from app.aggregates import Customer, LoanAccount
from app.aggregates.base import Key
from app.projections.engine.projection import Event
from app.projections.read_models.customer_names import OF_CUSTOMER, CustomerNames, LinkedToCustomer


class AccountsOfCustomer(CustomerNames):
    """One document a customer."""

    collection = "_loan-accounts.customers"
    events = (LoanAccount.LinkedToCustomer, *OF_CUSTOMER)

    def key(self, event: Event) -> str | None:
        if isinstance(event, LoanAccount.LinkedToCustomer):
            return event.customer_id
        return event.business_id if isinstance(event, OF_CUSTOMER) else None

    def linked(self, event: Event | LinkedToCustomer) -> LinkedToCustomer:
        assert isinstance(event, LoanAccount.LinkedToCustomer)
        return LinkedToCustomer(event.customer_id, (event.business_id,))

    def sources(self, identifier: str, events: Iterable[Event]) -> Iterable[Key]:  # noqa: ARG002
        return [
            (Customer, each.customer_id) for each in events if isinstance(each, LoanAccount.LinkedToCustomer)
        ]
