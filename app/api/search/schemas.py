"""What a search answers: of each document as much as somebody on the phone needs to pick the right one."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.aggregates.customer import EkycStatus
from app.aggregates.loan_account.status import AccountStatus
from app.projections.read_models.customers import Flags
from app.projections.read_models.types import Day, Model, Money


class _Hit(Model):
    """What all hits have."""

    id: str
    """The document's identifier, as its own route takes it."""
    title: str
    """What to show first: a name, or a number; the identifier, where there is neither."""
    matched: str
    """The field that answers best; where several words are in several fields, `fullName`."""
    exact: bool
    """Whether that field is just what was asked for: an id, a number, an e-mail address or a phone number."""


class CustomerHit(_Hit):
    """A customer."""

    kind: Literal["customer"]
    """What it is."""
    customer_id: str
    """The same as `id`."""
    preferred_name: str | None = None
    """What the customer wants to be called."""
    date_of_birth: Day | None = None
    """Date of birth."""
    email_address: str | None = None
    """As told."""
    mobile_phone_number: str | None = None
    """As told."""
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
    """What it is."""
    customer_id: str | None = None
    """Whose loan it is."""
    customer_name: str | None = None
    """Their name."""
    account_number: str | None = None
    """The number that customers and staff use."""
    account_status: AccountStatus | None = None
    """How it stands."""
    total_outstanding: Money | None = None
    """What is owed, as last told."""
    opened_date: Day | None = None
    """When it was opened."""

    @property
    def loan_account_id(self) -> str:
        """The account's identifier, for the log of reads."""
        return self.id


class ConversationHit(_Hit):
    """A conversation."""

    kind: Literal["conversation"]
    """What it is."""
    customer_id: str | None = None
    """Whom it is with."""
    application_number: str | None = None
    """The application that it is about."""
    status: str | None = None
    """How it stands."""
    started_at: datetime | None = None
    """When it was started."""
    last_utterance_at: datetime | None = None
    """The latest time of any utterance."""

    @property
    def conversation_id(self) -> str:
        """The conversation's identifier, for the log of reads."""
        return self.id


SearchHit = Annotated[CustomerHit | LoanAccountHit | ConversationHit, Field(discriminator="kind")]


class SearchResults(Model):
    """What was found, best first."""

    items: list[SearchHit]
    """At most as many as asked for. Exact ids, numbers, addresses and phone numbers come first."""
    more: bool
    """Whether there is more than is shown, or may be: type more, to see less."""
