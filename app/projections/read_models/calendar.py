"""The business day and month that an event counts in."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from app.aggregates import WriteOffRequest
from app.projections.engine.projection import Event

_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""No loan is older, and a later clock is broken: this bounds the number of days."""


def happened_at(event: Event) -> datetime:
    """When an event happened, in UTC; for a decision, when it was made.

    Before the year 2000, or after its message was received, is nonsense: the time of receipt counts instead.
    """
    received_at = min(max(event.received_at, _FIRST), _LAST)
    at = event.decided_at if isinstance(event, WriteOffRequest.DecisionEvent) else event.at
    return at if _FIRST <= at <= received_at else received_at


class BusinessCalendar:
    """Days (``YYYY-MM-DD``) and months (``YYYY-MM``) in the time zone of the business."""

    def __init__(self, time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)

    def day(self, at: datetime) -> str:
        """The day of a time."""
        return at.astimezone(self._zone).date().isoformat()

    def month(self, at: datetime) -> str:
        """The month of a time."""
        return self.day(at)[:7]
