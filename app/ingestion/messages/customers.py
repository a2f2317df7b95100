"""What the Customers service publishes."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from app.aggregates.customer import EkycStatus
from app.ingestion.messages.fields import Date, Flag, Identifier, Payload, Time, one_of_or_absent

_EKYC = {
    **dict.fromkeys(("SUCCESSFUL", "SUCCESS", "APPROVED", "PASSED", "VERIFIED"), "successful"),
    **dict.fromkeys(("FAILED", "FAIL", "DECLINED", "REJECTED"), "failed"),
    **dict.fromkeys(("PENDING", "IN_PROGRESS", "IN_REVIEW"), "pending"),
}


class ResidentialAddress(Payload):
    """An address, in parts."""

    address_type: str | None = None
    unit_number: str | None = None
    street_number: str | None = None
    street_name: str | None = None
    street_type: str | None = None
    suburb: str | None = None
    state: str | None = None
    postcode: str | None = None
    country: str | None = None
    full_address: str | None = None


def _parts_or_text(value: Any) -> Any:
    return {"full_address": value} if isinstance(value, str) else value


class CustomerDetails(Payload):
    """Any of a customer's details: only what is present changes."""

    first_name: str | None = None
    last_name: str | None = None
    preferred_name: str | None = None
    email_address: str | None = None
    mobile_phone_number: str | None = None
    date_of_birth: Date | None = None
    ekyc_status: Annotated[EkycStatus | None, BeforeValidator(one_of_or_absent(_EKYC))] = None
    residential_address: Annotated[ResidentialAddress | None, BeforeValidator(_parts_or_text)] = None
    staff: Flag | None = None
    investor: Flag | None = None
    vulnerable: Flag | None = None


class CustomerChanged(CustomerDetails):
    """``customer.created.v1``, ``customer.changed.v1``, ``customer.updated.v1``: only what is
    present changes.
    """

    customer_id: Identifier


class CustomerVerified(Payload):
    """``customer.verified.v1``: the customer's identity was verified."""

    customer_id: Identifier
    verified_at: Time | None = None


class ApplicantDetails(CustomerDetails):
    """The customer inside ``applicationDetail_changed``."""

    customer_id: Identifier | None = None
