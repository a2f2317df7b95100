"""The collection ``customers``: one document a customer."""

from datetime import datetime

from pydantic import Field
from pydantic.alias_generators import to_camel

from app.aggregates import Customer
from app.aggregates.customer import EkycStatus
from app.projections.engine.documents import Document
from app.projections.engine.projection import erase, is_erased, on_event, put, time
from app.projections.read_models.base import CreatedAt, Day, Model, ReadModel, UpdatedAt
from app.projections.read_models.search_keys import set_search_keys


class Flags(Model):
    """What staff must know before they speak to a customer."""

    staff: bool | None = None
    """Works for the lender."""
    investor: bool | None = None
    """Has invested in the lender."""
    vulnerable: bool | None = None
    """Needs special care; collections must not go on as usual."""


class ResidentialAddress(Model):
    """Where a customer lives. `street` is composed; `city` mirrors `suburb`."""

    unit_number: str | None = None
    """Unit or flat, as reported."""
    street_number: str | None = None
    """House number, as text: `12A` is one."""
    street_name: str | None = None
    """The street's name without its type: `High`."""
    street_type: str | None = None
    """`Street`, `St`, `Road` and so on, as reported."""
    street: str | None = None
    """Composed of the known parts above: `Unit 4, 12 High St`; without a street's parts, as reported."""
    suburb: str | None = None
    """The suburb, as reported."""
    city: str | None = None
    """Always the same as `suburb`."""
    state: str | None = None
    """State or territory, as reported: `NSW`, `WA`."""
    postcode: str | None = None
    """The postcode, as text: a leading zero counts."""
    country: str | None = None
    """The country, as reported."""
    full_address: str | None = None
    """The whole address on one line, as reported; absent once a part is newer."""


class CustomerDocument(Model):
    """A customer, from `customer.…` messages and the chat's `applicationDetail_changed`.

    Reports are partial: each changes only the fields it holds, and an older one never overwrites a newer one.
    """

    customer_id: str = Field(validation_alias="_id")
    """The customer's identifier, which other collections hold in `customerId`."""
    first_name: str | None = None
    """Given name."""
    last_name: str | None = None
    """Family name."""
    preferred_name: str | None = None
    """What the customer prefers to be called."""
    full_name: str | None = None
    """`firstName` and `lastName`, as far as they are known; while neither is, a whole name from the chat."""
    email_address: str | None = None
    """As reported; not validated."""
    mobile_phone_number: str | None = None
    """As reported; in no fixed format."""
    date_of_birth: Day | None = None
    """Date of birth."""
    ekyc_status: EkycStatus | None = None
    """Outcome of the electronic identity check; upstream's many values map to these three."""
    identity_verified: bool | None = None
    """True once `customer.verified.v1` came; false while a newer report of `ekycStatus` is failed or
    pending."""
    verified_at: datetime | None = None
    """When the identity was last verified: the time in that message, or else when it was sent."""
    flags: Flags | None = None
    """What staff must know before they speak to the customer. A flag that was never reported is absent."""
    residential_address: ResidentialAddress | None = None
    """Where the customer lives. A report with a street and a suburb or postcode replaces it whole; any other
    changes its parts."""
    erased_at: datetime | None = None
    """When the customer's personal data was erased. Nothing personal remains in the document."""
    created_at: CreatedAt = None
    updated_at: UpdatedAt = None


_PERSONAL = (
    *("firstName", "lastName", "preferredName", "fullName", "emailAddress", "mobilePhoneNumber"),
    *("dateOfBirth", "flags", "residentialAddress"),
)
_ADDRESS_PARTS = {
    to_camel(part): part
    for part in (
        *("unit_number", "street_number", "street_name", "street_type", "suburb", "state", "postcode"),
        *("country", "full_address"),
    )
}


class Customers(ReadModel):
    """How events change a customer's document."""

    name = "customers"
    model = CustomerDocument
    own = (Customer,)

    def finish(self, document: Document) -> None:
        super().finish(document)
        if "verifiedAt" in document:
            document["identityVerified"] = document.get("ekycStatus") == "successful"
        set_search_keys(self.name, document)

    @on_event
    def name_changed(self, document: Document, event: Customer.NameChanged) -> None:
        put(
            document,
            firstName=event.first_name,
            lastName=event.last_name,
            preferredName=event.preferred_name,
            fullName=event.full_name or None,
        )

    @on_event
    def contact_details_changed(self, document: Document, event: Customer.ContactDetailsChanged) -> None:
        put(document, emailAddress=event.email_address, mobilePhoneNumber=event.mobile_phone_number)

    @on_event
    def date_of_birth_recorded(self, document: Document, event: Customer.DateOfBirthRecorded) -> None:
        put(document, dateOfBirth=event.date_of_birth)

    @on_event
    def ekyc_assessed(self, document: Document, event: Customer.EkycAssessed) -> None:
        put(document, ekycStatus=event.ekyc_status)

    @on_event
    def identity_verified(self, document: Document, event: Customer.IdentityVerified) -> None:
        put(document, ekycStatus=event.ekyc_status)
        put(document, verifiedAt=None if event.verified_at is None else time(event.verified_at))

    @on_event
    def flags_changed(self, document: Document, event: Customer.FlagsChanged) -> None:
        flags = document.get("flags", {})
        put(flags, staff=event.staff, investor=event.investor, vulnerable=event.vulnerable)
        put(document, flags=flags or None)

    @on_event
    def residential_address_changed(
        self, document: Document, event: Customer.ResidentialAddressChanged
    ) -> None:
        if is_erased(event.parts):
            return
        parts = event.parts
        address = {field: parts[part] for field, part in _ADDRESS_PARTS.items() if part in parts}
        put(address, street=_street(parts), city=address.get("suburb"))
        document.pop("residentialAddress", None)
        put(document, residentialAddress=address or None)

    @on_event
    def personal_data_erased(self, document: Document, event: Customer.PersonalDataErased) -> None:
        erase(document, event, *_PERSONAL)


def _street(parts: dict[str, str]) -> str | None:
    """``Unit 4, 12 High St``, from the known parts; the ready-made street if it has no parts."""
    road = " ".join(parts[each] for each in ("street_number", "street_name", "street_type") if each in parts)
    if not road and "street" in parts:
        return parts["street"]
    unit = f"Unit {parts['unit_number']}" if "unit_number" in parts else ""
    return ", ".join(part for part in (unit, road) if part) or None
