"""The rules of customers: from their reports to the document."""

from typing import Any

from tests.oracle.reports import OLDEST, Report, known, newest, newest_of, shown, stamps
from tests.oracle.shapes import ADDRESS

OTHER_NAMES = {
    "email": "email_address",
    "phone": "mobile_phone_number",
    "mobile": "mobile_phone_number",
    "mobile_phone": "mobile_phone_number",
    "name": "full_name",
}
SIMPLE = "first_name last_name preferred_name email_address mobile_phone_number date_of_birth"


def of_the_chat(facts: dict[str, Any]) -> dict[str, Any]:
    """What the chat says of a customer, under the names of `customer.changed`."""
    named = {OTHER_NAMES[key]: value for key, value in facts.items() if key in OTHER_NAMES} | facts
    if "first_name" in named or "last_name" in named:
        named.pop("full_name", None)
    return named


def customer(name: str, reports: list[Report]) -> dict[str, Any]:
    """The document of a customer."""
    status, is_verified = identity(reports)
    verified = [report.at for report in reports if report.kind == "customer.verified.v1"]
    return known(
        {
            "_id": name,
            "customerId": name,
            "fullName": full_name(reports),
            "ekycStatus": status,
            "identityVerified": is_verified,
            "verifiedAt": max(verified, default=None),
            "flags": newest_of(reports, "staff investor vulnerable"),
            "residentialAddress": address(reports),
        }
        | newest_of(reports, SIMPLE)
        | stamps(reports)
    )


def full_name(reports: list[Report]) -> str | None:
    """Names in parts outrank a `full_name`, also a newer one."""
    parts = [newest(reports, key) for key in ("first_name", "last_name")]
    return " ".join(part for part in parts if part) or newest(reports, "full_name")


def identity(reports: list[Report]) -> tuple[str | None, bool | None]:
    """`customer.verified` is a report of `ekyc_status` successful too, of its own time.

    Verified is true once that came, unless the newest report of `ekyc_status` is failed or pending.
    """
    status = is_verified = None
    for report in reports:
        if report.kind == "customer.verified.v1":
            status, is_verified = "successful", True
        elif "ekyc_status" in report.facts:
            status = report.facts["ekyc_status"]
            is_verified = None if is_verified is None else status == "successful"
    return status, is_verified


def address(reports: list[Report]) -> dict[str, str]:
    """A report with a street and a suburb or postcode is a whole address; others change their parts only."""
    held: dict[str, str] = {}
    at = OLDEST
    for report in reports:
        parts = dict(report.facts.get("residential_address", {}))
        if "city" in parts:
            parts.setdefault("suburb", parts.pop("city"))  # Stands for a suburb that is absent.
        if {"street_name", "street"} & parts.keys() and {"suburb", "postcode"} & parts.keys():
            held = {}
        elif parts and report.at > at:
            held.pop("full_address", None)  # One that is older than a part is dropped.
        at = report.at if "full_address" in parts else at
        held |= parts
    line = {"street": street(held), "city": held.get("suburb")}
    return shown(held | known(line), f"{ADDRESS} full_address")


def street(held: dict[str, str]) -> str | None:
    """Composed: `Unit 4, 12 High St`; a ready-made one is taken where its parts are absent."""
    line = " ".join(held[key] for key in ("street_number", "street_name", "street_type") if key in held)
    unit = f"Unit {held['unit_number']}" if "unit_number" in held else ""
    return ", ".join(part for part in (unit, line) if part) or held.get("street")
