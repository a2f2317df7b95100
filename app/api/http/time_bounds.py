"""The bounds of a list by time: a time with its offset, or a plain day, which is whole and in UTC."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from app.api.http.pages import Moment

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _first_of(text: Any) -> Any:
    """A plain day's first moment; what is none is left as it is."""
    if isinstance(text, str) and _DAY.fullmatch(text):
        return datetime.combine(date.fromisoformat(text), time(tzinfo=UTC))
    return text


def _after(text: Any) -> Any:
    """The first moment after a plain day; what is none is left as it is."""
    first = _first_of(text)
    try:
        return first if first is text else first + timedelta(days=1)
    except OverflowError as error:
        msg = "it is the last day that there is"
        raise ValueError(msg) from error


_SCHEMA = WithJsonSchema(
    {
        "anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}],
        "examples": ["2026-03-06", "2026-03-06T09:00:00Z"],
    }
)

From = Annotated[Moment, BeforeValidator(_first_of), _SCHEMA]
"""Then, or later; of a day, from its beginning."""
Until = Annotated[Moment, BeforeValidator(_after), _SCHEMA]
"""Before then; of a day, until its end."""
