"""The rules of customers: from their reports to the document."""

from typing import Any

from tests.oracle.messages import ADDRESS
from tests.oracle.reports import OLDEST, Report, document, merged, shown

MOBILE = "mobile_phone_number"
PHONES = ("phone", "mobile", "mobile_phone")
CHAT = {"email": "email_address", "name": "full_name"} | dict.fromkeys(PHONES, MOBILE)
SIMPLE = f"first_name last_name preferred_name email_address {MOBILE} date_of_birth ekyc_status"


def of_the_chat(facts: dict[str, Any]) -> dict[str, Any]:
    """What the chat says of a customer, under the names of `customer.changed`."""
    named = {CHAT[key]: value for key, value in facts.items() if key in CHAT} | facts
    if "first_name" in named or "last_name" in named:
        named.pop("full_name", None)
    return named


def customer(name: str, reports: list[Report]) -> dict[str, Any]:
    """The document of a customer."""
    facts = merged(reports)
    found: dict[str, Any] = shown(facts, SIMPLE) | {"flags": shown(facts, "staff investor vulnerable")}
    parts = [facts[key] for key in ("first_name", "last_name") if key in facts]
    found["fullName"] = " ".join(parts) or facts.get("full_name")  # Parts outrank it, also where it is newer.
    found["residentialAddress"] = address(reports)
    for report in reports:
        # A report of `ekyc_status` successful too. Verified, unless a newer report is failed or pending.
        if report.kind == "customer.verified.v1":
            found |= {"ekycStatus": "successful", "identityVerified": True, "verifiedAt": report.at}
        elif status := report.facts.get("ekyc_status"):
            found["ekycStatus"] = status
            if "verifiedAt" in found:
                found["identityVerified"] = status == "successful"
    return document("customerId", name, reports, found)


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
    # Composed: `Unit 4, 12 High St`; a ready-made street is taken where its parts are absent.
    line = " ".join(held[key] for key in ("street_number", "street_name", "street_type") if key in held)
    unit = f"Unit {held['unit_number']}" if "unit_number" in held else ""
    street = ", ".join(part for part in (unit, line) if part) or held.get("street")
    return shown(held | {"street": street, "city": held.get("suburb")}, f"{ADDRESS} full_address")
