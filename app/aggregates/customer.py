"""The customer: who somebody is, how to reach them, and what was checked about them."""

from datetime import datetime
from typing import Literal

from app.aggregates.base import NOTHING, Aggregate, Report, Source, absorbs
from app.aggregates.report_order import FieldStamps

EkycStatus = Literal["successful", "failed", "pending"]


class Customer(Aggregate):
    """A person, as the Customers service and the chat tell of them. Reports are partial."""

    class NameChanged(Report):
        """``full_name`` is first and last name together, as they stand after this change."""

        PERSONAL = frozenset(("full_name", "first_name", "last_name", "preferred_name"))
        STAMPED = ("first_name", "last_name", "preferred_name")

        full_name: str = ""
        first_name: str | None = None
        last_name: str | None = None
        preferred_name: str | None = None

        def apply(self, aggregate: "Customer") -> None:
            aggregate.first_name = self.first_name or aggregate.first_name
            aggregate.last_name = self.last_name or aggregate.last_name

    class ContactDetailsChanged(Report):
        PERSONAL = frozenset(("email_address", "mobile_phone_number"))

        email_address: str | None = None
        mobile_phone_number: str | None = None

    class DateOfBirthRecorded(Report):
        """``YYYY-MM-DD``."""

        PERSONAL = frozenset(("date_of_birth",))

        date_of_birth: str | None = None

    class EkycAssessed(Report):
        """Kept after an erasure, as proof that the check was made."""

        PERSONAL = NOTHING

        ekyc_status: EkycStatus | None = None

    class FlagsChanged(Report):
        PERSONAL = frozenset(("staff", "investor", "vulnerable"))

        staff: bool | None = None
        investor: bool | None = None
        vulnerable: bool | None = None

    class ResidentialAddressChanged(Aggregate.Event):
        """``parts`` holds those parts of the address that were reported, by the contract's names."""

        PERSONAL = frozenset(("parts",))

        parts: dict[str, str]

        def stamp(self, stamps: FieldStamps) -> None:
            stamps.note(self.parts, self.upstream_time, prefix="address.")

    class IdentityVerified(Report):
        PERSONAL = NOTHING

        verified_at: datetime

    def __init__(self, business_id: str) -> None:
        super().__init__(business_id)
        self.first_name = ""
        self.last_name = ""

    @absorbs
    def report_details(
        self,
        source: Source,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        preferred_name: str | None = None,
        email_address: str | None = None,
        mobile_phone_number: str | None = None,
        date_of_birth: str | None = None,
        ekyc_status: EkycStatus | None = None,
        residential_address: dict[str, str] | None = None,
        staff: bool | None = None,
        investor: bool | None = None,
        vulnerable: bool | None = None,
    ) -> None:
        """Some of the customer's details: those that are present, and not older than what is known."""
        names = self.NameChanged(first_name=first_name, last_name=last_name, preferred_name=preferred_name)
        if self.drop_stale(source, names):
            known = (names.first_name or self.first_name, names.last_name or self.last_name)
            full_name = " ".join(name for name in known if name)
            self.record(
                source,
                self.NameChanged(
                    full_name=full_name,
                    first_name=names.first_name,
                    last_name=names.last_name,
                    preferred_name=names.preferred_name,
                ),
            )
        if email_address or mobile_phone_number:
            self.report(
                source,
                self.ContactDetailsChanged(
                    email_address=email_address, mobile_phone_number=mobile_phone_number
                ),
            )
        if date_of_birth:
            self.report(source, self.DateOfBirthRecorded(date_of_birth=date_of_birth))
        if ekyc_status:
            self.report(source, self.EkycAssessed(ekyc_status=ekyc_status))
        if not (staff is investor is vulnerable is None):
            self.report(source, self.FlagsChanged(staff=staff, investor=investor, vulnerable=vulnerable))
        if residential_address:
            parts = self.stamps.fresh(residential_address, source.upstream_time, prefix="address.")
            if parts:
                self.record(source, self.ResidentialAddressChanged(parts=parts))

    @absorbs
    def verify_identity(self, source: Source, *, verified_at: datetime | None = None) -> None:
        """The identity was verified: at ``verified_at``, or when the message was sent."""
        self.report(source, self.IdentityVerified(verified_at=verified_at or source.at))
