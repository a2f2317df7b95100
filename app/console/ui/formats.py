"""How values look on the screen: money in A$, Australian dates, times in the viewer's zone, labels."""

import re
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import pass_context
from jinja2.filters import do_urlencode
from jinja2.runtime import Context
from markupsafe import Markup, escape

from app.console.session.rest import quoted

NOTHING = "–"
"""The sign for a missing value."""

_MINUS = "−"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(rf"{_DAY.pattern}T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_WORD_BREAK = re.compile(r"[_-]|(?<=[a-z])(?=[A-Z])")
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
    """``A$1,234.50``; below zero with a minus sign that lines up with digits."""
    if (value := decimal(amount)) is None:
        return NOTHING
    return f"{_MINUS if value < 0 else ''}A${abs(value):,.2f}"


def signed(amount: Any) -> str:
    """A change of money, with its sign."""
    value = decimal(amount)
    return f"+{money(value)}" if value is not None and value > 0 else money(value)


def decimal(amount: Any) -> Decimal | None:
    """The number in a text, if it is one."""
    try:
        return None if amount in (None, "") else Decimal(str(amount))
    except InvalidOperation:
        return None


def day(value: Any, zone: tzinfo = UTC) -> str:
    """``25 Nov 2026``, of a day, or of a time in a zone; any other text unchanged."""
    if not value:
        return NOTHING
    at = instant(value) if isinstance(value, str) and "T" in value else None
    try:
        found = date.fromisoformat(str(value)[:10]) if at is None else in_zone(at, zone).date()
    except ValueError:
        return str(value)
    return f"{found.day} {found:%b %Y}"


def moment(value: Any, zone: tzinfo) -> str:
    """``25 Nov 2026, 3:04 pm AEDT``."""
    if (at := instant(value)) is None:
        return NOTHING
    return f"{day(in_zone(at, zone).date())}, {clock(at, zone)}"


def clock(value: Any, zone: tzinfo) -> str:
    """``3:04 pm AEDT``."""
    if (at := instant(value)) is None:
        return NOTHING
    there = in_zone(at, zone)
    return f"{there.hour % 12 or 12}:{there:%M} {'am' if there.hour < 12 else 'pm'} {zone_name(there)}"


def instant(value: Any) -> datetime | None:
    """The time in an ISO 8601 text, if it is one."""
    try:
        return value if isinstance(value, datetime) else datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


def in_zone(at: datetime, zone: tzinfo) -> datetime:
    """A time in a zone; unchanged if the zone would move it beyond the years 1 to 9999."""
    try:
        return at.astimezone(zone)
    except (OverflowError, ValueError):
        return at


def zone_name(at: datetime) -> str:
    """``AEDT``; for a zone without letters, its offset from UTC."""
    name = at.tzname() or "UTC"
    return name if name[:1].isalpha() else f"UTC{name}"


def zone_of(name: str | None, default: str) -> ZoneInfo:
    """The viewer's time zone by the browser's name for it, else the default."""
    try:
        return ZoneInfo(name or default)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError.
        return ZoneInfo(default)


def label(name: Any) -> str:
    """``Pending disbursement``, of ``pending_disbursement`` or ``pendingDisbursement``."""
    text = inline_label(name)
    return text if text.split(" ")[0] in _ABBREVIATIONS.values() else text[:1].upper() + text[1:]


def inline_label(name: Any) -> str:
    """``pending disbursement``: a label inside a sentence."""
    parts = _WORD_BREAK.sub(" ", str(name or "")).lower().split()
    return " ".join(_ABBREVIATIONS.get(each, each) for each in parts) or NOTHING


def age(born: Any, today: date) -> int | None:
    """Years since the date of birth, if it is known."""
    try:
        on = date.fromisoformat(str(born))
    except ValueError:
        return None
    return today.year - on.year - ((today.month, today.day) < (on.month, on.day))


def _urlencode(value: Any) -> str:
    """Jinja's own filter leaves slashes as they are."""
    return quoted(value) if isinstance(value, str) else do_urlencode(value)


def commands(sentence: Any) -> Markup:
    """A sentence with the commands between its backticks as ``<code>``; the rest is escaped."""
    return Markup(re.sub("`([^`]*)`", r"<code>\1</code>", str(escape(sentence))))


@pass_context
def _day(context: Context, value: Any) -> str:
    text = day(value, _zone(context))
    return text if text == NOTHING else Markup('<time datetime="{}">{}</time>').format(value, text)


@pass_context
def _moment(context: Context, value: Any) -> str:
    return _time(value, moment(value, _zone(context)))


@pass_context
def _clock(context: Context, value: Any) -> str:
    return _time(value, clock(value, _zone(context)))


@pass_context
def _plain(context: Context, value: Any) -> Any:
    """A value of unknown type: text in the format of a day or a time is shown as one."""
    if not isinstance(value, str) or instant(value) is None:
        return value
    if _DAY.fullmatch(value):
        return _day(context, value)
    return _moment(context, value) if _MOMENT.fullmatch(value) else value


def _time(value: Any, text: str) -> str:
    if (at := instant(value)) is None:
        return text
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), text)


def _zone(context: Context) -> tzinfo:
    zone = context.get("zone")
    return zone if isinstance(zone, tzinfo) else UTC


FILTERS = {
    "money": money,
    "signed": signed,
    "day": _day,
    "moment": _moment,
    "clock": _clock,
    "label": label,
    "inline_label": inline_label,
    "number": "{:,}".format,
    "commands": commands,
    "plain": _plain,
    "urlencode": _urlencode,
}
"""The templates' filters; days and times become ``<time>`` in the viewer's zone."""
