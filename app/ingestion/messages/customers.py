"""What the Customers service publishes."""

from typing import Annotated

from pydantic import AliasChoices, BeforeValidator, Field

from app.aggregates.base import Key, Source
from app.aggregates.customer import Customer, EkycStatus
from app.event_store.unit_of_work import UnitOfWork
from app.ingestion.messages.envelope import Envelope
from app.ingestion.messages.fields import Date, Flag, Identifier, Payload, Text, Time, one_of

_EKYC = {
    **dict.fromkeys(("SUCCESSFUL", "SUCCESS", "APPROVED", "PASSED", "VERIFIED"), "successful"),
    **dict.fromkeys(("FAILED", "FAIL", "DECLINED", "REJECTED"), "failed"),
    **dict.fromkeys(("PENDING", "IN_PROGRESS", "IN_REVIEW"), "pending"),
}


class ResidentialAddress(Payload):
    """An address, in parts."""

    address_type: Text | None = None
    unit_number: Text | None = None
    street_number: Text | None = None
    street_name: Text | None = None
    street_type: Text | None = None
    street: Text | None = None
    suburb: Text | None = Field(default=None, validation_alias=AliasChoices("suburb", "city"))
    state: Text | None = None
    postcode: Text | None = None
    country: Text | None = None
    full_address: Text | None = None


class CustomerDetails(Payload):
    """Any of a customer's details: only what is present changes."""

    first_name: Text | None = None
    last_name: Text | None = None
    preferred_name: Text | None = None
    email_address: Text | None = None
    mobile_phone_number: Text | None = None
    date_of_birth: Date | None = None
    ekyc_status: Annotated[EkycStatus, BeforeValidator(one_of(_EKYC))] | None = None
    residential_address: ResidentialAddress | None = None
    staff: Flag | None = None
    investor: Flag | None = None
    vulnerable: Flag | None = None

    def report(self, unit: UnitOfWork, source: Source, customer_id: str) -> None:
        """Tell the customer's aggregate."""
        address = self.residential_address
        unit.obtain(Customer, customer_id, source).report_details(
            source,
            residential_address=address.present() if address else None,
            **self.present("customer_id", "residential_address"),
        )


class CustomerChanged(CustomerDetails):
    """``customer.created.v1``, ``customer.changed.v1``, ``customer.updated.v1``: only what is
    present changes.
    """

    customer_id: Identifier

    def concerns(self, _envelope: Envelope) -> tuple[Key, ...]:
        return ((Customer, self.customer_id),)

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        self.report(unit, envelope.source, self.customer_id)


class CustomerVerified(Payload):
    """``customer.verified.v1``: the customer's identity was verified."""

    customer_id: Identifier
    verified_at: Time | None = None

    def concerns(self, _envelope: Envelope) -> tuple[Key, ...]:
        return ((Customer, self.customer_id),)

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        customer = unit.obtain(Customer, self.customer_id, envelope.source)
        customer.verify_identity(envelope.source, verified_at=self.verified_at)


class ApplicantDetails(CustomerDetails):
    """The customer inside ``applicationDetail_changed``; the chat has names of its own for some details."""

    customer_id: Identifier | None = None
    full_name: Text | None = Field(
        default=None,
        validation_alias=AliasChoices("full_name", "fullName", "name"),
        description="Counts as long as neither first nor last name is known.",
    )
    email_address: Text | None = Field(
        default=None, validation_alias=AliasChoices("email_address", "emailAddress", "email")
    )
    mobile_phone_number: Text | None = Field(
        default=None,
        validation_alias=AliasChoices(
            *("mobile_phone_number", "mobilePhoneNumber", "mobile_phone", "mobilePhone", "mobile", "phone")
        ),
    )
