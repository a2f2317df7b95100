"""The collection ``customers``."""

from datetime import datetime

from pydantic import Field

from app.ingestion.messages.customers import EkycStatus
from app.projections.read_models.kinds import CreatedAt, Day, Document, UpdatedAt


class Flags(Document):
    """What staff must know before they speak to a customer."""

    staff: bool | None = None
    """Works for the lender."""
    investor: bool | None = None
    """Has invested in the lender."""
    vulnerable: bool | None = None
    """Needs special care; collections must not go on as usual."""


class ResidentialAddress(Document):
    """Where a customer lives; `street` is composed, `city` mirrors `suburb`."""

    unit_number: str | None = None
    """Unit or flat, as told."""
    street_number: str | None = None
    """House number; text, as `12A` is one."""
    street_name: str | None = None
    """The street's name without its type: `High`."""
    street_type: str | None = None
    """`Street`, `St`, `Road` and so on, as told."""
    street: str | None = None
    """Composed of the parts above that are known: `Unit 4, 12 High St`."""
    suburb: str | None = None
    """The suburb, as told."""
    city: str | None = None
    """Always the same as `suburb`."""
    state: str | None = None
    """State or territory, as told: `NSW`, `WA`."""
    postcode: str | None = None
    """Text: a leading zero counts."""
    country: str | None = None
    """The country, as told."""
    full_address: str | None = None
    """The whole address in a line, as told; it is not composed of the parts."""


class Customer(Document):
    """A customer, as `customer.…` messages and the chat's `applicationDetail_changed` tell.

    Reports are partial: one changes only what it holds, and an older one overwrites nothing newer.
    """

    customer_id: str = Field(validation_alias="_id")
    """The customer's identifier; what `customerId` holds elsewhere."""
    first_name: str | None = None
    """Given name."""
    last_name: str | None = None
    """Family name."""
    preferred_name: str | None = None
    """What the customer wants to be called."""
    full_name: str | None = None
    """`firstName` and `lastName`, as far as they are known."""
    email_address: str | None = None
    """As told; not checked."""
    mobile_phone_number: str | None = None
    """As told; in no fixed form."""
    date_of_birth: Day | None = None
    """Date of birth."""
    ekyc_status: EkycStatus | None = None
    """Outcome of the electronic identity check; upstream's many words for it become these three."""
    identity_verified: bool | None = None
    """True once `customer.verified.v1` came; never false."""
    verified_at: datetime | None = None
    """When the identity was verified: as that message says, else when it was sent."""
    flags: Flags | None = None
    """What staff must know before they speak to the customer. A flag that nobody told is absent."""
    residential_address: ResidentialAddress | None = None
    """Where the customer lives; parts change one by one."""
    erased_at: datetime | None = None
    """When the customer's personal data was erased: what is left is no personal data."""
    created_at: CreatedAt = None
    updated_at: UpdatedAt = None
