"""``portfolio-daily``: what changes which day, in Sydney's time, at any time of arrival."""

from decimal import Decimal
from typing import Any

import pytest
from bson.decimal128 import Decimal128

from app.aggregates import LoanAccount
from app.projections.engine.documents import FAULTED
from app.projections.engine.faults import ProjectionFault
from app.projections.read_models.base import Options
from app.projections.read_models.portfolio_daily import PortfolioDaily
from tests.support.data.projecting import Given, On, given

DAY = 24 * 60
"""In minutes: noon of 1 March 2026 in UTC is 23:00 in Sydney."""
PORTFOLIO = PortfolioDaily()
LOAN, OTHER = On(LoanAccount, "L1"), On(LoanAccount, "L2")
FIRST, SECOND, THIRD, FOURTH = (f"2026-03-0{number}" for number in (1, 2, 3, 4))
STATUSES = ("active", "pending_disbursement", "in_arrears", "paid_off", "written_off")
BUCKETS = ("current", "early_arrears", "late_arrears", "default", "closed")


def aud(amount: str) -> Decimal128:
    return Decimal128(amount)


def statuses(**counts: int) -> dict[str, int]:
    return dict.fromkeys(STATUSES, 0) | counts


def buckets(**counts: int) -> dict[str, int]:
    return dict.fromkeys(BUCKETS, 0) | counts


def opened(loan: On, balance: str = "100.00", at: int = 0, **more: Any) -> Any:
    return loan.open(at=at, customer_id="C1", status="ACTIVE", current_balance=Decimal(balance), **more)


def paid(loan: On, on: str | None, at: int = 0, balance: str = "80.00", **more: Any) -> Any:
    reported = {"triggered_by_transaction_type": "REPAYMENT", "last_payment_date": on}
    return loan.update(at=at, current_balance=Decimal(balance), **reported, **more)


def test_a_day_counts_accounts_and_balances() -> None:
    given(PORTFOLIO, opened(LOAN), opened(OTHER, "50.50")).when(
        LOAN.update_aging(at=1, bucket="current", days_past_due=0)
    ).then(
        FIRST,
        accountsByStatus=statuses(active=2),
        accountsByBucket=buckets(current=1),
        accountsInArrears=0,
        outstandingTotal=aud("150.50"),
        paidTotal=aud("0.00"),
        payments=0,
    )


def test_a_new_day_carries_on_and_has_its_own_payments() -> None:
    given(PORTFOLIO, opened(LOAN), paid(LOAN, FIRST, at=2)).when(
        LOAN.update(at=DAY, current_balance=Decimal("60.00"), triggered_by_transaction_type="FEE_WAIVER")
    ).shows(FIRST, outstandingTotal=aud("80.00"), paidTotal=aud("20.00"), payments=1).then(
        SECOND,
        accountsByStatus=statuses(active=1),
        accountsByBucket=buckets(),
        accountsInArrears=0,
        outstandingTotal=aud("60.00"),
        paidTotal=aud("0.00"),
        payments=0,
    )


def test_a_late_report_corrects_its_day_and_each_later_one() -> None:
    days = given(PORTFOLIO, opened(LOAN), opened(OTHER, "50.00", at=2 * DAY))
    days.when(LOAN.update(at=DAY, received=3 * DAY, status="SUSPENDED"))
    days.shows(FIRST, accountsByStatus=statuses(active=1), outstandingTotal=aud("100.00"))
    days.shows(SECOND, accountsByStatus=statuses(in_arrears=1), outstandingTotal=aud("100.00"))
    days.shows(THIRD, accountsByStatus=statuses(in_arrears=1, active=1), outstandingTotal=aud("150.00"))
    assert days.ids() == [FIRST, SECOND, THIRD]


def test_late_news_of_an_account_does_not_replace_newer_news() -> None:
    """An account that was ever active cannot have been pending since: the news counts from its own day on."""
    days = given(PORTFOLIO, LOAN.update(at=2 * DAY, status="PENDING_DISBURSEMENT"), opened(OTHER, at=2 * DAY))
    days.when(LOAN.update(at=0, received=3 * DAY, status="ACTIVE"))
    days.shows(FIRST, accountsByStatus=statuses(active=1))
    days.shows(THIRD, accountsByStatus=statuses(active=2))


def test_an_unknown_figure_changes_no_count() -> None:
    days = given(PORTFOLIO, opened(LOAN, at=2 * DAY), OTHER.update_aging(at=2 * DAY, bucket="current"))
    days.when(LOAN.update_aging(at=0, received=3 * DAY, bucket="default"))
    days.shows(FIRST, accountsByBucket=buckets(default=1), accountsByStatus=statuses(active=1))
    days.shows(THIRD, accountsByBucket=buckets(default=1, current=1), accountsByStatus=statuses(active=1))


@pytest.mark.parametrize(("reason", "status"), [("PAID_OFF", "paid_off"), ("WRITTEN_OFF", "written_off")])
def test_a_closed_account_owes_nothing_and_is_in_no_bucket(reason: str, status: str) -> None:
    late = LOAN.update_aging(at=1, bucket="late_arrears")
    given(PORTFOLIO, opened(LOAN), late).when(
        LOAN.close(at=2, reason=reason, final_balance=Decimal("30.00"))
    ).then(
        FIRST,
        accountsByStatus=statuses(**{status: 1}),
        accountsByBucket=buckets(),
        accountsInArrears=0,
        outstandingTotal=aud("0.00"),
        paidTotal=aud("0.00"),
        payments=0,
    )


def test_the_reason_of_a_closure_may_come_later() -> None:
    closed = LOAN.update(at=1, status="CLOSED")
    given(PORTFOLIO, opened(LOAN), closed).when(LOAN.close(at=DAY, reason="WRITTEN_OFF")).shows(
        FIRST, accountsByStatus=statuses(paid_off=1)
    ).shows(SECOND, accountsByStatus=statuses(written_off=1))


def test_a_payment_counts_on_its_reported_day() -> None:
    days = given(PORTFOLIO, opened(LOAN), opened(OTHER, at=2 * DAY))
    days.when(paid(LOAN, SECOND, at=2 * DAY), paid(OTHER, SECOND, at=3 * DAY, balance="60.00"))
    days.shows(SECOND, payments=2, paidTotal=aud("60.00"), outstandingTotal=aud("100.00"))
    days.shows(THIRD, payments=0, paidTotal=aud("0.00"), outstandingTotal=aud("180.00"))


@pytest.mark.parametrize("day", ["2026-03-09", "1999-12-31", "0001-01-01", "9999-12-31", None])
def test_a_payment_with_an_impossible_day_counts_on_its_reports_day(day: str | None) -> None:
    given(PORTFOLIO, opened(LOAN)).when(paid(LOAN, day, at=DAY)).shows(SECOND, payments=1)


@pytest.mark.parametrize("named", [{}, {"triggered_by_transaction_id": "T1"}])
def test_a_payment_reported_twice_counts_once(named: dict[str, str]) -> None:
    """An account's snapshots each tell the last payment, and the balance does not fall with them."""
    given(PORTFOLIO, opened(LOAN), paid(LOAN, FIRST, at=1, **named)).when(
        paid(LOAN, FIRST, at=DAY, **named)
    ).shows(FIRST, payments=1)


def test_three_payments_of_one_amount_on_one_day_are_three() -> None:
    falls = [paid(LOAN, FIRST, at=minute, balance=f"{100 - 20 * minute}.00") for minute in (1, 2, 3)]
    given(PORTFOLIO, opened(LOAN)).when(*falls).shows(FIRST, payments=3, paidTotal=aud("60.00"))


def test_a_payment_inferred_in_the_morning_and_reported_later_counts_once_on_its_day_in_sydney() -> None:
    """21:30 UTC is 08:30 of the next day there, which is the day that upstream tells."""
    morning = 9 * 60 + 30
    days = given(PORTFOLIO, opened(LOAN)).when(LOAN.update(at=morning, current_balance=Decimal("80.00")))
    days.shows(FIRST, payments=0, outstandingTotal=aud("100.00"))
    days.shows(SECOND, payments=1, paidTotal=aud("20.00"), outstandingTotal=aud("80.00"))
    days.when(paid(LOAN, SECOND, at=DAY)).shows(SECOND, payments=1, paidTotal=aud("20.00"))
    days.shows(FIRST, payments=0)


def test_days_are_those_of_the_time_zone() -> None:
    minutes = 59
    days = given(PORTFOLIO, opened(LOAN, at=minutes), opened(OTHER, at=minutes + 1))
    days.shows(FIRST, accountsByStatus=statuses(active=1)).shows(SECOND, accountsByStatus=statuses(active=2))
    utc = given(
        PortfolioDaily(Options(time_zone="UTC")), opened(LOAN, at=minutes), opened(OTHER, at=minutes + 1)
    )
    assert utc.ids() == [FIRST]


@pytest.mark.parametrize("years", [27, 2000])
def test_a_time_before_any_loan_counts_on_the_first_day(years: int) -> None:
    """Upstream's clocks are not ours: what they say must not create days without limit."""
    days = given(PORTFOLIO, LOAN.update(at=-years * 365 * DAY, received=DAY, status="ACTIVE"))
    assert days.ids() == ["2000-01-01"]


def test_reports_whose_clock_is_a_little_ahead_are_in_the_order_of_their_own_times() -> None:
    """As they do in the account's document: ten minutes are allowed."""
    late = paid(LOAN, FIRST, at=4, received=2, balance="60.00", triggered_by_transaction_id="T2")
    early = paid(LOAN, FIRST, at=3, received=2, balance="80.00", triggered_by_transaction_id="T1")
    again = paid(LOAN, FIRST, at=5, received=3, balance="80.00", triggered_by_transaction_id="T2")
    for order in (late, early, again), (again, early, late):
        given(PORTFOLIO, opened(LOAN)).when(*order).shows(FIRST, payments=1, paidTotal=aud("20.00"))


def test_no_day_carries_on_from_one_that_is_set_aside() -> None:
    days = given(PORTFOLIO, opened(LOAN))
    days.database["portfolio-daily"].update_one({"_id": FIRST}, {"$set": {FAULTED: {"error": "?"}}})
    days.restart()
    with pytest.raises(ProjectionFault, match=r"cannot fold LoanAccount\.Updated"):
        days.when(LOAN.update(at=DAY, current_balance=Decimal("60.00")))


def test_an_event_without_effect_starts_no_day() -> None:
    days: Given = given(PORTFOLIO, opened(LOAN)).when(LOAN.update(at=DAY, status="ACTIVE"))
    assert days.ids() == [FIRST]
