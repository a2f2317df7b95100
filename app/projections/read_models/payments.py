"""The reports and payments of a loan account, as the histories count them."""

from app.aggregates.loan_account.balances import Payment
from app.aggregates.loan_account.events import LoanAccountEvents
from app.aggregates.loan_account.reports import Report, microseconds, time_of
from app.projections.read_models.calendar import BusinessCalendar, happened_at

_FIRST = "2000-01-01"
"""No loan is older, and no payment is of a day after its report."""


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
    if payment.day is not None and _FIRST <= payment.day <= reported_on:
        return payment.day
    return reported_on
