"""The business days and months that events, reports and payments count in."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from app.aggregates import WriteOffRequest
from app.aggregates.loan_account.events import LoanAccountEvents
from app.aggregates.loan_account.reports import Report, time_of
from app.aggregates.loan_account.standing import Payment
from app.projections.engine.projection import Event

_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
"""No loan is older: this bounds the number of days. A clock that is ahead is corrected at ingestion."""


def happened_at(event: Event) -> datetime:
    """When an event happened, in UTC; for a decision, when it was made."""
    return event.decided_at if isinstance(event, WriteOffRequest.DecisionEvent) else event.at


class BusinessCalendar:
    """Days (``YYYY-MM-DD``) and months (``YYYY-MM``) in the time zone of the business."""

    def __init__(self, time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)

    def day(self, at: datetime) -> str:
        """The day of a time; what is older than any loan counts on the first day."""
        return max(at, _FIRST).astimezone(self._zone).date().isoformat()

    def month(self, at: datetime) -> str:
        """The month of a time."""
        return self.day(at)[:7]


def reports_of(event: LoanAccountEvents.ReportEvent, position: int) -> list[Report]:
    """What an event reports, without terms."""
    found = event.reports()
    for report in found:
        report["position"] = position
        report.pop("terms", None)
    return found


def payment_day(payment: Payment, calendar: BusinessCalendar) -> str:
    """The business day of a payment: as reported, or that of its report if it is absent or impossible."""
    reported_on = calendar.day(time_of(payment.at))
    if payment.day is not None and f"{_FIRST:%Y-%m-%d}" <= payment.day <= reported_on:
        return payment.day
    return reported_on
