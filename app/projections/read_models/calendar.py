"""The business days and months that events, reports and payments count in."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from app.aggregates import WriteOffRequest
from app.aggregates.loan_account.events import LoanAccountEvents
from app.aggregates.loan_account.reports import Report, microseconds, time_of
from app.aggregates.loan_account.standing import Payment
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


def reports_of(event: LoanAccountEvents.ReportEvent, position: int) -> list[Report]:
    """What an event reports, without terms. A nonsensical time counts as that of the receipt."""
    at, found = microseconds(event.at), event.reports()
    for report in found:
        report["position"] = position
        if report["at"] == at:
            report["at"] = microseconds(happened_at(event))
        report.pop("terms", None)
    return found


def payment_day(payment: Payment, calendar: BusinessCalendar) -> str:
    """The business day of a payment: as reported, or that of its report if it is absent or impossible."""
    reported_on = calendar.day(time_of(payment.at))
    if payment.day is not None and f"{_FIRST:%Y-%m-%d}" <= payment.day <= reported_on:
        return payment.day
    return reported_on
