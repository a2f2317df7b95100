"""How things look on the screen: money in A$, Australian dates, times in the viewer's zone with its name."""

import re
from datetime import date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

NOTHING = "–"
"""What stands where nothing is known."""

_MINUS = "−"
_BETWEEN = re.compile(r"[_-]|(?<=[a-z])(?=[A-Z])")
_ABBREVIATIONS = {
    "ekyc": "eKYC",
    "id": "ID",
    "json": "JSON",
    "kyc": "KYC",
    "sms": "SMS",
    "url": "URL",
    "utf8": "UTF-8",
}


def money(amount: Any) -> str:
    """``A$1,234.50``; below zero with a minus that lines up with digits."""
    if (value := decimal(amount)) is None:
        return NOTHING
    sign = _MINUS if value < 0 else ""
    return f"{sign}A${abs(value):,.2f}"


def signed(amount: Any) -> str:
    """Money with its sign, also above zero: of what something changed by."""
    value = decimal(amount)
    return f"+{money(value)}" if value is not None and value > 0 else money(value)


def decimal(amount: Any) -> Decimal | None:
    """The number that is told as text; None where there is none."""
    try:
        return None if amount in (None, "") else Decimal(str(amount))
    except InvalidOperation:
        return None


def day(told: Any) -> str:
    """``25 Nov 2026``, of ``2026-11-25``; what is no such date as it is told."""
    if not told:
        return NOTHING
    try:
        found = told if isinstance(told, date) else date.fromisoformat(str(told)[:10])
    except ValueError:
        return str(told)
    return f"{found.day} {found:%b %Y}"


def moment(told: Any, zone: tzinfo) -> str:
    """``25 Nov 2026, 3:04 pm AEDT``."""
    if (at := instant(told)) is None:
        return NOTHING
    there = seen_from(at, zone)
    return f"{day(there.date())}, {_clock(there)} {zone_name(there)}"


def clock(told: Any, zone: tzinfo) -> str:
    """``3:04 pm AEDT``."""
    if (at := instant(told)) is None:
        return NOTHING
    there = seen_from(at, zone)
    return f"{_clock(there)} {zone_name(there)}"


def instant(told: Any) -> datetime | None:
    """The time that is told as ISO 8601; None where there is none."""
    try:
        return told if isinstance(told, datetime) else datetime.fromisoformat(str(told)) if told else None
    except ValueError:
        return None


def seen_from(at: datetime, zone: tzinfo) -> datetime:
    """A time in a zone; as it is told where it is beyond the years that there are."""
    try:
        return at.astimezone(zone)
    except (OverflowError, ValueError):
        return at


def zone_name(at: datetime) -> str:
    """``AEDT``; where a zone has no letters of its own, how far it is from UTC."""
    name = at.tzname() or "UTC"
    return name if name[:1].isalpha() else f"UTC{name}"


def zone_of(name: str | None, usual: str) -> ZoneInfo:
    """The viewer's time zone, by the name that their browser tells; else the usual one."""
    try:
        return ZoneInfo(name or usual)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError.
        return ZoneInfo(usual)


def day_there(told: Any, zone: tzinfo) -> str:
    """The day of a time, as it is in the zone; of a day, the day."""
    at = instant(told) if "T" in str(told) else None
    return day(told if at is None else seen_from(at, zone).date())


def words(told: Any) -> str:
    """``Pending disbursement``, of ``pending_disbursement`` or ``pendingDisbursement``."""
    if not told:
        return NOTHING
    parts = _BETWEEN.sub(" ", str(told)).lower().split()
    parts = [_ABBREVIATIONS.get(each, each) for each in parts]
    first, *rest = parts or [NOTHING]
    return " ".join([first if first in _ABBREVIATIONS.values() else first.capitalize(), *rest])


def within(told: Any) -> str:
    """``pending disbursement``: the same within a sentence."""
    first, *rest = words(told).split(" ")
    return " ".join([first if first in _ABBREVIATIONS.values() else first.lower(), *rest])


def age(born: Any, today: date) -> int | None:
    """Years since a day of birth; None where it is not told."""
    try:
        on = date.fromisoformat(str(born))
    except ValueError:
        return None
    return today.year - on.year - ((today.month, today.day) < (on.month, on.day))


def _clock(at: datetime) -> str:
    return f"{at.hour % 12 or 12}:{at:%M} {'am' if at.hour < 12 else 'pm'}"


def quoted(identifier: str) -> str:
    """An identifier as a part of an address."""
    return quote(identifier, safe="")


def today(zone: tzinfo) -> date:
    """The day that it is there."""
    return datetime.now(zone).date()
