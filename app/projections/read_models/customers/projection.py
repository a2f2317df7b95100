"""The read model ``customers``: one document a customer."""

from typing import Any

from app.aggregates import Customer
from app.aggregates.personal import ERASED
from app.projections.engine.projection import Projection
from app.projections.engine.values import Document, erase, put, time
from app.projections.read_models.search.keys import finish

CUSTOMERS = Projection("customers", own=(Customer,), version=2, finish=finish("customers"))

_PERSONAL = (
    *("firstName", "lastName", "preferredName", "fullName", "emailAddress", "mobilePhoneNumber"),
    *("dateOfBirth", "flags", "residentialAddress"),
)
_ADDRESS = {
    "unit_number": "unitNumber",
    "street_number": "streetNumber",
    "street_name": "streetName",
    "street_type": "streetType",
    "suburb": "suburb",
    "state": "state",
    "postcode": "postcode",
    "country": "country",
    "full_address": "fullAddress",
}


@CUSTOMERS.on(Customer.NameChanged)
def _name_changed(document: Document, event: Any) -> None:
    put(
        document,
        firstName=event.first_name,
        lastName=event.last_name,
        preferredName=event.preferred_name,
        fullName=event.full_name or None,
    )


@CUSTOMERS.on(Customer.ContactDetailsChanged)
def _contact_details_changed(document: Document, event: Any) -> None:
    put(document, emailAddress=event.email_address, mobilePhoneNumber=event.mobile_phone_number)


@CUSTOMERS.on(Customer.DateOfBirthRecorded)
def _date_of_birth_recorded(document: Document, event: Any) -> None:
    put(document, dateOfBirth=event.date_of_birth)


@CUSTOMERS.on(Customer.EkycAssessed)
def _ekyc_assessed(document: Document, event: Any) -> None:
    put(document, ekycStatus=event.ekyc_status)


@CUSTOMERS.on(Customer.IdentityVerified)
def _identity_verified(document: Document, event: Any) -> None:
    put(document, identityVerified=True, verifiedAt=time(event.verified_at))


@CUSTOMERS.on(Customer.FlagsChanged)
def _flags_changed(document: Document, event: Any) -> None:
    flags = document.get("flags", {})
    put(flags, staff=event.staff, investor=event.investor, vulnerable=event.vulnerable)
    put(document, flags=flags or None)


@CUSTOMERS.on(Customer.ResidentialAddressChanged)
def _residential_address_changed(document: Document, event: Any) -> None:
    if event.parts is ERASED:
        return
    address = document.setdefault("residentialAddress", {})
    put(address, **{name: event.parts.get(part) for part, name in _ADDRESS.items()})
    put(address, street=_street(address), city=address.get("suburb"))
    if not address:  # Only parts that the read model does not show.
        del document["residentialAddress"]


@CUSTOMERS.on(Customer.PersonalDataErased)
def _personal_data_erased(document: Document, event: Any) -> None:
    erase(document, event, *_PERSONAL)


def _street(address: Document) -> str | None:
    """``Unit 4, 12 High St``, of the parts that are known."""
    road = " ".join(address[part] for part in ("streetNumber", "streetName", "streetType") if part in address)
    unit = f"Unit {address['unitNumber']}" if "unitNumber" in address else ""
    return ", ".join(part for part in (unit, road) if part) or None
