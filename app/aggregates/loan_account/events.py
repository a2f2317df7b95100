"""What can be reported of a loan account. Amounts are AUD; dates are ``YYYY-MM-DD``.

An event holds what a message reported, unchanged. What follows from all reports together is derived where it
is needed (:mod:`standing`, :mod:`reports`), so that no order of arrival makes a difference.
"""

from datetime import datetime
from decimal import Decimal
from typing import Required, TypedDict, cast

from app.aggregates.base import NOTHING, Aggregate
from app.aggregates.loan_account import reports
from app.aggregates.loan_account.reports import Report
from app.aggregates.loan_account.standing import Standing, standing_after

_TERMS = tuple(name for name in reports.Terms.__annotations__ if name != "signed_loan_agreement_url")
_CLOSURE = tuple(reports.Closure.__annotations__)
_SNAPSHOT = (
    *("status", "current_balance", "last_payment_date", "last_payment_amount"),
    *("triggered_by_transaction_type", "triggered_by_transaction_id"),
)


class Planned(TypedDict, total=False):
    """An instalment as planned."""

    payment_number: Required[int]
    due_date: str
    amount: Decimal


class News(TypedDict, total=False):
    """What became of an instalment."""

    payment_number: Required[int]
    status: str
    paid_date: str
    amount_paid: Decimal
    amount_remaining: Decimal
    linked_transaction_ids: list[str]
    last_updated: datetime


class LoanAccountEvents(Aggregate):
    """The domain events of :class:`app.aggregates.loan_account.account.LoanAccount`, and what it knows."""

    OWNED_BY = (("customer_id", "Customer"),)

    def __init__(self, business_id: str) -> None:
        super().__init__(business_id)
        self.customer_id: str | None = None
        self.linked_at: datetime | None = None
        """The time of the creation that names the customer; None if it has none."""
        self.statuses: list[Report] = []
        """The reports of a status: whether the account is open follows from them."""

    @property
    def standing(self) -> Standing:
        """As far as statuses tell."""
        return standing_after(self.statuses)

    @property
    def remembered(self) -> int:
        return super().remembered + 2 * len(self.statuses)

    class LinkedToCustomer(Aggregate.Event):
        """Whose account it is, by the newest report of its creation."""

        PERSONAL = NOTHING

        customer_id: str

        def apply(self, aggregate: "LoanAccountEvents") -> None:
            aggregate.customer_id = self.customer_id
            aggregate.linked_at = self.upstream_time

    class ReportEvent(Aggregate.Event):
        """What a message reported."""

        def reports(self) -> list[Report]:
            """The same, as the rules take it."""
            return [cast("Report", {"at": reports.microseconds(self.at), **self.said()})]

        def said(self) -> dict[str, object]:
            """What it reported, beside its time."""
            return {}

        def apply(self, aggregate: "LoanAccountEvents") -> None:
            for report in self.reports():
                if "status" in report or "closure" in report:
                    reports.insert(aggregate.statuses, report)

    class Updated(ReportEvent):
        """A snapshot."""

        PERSONAL = NOTHING

        account_number: str | None = None
        loan_amount: Decimal | None = None
        loan_fee: Decimal | None = None
        total_payable: Decimal | None = None
        opened_date: str | None = None
        commencement_date: str | None = None
        status: str | None = None
        current_balance: Decimal | None = None
        last_payment_date: str | None = None
        last_payment_amount: Decimal | None = None
        triggered_by_transaction_type: str | None = None
        triggered_by_transaction_id: str | None = None

        def said(self) -> dict[str, object]:
            said = reports.facts(vars(self), *_SNAPSHOT)
            if terms := reports.facts(vars(self), *_TERMS):
                said["terms"] = terms
            return said

    class Opened(Updated):
        """The account's creation."""

        PERSONAL = NOTHING

        def said(self) -> dict[str, object]:
            return {"created": self.upstream_time is not None, **super().said()}

    class AgreementReported(ReportEvent):
        """Where the signed agreement is. ``created``: the account's creation says so.

        Apart, since it is personal: what is not can be stored without a key.
        """

        PERSONAL = frozenset(("signed_loan_agreement_url",))

        signed_loan_agreement_url: str
        created: bool = False

        def said(self) -> dict[str, object]:
            if not self.signed_loan_agreement_url:
                return {}  # It was erased.
            said: dict[str, object] = {"terms": reports.facts(vars(self), "signed_loan_agreement_url")}
            return {"created": self.upstream_time is not None, **said} if self.created else said

    class Closed(ReportEvent):
        """``reason`` is PAID_OFF, WRITTEN_OFF or ADMIN_CLOSED."""

        PERSONAL = NOTHING

        reason: str | None = None
        previous_status: str | None = None
        closed_date: str | None = None
        final_balance: Decimal | None = None
        total_paid: Decimal | None = None
        total_payable: Decimal | None = None
        triggered_by_transaction_id: str | None = None

        def said(self) -> dict[str, object]:
            closure: dict[str, object] = {"closure": reports.facts(vars(self), *_CLOSURE)}
            terms = reports.facts(vars(self), "total_payable")
            return {**closure, "terms": terms} if terms else closure

    class ScheduleCreated(ReportEvent):
        """A plan. ``payments`` is absent if the message had none."""

        PERSONAL = NOTHING

        schedule_id: str
        payments: list[Planned] | None = None
        loan_amount: Decimal | None = None
        total_amount: Decimal | None = None
        fee: Decimal | None = None
        number_of_payments: int | None = None
        payment_frequency: str | None = None
        created_date: str | None = None

        def said(self) -> dict[str, object]:
            return {"plan": reports.facts(vars(self), *reports.Plan.__annotations__)}

    class InstalmentsReported(ReportEvent):
        """What became of some payments. Without a ``schedule_id``: of the plan of their time."""

        PERSONAL = NOTHING

        payments: list[News]
        schedule_id: str | None = None

        def reports(self) -> list[Report]:
            at, found = reports.microseconds(self.at), []
            for each in self.payments:
                said = {"last_updated": at, **reports.facts(each, *each)}
                found.append({"at": at, **reports.facts(vars(self), "schedule_id"), "instalment": said})
            return cast("list[Report]", found)

    class AgingReported(ReportEvent):
        """``bucket`` is current, early_arrears, late_arrears, default or closed."""

        PERSONAL = NOTHING

        days_past_due: int | None = None
        bucket: str | None = None
        is_in_arrears: bool | None = None
        last_updated: datetime | None = None

        def reports(self) -> list[Report]:
            at = reports.microseconds(self.last_updated or self.at)
            aging = reports.facts(vars(self), "days_past_due", "bucket", "is_in_arrears")
            aging.setdefault("is_in_arrears", self.bucket not in ("current", "closed"))
            return [cast("Report", {"at": at, "aging": {**aging, "last_updated": at}})]
