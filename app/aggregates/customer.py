"""The customer: who somebody is, how to reach them, and what was checked about them."""

from datetime import datetime
from typing import Any, Literal

from app.aggregates.base import NOTHING, RememberingAggregate, absorbs
from app.aggregates.personal import IS_ERASED
from app.aggregates.source import Source

EkycStatus = Literal["successful", "failed", "pending"]


class Customer(RememberingAggregate):
    """A person, as the Customers service and the chat tell of them. Reports are partial."""

    class DetailsEvent(RememberingAggregate.Event):
        """A report of some of the customer's fields: those that are not None."""

        def change(self, aggregate: Any) -> None:
            aggregate.stamps.note(self.fields(), self.upstream_time)

        def fields(self) -> dict[str, Any]:
            """The reported fields by name."""
            return {
                name: value
                for name, value in vars(self).items()
                if value is not None and name not in _COMMON_FIELDS
            }

    class NameChanged(DetailsEvent):
        """``full_name`` is first and last name together, as they stand after this change."""

        PERSONAL = frozenset(("full_name", "first_name", "last_name", "preferred_name"))

        full_name: str = ""
        first_name: str | None = None
        last_name: str | None = None
        preferred_name: str | None = None

        def change(self, aggregate: Any) -> None:
            super().change(aggregate)
            aggregate.first_name = self.first_name or aggregate.first_name
            aggregate.last_name = self.last_name or aggregate.last_name

    class ContactDetailsChanged(DetailsEvent):
        PERSONAL = frozenset(("email_address", "mobile_phone_number"))

        email_address: str | None = None
        mobile_phone_number: str | None = None

    class DateOfBirthRecorded(DetailsEvent):
        """``YYYY-MM-DD``."""

        PERSONAL = frozenset(("date_of_birth",))

        date_of_birth: str | None = None

    class EkycAssessed(DetailsEvent):
        """successful, failed or pending: kept, as proof that the check was made."""

        PERSONAL = NOTHING

        ekyc_status: str | None = None

    class FlagsChanged(DetailsEvent):
        PERSONAL = frozenset(("staff", "investor", "vulnerable"))

        staff: bool | None = None
        investor: bool | None = None
        vulnerable: bool | None = None

    class ResidentialAddressChanged(RememberingAggregate.Event):
        """``parts`` holds those parts of the address that were reported, by the contract's names."""

        PERSONAL = frozenset(("parts",))

        parts: dict[str, str]

        def change(self, aggregate: Any) -> None:
            aggregate.stamps.note(self.parts, self.upstream_time, prefix="address.")

    class IdentityVerified(RememberingAggregate.Event):
        PERSONAL = NOTHING

        verified_at: datetime

        def change(self, aggregate: Any) -> None:
            aggregate.stamps.note(["verified_at"], self.upstream_time)

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
        ekyc_status: str | None = None,
        residential_address: dict[str, str] | None = None,
        staff: bool | None = None,
        investor: bool | None = None,
        vulnerable: bool | None = None,
    ) -> None:
        """Take over what is present and not older than what is known."""

        def fresh(**report: Any) -> dict[str, Any]:
            return self.stamps.fresh(report, source.upstream_time)

        if names := fresh(first_name=first_name, last_name=last_name, preferred_name=preferred_name):
            first = names.get("first_name") or self.first_name
            last = names.get("last_name") or self.last_name
            full_name = " ".join(name for name in (first, last) if name)
            self.record(self.NameChanged, source, full_name=full_name, **names)
        if contact := fresh(email_address=email_address, mobile_phone_number=mobile_phone_number):
            self.record(self.ContactDetailsChanged, source, **contact)
        if birth := fresh(date_of_birth=date_of_birth):
            self.record(self.DateOfBirthRecorded, source, **birth)
        if ekyc := fresh(ekyc_status=ekyc_status):
            self.record(self.EkycAssessed, source, **ekyc)
        if flags := fresh(staff=staff, investor=investor, vulnerable=vulnerable):
            self.record(self.FlagsChanged, source, **flags)
        if parts := self.stamps.fresh(residential_address or {}, source.upstream_time, prefix="address."):
            self.record(self.ResidentialAddressChanged, source, parts=parts)

    @absorbs
    def verify_identity(self, source: Source, *, verified_at: datetime | None = None) -> None:
        """The identity was verified: at ``verified_at``, or when the message was sent."""
        if self.stamps.accepts("verified_at", source.upstream_time):
            self.record(self.IdentityVerified, source, verified_at=verified_at or source.at)


_COMMON_FIELDS = frozenset(RememberingAggregate.Event.__dataclass_fields__) | {"full_name", IS_ERASED}
