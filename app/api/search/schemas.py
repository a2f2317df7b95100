"""Search results: enough of each document to pick the right one on the phone."""

from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from app.aggregates.customer import EkycStatus
from app.aggregates.loan_account.reports import AccountStatus
from app.api.search.query import Fit, Match
from app.projections.read_models.base import Day, Model, Money
from app.projections.read_models.customers import Flags


class _Hit(Model):
    """The fields of every hit."""

    id: str
    """The document's identifier, as in its own route."""
    title: str
    """The heading: a name or a number, or the identifier if there is neither."""
    matched: str
    """The field that matches best; `fullName` if several words match in several fields."""
    exact: bool
    """Whether that field is identical to the query: an id, a number, an e-mail address or a phone number."""


class CustomerHit(_Hit):
    """A customer."""

    kind: Literal["customer"]
    """The kind of hit."""
    customer_id: str
    """The same as `id`."""
    preferred_name: str | None = None
    """What the customer prefers to be called."""
    date_of_birth: Day | None = None
    """Date of birth."""
    email_address: str | None = None
    """As reported."""
    mobile_phone_number: str | None = None
    """As reported."""
    suburb: str | None = None
    """Where they live."""
    state: str | None = None
    """State or territory."""
    ekyc_status: EkycStatus | None = None
    """Outcome of the identity check."""
    flags: Flags | None = None
    """What staff must know before they speak to the customer."""


class LoanAccountHit(_Hit):
    """A loan account."""

    kind: Literal["loanAccount"]
    """The kind of hit."""
    customer_id: str | None = None
    """The borrower."""
    customer_name: str | None = None
    """The borrower's name."""
    account_number: str | None = None
    """The number that customers and staff use."""
    account_status: AccountStatus | None = None
    """The status."""
    total_outstanding: Money | None = None
    """The balance owed, as last reported."""
    opened_date: Day | None = None
    """When it was opened."""


class ConversationHit(_Hit):
    """A conversation."""

    kind: Literal["conversation"]
    """The kind of hit."""
    customer_id: str | None = None
    """The customer."""
    application_number: str | None = None
    """The application it is about."""
    status: str | None = None
    """The status."""
    started_at: datetime | None = None
    """When it started."""
    last_utterance_at: datetime | None = None
    """The latest time of any utterance."""


SearchHit = Annotated[CustomerHit | LoanAccountHit | ConversationHit, Field(discriminator="kind")]


class SearchResults(Model):
    """The hits, best first."""

    items: list[SearchHit]
    """At most `limit` hits. Exact ids, numbers, addresses and phone numbers come first."""
    more: bool
    """Whether there are, or may be, more hits than shown: a longer query narrows them down."""


class Kind(NamedTuple):
    """How a document of a collection is shown as a hit."""

    model: type[CustomerHit] | type[LoanAccountHit] | type[ConversationHit]
    name: str
    title: str
    identifier: str

    def hit(self, document: dict[str, Any], match: Match) -> SearchHit:
        """The hit of a document that matches."""
        shown = {
            **document.get("residentialAddress", {}),
            **document.get("balances", {}),
            **document.get("loanTerms", {}),
            **document,
            self.identifier: document["_id"],
            "kind": self.name,
            "id": document["_id"],
            "title": document.get(self.title) or document["_id"],
            "matched": self.identifier if match.field == "_id" else match.field,
            "exact": match.fit == Fit.EXACT,
        }
        return self.model.model_validate(shown)


HITS = {
    "customers": Kind(CustomerHit, "customer", "fullName", "customerId"),
    "loan-accounts": Kind(LoanAccountHit, "loanAccount", "accountNumber", "loanAccountId"),
    "conversations": Kind(ConversationHit, "conversation", "applicationNumber", "conversationId"),
}
"""The collections that are searched. Of equally good hits, those of earlier ones come first."""
