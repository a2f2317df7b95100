"""Times in queries: a time with its offset, or, as a list's bound, a plain day in UTC."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, WithJsonSchema

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it is beyond the years 1 to 9999") from error


def _iso_8601(text: Any) -> Any:
    """Refuses numbers, which pydantic would take for seconds since 1970."""
    if isinstance(text, str) and not _TIME.match(text):
        raise ValueError("it must be a full time with its offset, as in 2026-03-06T09:00:00Z")
    return text


def _day_start(text: Any) -> Any:
    if isinstance(text, str) and _DAY.fullmatch(text):
        return datetime.combine(date.fromisoformat(text), time(tzinfo=UTC))
    return text


def _day_end(text: Any) -> Any:
    start = _day_start(text)
    try:
        return start if start is text else start + timedelta(days=1)
    except OverflowError as error:
        raise ValueError("it is the last possible day") from error


_SCHEMA = WithJsonSchema(
    {
        "anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}],
        "examples": ["2026-03-06", "2026-03-06T09:00:00Z"],
    }
)

Timestamp = Annotated[AwareDatetime, BeforeValidator(_iso_8601), AfterValidator(_in_utc)]
"""A time with its offset, in UTC: one that MongoDB can be queried for."""
From = Annotated[Timestamp, BeforeValidator(_day_start), _SCHEMA]
"""An inclusive lower bound; a day means its start."""
Until = Annotated[Timestamp, BeforeValidator(_day_end), _SCHEMA]
"""An exclusive upper bound; a day means its end."""
