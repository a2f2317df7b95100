"""What the Accounts service reported of one loan, in the order in which it happened: words, facts, schedule.

Reports hold only numbers and texts, so that a document keeps them as they are: amounts in cents, times in
microseconds since 1970 in UTC, days as ``YYYY-MM-DD``.
"""

from bisect import insort
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, Required, TypedDict, cast

SdkStatus = Literal["PENDING", "PENDING_DISBURSEMENT", "ACTIVE", "SUSPENDED", "CLOSED"]
"""Upstream's status of an account."""
AccountStatus = Literal["active", "pending_disbursement", "in_arrears", "paid_off", "written_off"]
"""Our status of an account."""
ClosureReason = Literal["PAID_OFF", "WRITTEN_OFF", "ADMIN_CLOSED"]
PaymentStatus = Literal["scheduled", "partial", "paid", "missed"]
PaymentFrequency = Literal["weekly", "fortnightly", "monthly"]
AgingBucket = Literal["current", "early_arrears", "late_arrears", "default", "closed"]

PENDING_WORDS = frozenset(("PENDING", "PENDING_DISBURSEMENT"))
"""Upstream's words for an account that was not paid out yet."""

_ACCOUNT_STATUS = {
    "PENDING": "active",
    "PENDING_DISBURSEMENT": "pending_disbursement",
    "ACTIVE": "active",
    "SUSPENDED": "in_arrears",
    "CLOSED": "paid_off",
}

TERMINAL_STATUSES = frozenset(("paid_off", "written_off"))

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Terms(TypedDict, total=False):
    """The terms of a loan."""

    account_number: str
    loan_amount: int
    loan_fee: int
    total_payable: int
    opened_date: str
    commencement_date: str
    signed_loan_agreement_url: str


class Closure(TypedDict, total=False):
    """Why and how an account was closed."""

    reason: str
    previous_status: str
    closed_date: str
    final_balance: int
    total_paid: int
    triggered_by_transaction_id: str


class Aging(TypedDict, total=False):
    """How late an account is."""

    days_past_due: int
    bucket: str
    is_in_arrears: bool
    last_updated: int


class Instalment(TypedDict, total=False):
    """One payment of a repayment schedule: as planned, or what became of it."""

    payment_number: Required[int]
    due_date: str
    amount: int
    status: str
    paid_date: str
    amount_paid: int
    amount_remaining: int
    linked_transaction_ids: list[str]
    last_updated: int


class Plan(TypedDict, total=False):
    """A repayment schedule, as planned."""

    schedule_id: Required[str]
    number_of_payments: int
    payment_frequency: str
    created_date: str
    payments: list[Instalment]


class Report(TypedDict, total=False):
    """What one message reported, of the account or of one instalment; what it did not report is absent."""

    at: Required[int]
    """When it was so: the message's own time, or else the time that it came in."""
    created: bool
    """It is the account's creation, which is first, whenever it came. True if it has a time of its own: one
    without is the oldest."""
    position: int
    """Of its event in the store, where a reader needs it."""
    terms: Terms
    status: str
    """Upstream's word."""
    current_balance: int
    triggered_by_transaction_type: str
    triggered_by_transaction_id: str
    last_payment_date: str
    last_payment_amount: int
    closure: Closure
    aging: Aging
    plan: Plan
    schedule_id: str
    """The schedule of the ``instalment``, if it is named."""
    instalment: Instalment


def account_status(sdk_status: str, closure_reason: str | None) -> str:
    """Our word for upstream's; a closed account is paid off unless it was written off.

    Raises KeyError for a word that upstream does not have.
    """
    if sdk_status == "CLOSED" and closure_reason == "WRITTEN_OFF":
        return "written_off"
    return _ACCOUNT_STATUS[sdk_status]


def insert(reports: list[Report], report: Report) -> None:
    """Insert in the order of time; where times are equal, arrival decides."""
    insort(reports, report, key=_place)


def _place(report: Report) -> tuple[int, int]:
    return int(report.get("created", 2)), report["at"]


def microseconds(at: datetime) -> int:
    """A time, as reports hold it."""
    return (at - _EPOCH) // _MICROSECOND


def time_of(at: int) -> datetime:
    """A time in a report."""
    return _EPOCH + at * _MICROSECOND


def amount_of(cents: int) -> Decimal:
    """An amount in a report, in AUD."""
    return Decimal(cents).scaleb(-2)


def facts(said: Mapping[str, object], *names: str) -> dict[str, object]:
    """The reported facts, as reports hold them. An erased one counts as not reported."""
    found = {name: _plain(said.get(name)) for name in names}
    return {name: value for name, value in found.items() if value not in (None, "", [])}


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return int(value.scaleb(2))
        case datetime():
            return microseconds(value)
        case list():
            return [
                facts(cast("dict[str, object]", each), *each) if isinstance(each, dict) else each
                for each in value
            ]
    return value


def schedule_after(reports: list[Report]) -> tuple[Plan | None, list[Instalment]]:
    """The newest plan, and its instalments by number, after these reports, which are in order.

    A newer list replaces the older one with its number of payments; what comes without a list adds to it.
    Without any plan, what is known of instalments counts as the plan's that their newest report names.
    """
    plan: Plan | None = None
    about: list[tuple[str | None, Instalment]] = []
    for report in reports:
        if (reported := report.get("plan")) is not None:
            plan = _planned(plan, reported)
        elif "instalment" in report:
            of = report.get("schedule_id", None if plan is None else plan["schedule_id"])
            about.append((of, report["instalment"]))
    if plan is None and (named := [of for of, _ in about if of is not None]):
        plan = Plan(schedule_id=named[-1])
    first = next((report["plan"]["schedule_id"] for report in reports if "plan" in report), None)
    current = None if plan is None else plan["schedule_id"]
    became = _became([each for of, each in about if (of or first or current) == current])
    payments = [] if plan is None else plan.get("payments", [])
    listed = {each["payment_number"]: each for each in payments}
    return plan, [
        cast("Instalment", {**_due(listed.get(number)), **became.get(number, {"payment_number": number})})
        for number in sorted(listed or became)
    ]


def _planned(known: Plan | None, reported: Plan) -> Plan:
    if known is None or known["schedule_id"] != reported["schedule_id"]:
        known = Plan(schedule_id=reported["schedule_id"])
    count = {"number_of_payments": len(reported["payments"])} if "payments" in reported else {}
    return cast("Plan", {**known, **count, **reported})


def _became(reports: list[Instalment]) -> dict[int, Instalment]:
    """What became of each instalment: its newest status with the facts of that report, and what came alone
    since."""
    found: dict[int, Instalment] = {}
    for reported in sorted(reports, key=lambda each: each["last_updated"]):
        number = reported["payment_number"]
        if reported.keys() == {"payment_number", "last_updated"}:
            continue
        known: Instalment | dict[str, object] = {} if "status" in reported else found.get(number, {})
        found[number] = cast("Instalment", {**known, **reported})
    return found


def _due(planned: Instalment | None) -> Instalment | dict[str, object]:
    return {} if planned is None else {"status": "scheduled", **planned}
