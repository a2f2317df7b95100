"""Which day and month of the business an event counts in, whatever times upstream tells."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""No loan is older, and clocks beyond are broken. So there is a bounded number of days."""


def happened_at(event: Any) -> datetime:
    """When an event happened, in UTC: of a decision, when it was made.

    A time after its message's receipt, or before the year 2000, is nonsense: the receipt counts.
    """
    received_at: datetime = min(max(event.received_at, _FIRST), _LAST)
    at: datetime = getattr(event, "decided_at", event.at)
    return at if _FIRST <= at <= received_at else received_at


class BusinessCalendar:
    """Days (``YYYY-MM-DD``) and months (``YYYY-MM``) in the time zone of the business."""

    def __init__(self, time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)

    def day(self, moment: datetime) -> str:
        """The day of a moment."""
        return moment.astimezone(self._zone).date().isoformat()

    def month(self, moment: datetime) -> str:
        """The month of a moment."""
        return self.day(moment)[:7]

    def day_told(self, day: str | None, event: Any) -> str:
        """The day that an event tells; that of the event where it tells none, or nonsense as above."""
        if day is not None and self.day(_FIRST) <= day <= self.day(min(event.received_at, _LAST)):
            return day
        return self.day(happened_at(event))
