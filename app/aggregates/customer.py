"""The customer: who somebody is, how to reach them, and what was checked about them."""

from datetime import datetime
from typing import Literal

from app.aggregates.base import NOTHING, Aggregate, Report, Source, absorbs
from app.aggregates.report_order import FieldStamps

EkycStatus = Literal["successful", "failed", "pending"]


class Customer(Aggregate):
    """A person, as the Customers service and the chat tell of them. Reports are partial."""

    class NameChanged(Report):
        """``full_name`` is the name after this change; ``whole_name`` one that was not reported in parts."""

        PERSONAL = frozenset(("full_name", "first_name", "last_name", "preferred_name", "whole_name"))
        STAMPED = ("first_name", "last_name", "preferred_name", "whole_name")

        full_name: str = ""
        first_name: str | None = None
        last_name: str | None = None
        preferred_name: str | None = None
        whole_name: str | None = None

        def apply(self, aggregate: "Customer") -> None:
            aggregate.first_name = self.first_name or aggregate.first_name
            aggregate.last_name = self.last_name or aggregate.last_name
            aggregate.whole_name = self.whole_name or aggregate.whole_name

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
        """``parts`` is the address after this change, by the contract's names; ``reported`` what is new.

        ``is_whole``: the report replaced the address before.
        """

        PERSONAL = frozenset(("parts",))

        parts: dict[str, str]
        reported: list[str]
        is_whole: bool

        def apply(self, aggregate: "Customer") -> None:
            aggregate.address = self.parts or {}  # Erased parts are empty.

        def stamp(self, stamps: FieldStamps) -> None:
            stamps.note([_WHOLE] if self.is_whole else [], self.at)
            stamps.note(self.reported, self.at, prefix=_ADDRESS)

    class IdentityVerified(Report):
        """Reports ``ekyc_status`` too: successful, unless a newer report of it is known."""

        PERSONAL = NOTHING

        verified_at: datetime | None = None
        ekyc_status: EkycStatus | None = "successful"

    def __init__(self, business_id: str) -> None:
        super().__init__(business_id)
        self.first_name = ""
        self.last_name = ""
        self.whole_name = ""
        self.address: dict[str, str] = {}

    @absorbs
    def report_details(
        self,
        source: Source,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        preferred_name: str | None = None,
        full_name: str | None = None,
        email_address: str | None = None,
        mobile_phone_number: str | None = None,
        date_of_birth: str | None = None,
        ekyc_status: EkycStatus | None = None,
        residential_address: dict[str, str] | None = None,
        staff: bool | None = None,
        investor: bool | None = None,
        vulnerable: bool | None = None,
    ) -> None:
        """Some of the customer's details: those that are present, and not older than what is known.

        ``full_name`` counts as long as neither first nor last name is known.
        """
        has_parts = first_name or last_name or self.first_name or self.last_name
        names = self.NameChanged(
            first_name=first_name,
            last_name=last_name,
            preferred_name=preferred_name,
            whole_name=None if has_parts else full_name,
        )
        if self.drop_stale(source, names):
            parts = (names.first_name or self.first_name, names.last_name or self.last_name)
            whole = " ".join(part for part in parts if part) or names.whole_name or self.whole_name
            vars(names)["full_name"] = whole
            self.record(source, names)
        if email_address or mobile_phone_number:
            contact = self.ContactDetailsChanged(
                email_address=email_address, mobile_phone_number=mobile_phone_number
            )
            self.report(source, contact)
        if date_of_birth:
            self.report(source, self.DateOfBirthRecorded(date_of_birth=date_of_birth))
        if ekyc_status:
            self.report(source, self.EkycAssessed(ekyc_status=ekyc_status))
        if not (staff is investor is vulnerable is None):
            self.report(source, self.FlagsChanged(staff=staff, investor=investor, vulnerable=vulnerable))
        if residential_address:
            self._change_address(source, residential_address)

    @absorbs
    def verify_identity(self, source: Source, *, verified_at: datetime | None = None) -> None:
        """The identity was verified: at ``verified_at``, or when the message was sent."""
        self.report(source, self.IdentityVerified(verified_at=verified_at or source.at))

    def _change_address(self, source: Source, reported: dict[str, str]) -> None:
        """Whole, it replaces what is older; otherwise it changes its parts (contract: "Address")."""
        at, stamps = source.at, self.stamps
        is_whole = not _STREET.isdisjoint(reported) and not _PLACE.isdisjoint(reported)
        fresh = stamps.fresh(reported, at, prefix=_ADDRESS) if stamps.accepts(_WHOLE, at) else {}
        if not (fresh or (is_whole and stamps.accepts(_WHOLE, at))):
            return
        times = {part: stamps.time_of(_ADDRESS + part) or at for part in self.address}
        kept = {part: text for part, text in self.address.items() if not is_whole or times[part] > at}
        parts, times = kept | fresh, times | dict.fromkeys(fresh, at)
        if any(times[part] > times.get(_FULL, at) for part in parts):
            parts.pop(_FULL, None)
        self.record(
            source, self.ResidentialAddressChanged(parts=parts, reported=list(fresh), is_whole=is_whole)
        )


_ADDRESS = "address."
_WHOLE = "address"
"""Stamped with the time of the newest whole address."""
_FULL = "full_address"
_STREET, _PLACE = frozenset(("street_name", "street")), frozenset(("suburb", "postcode"))
"""A whole address has one of each."""
