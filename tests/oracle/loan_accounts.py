"""The rules of loan accounts: from their reports to the document."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.balances import Lent, lent
from tests.oracle.reports import Report, known, newest, newest_of, shown, stamps
from tests.oracle.schedules import schedule

OUR_STATUS = {
    "PENDING": "active",
    "PENDING_DISBURSEMENT": "pending_disbursement",
    "ACTIVE": "active",
    "SUSPENDED": "in_arrears",
    "CLOSED": "paid_off",
}
TERMS = "loan_amount loan_fee opened_date commencement_date"
CLOSURE = "previous_status closed_date final_balance total_paid triggered_by_transaction_id"
BUSINESS_TIME_ZONE = ZoneInfo("Australia/Sydney")


def business_day(at: datetime) -> str:
    """The day in the business time zone."""
    return at.astimezone(BUSINESS_TIME_ZONE).date().isoformat()


def loan_account(name: str, reports: list[Report], customer_names: dict[str, str | None]) -> dict[str, Any]:
    """The document of a loan account."""
    path = statuses(reports)
    closure = standing_closure(reports, path)
    loan = lent(reports, path, closure)
    ours = our_status(path, closure)
    aged = aging(reports, path, ours, closure)
    balances = {"currentBalance": loan.owed, "totalOutstanding": loan.owed, "totalPaid": loan.paid}
    terms = {
        "totalPayable": newest(reports, "loan_total_payable"),
        "disbursedDate": disbursed_date(reports, path),
    }
    return known(
        {
            "_id": name,
            "loanAccountId": name,
            "customerName": customer_names.get(newest(reports, "customer_id")),
            "loanTerms": known(terms) | newest_of(reports, TERMS),
            "balances": known(balances),
            "lastPayment": last_payment(loan),
            "accountStatus": ours,
            "sdkStatus": path[-1],
            "repaymentSchedule": schedule(reports),
            "aging": aged,
            "inArrears": in_arrears(ours, aged),
            "closure": closing(closure, loan),
            "reopenedAt": reopened_at(reports, path),
        }
        | newest_of(reports, "account_number customer_id signed_loan_agreement_url")
        | stamps(reports)
    )


def statuses(reports: list[Report]) -> list[str | None]:
    """Upstream's status of the account after each report, in the order of their times."""
    path: list[str | None] = []
    status: str | None = None
    for report in reports:
        word = report.facts.get("status") or report.facts.get("new_status")
        if report.kind == "account.closed.v1":
            word = "CLOSED"
        if word is None and status == "PENDING_DISBURSEMENT" and report.facts.get("current_balance", 0) > 0:
            word = "ACTIVE"  # A positive balance without a status on such an account means ACTIVE.
        if word in ("PENDING", "PENDING_DISBURSEMENT") and status in ("ACTIVE", "SUSPENDED", "CLOSED"):
            word = None  # One-way disbursement gate: its other fields still apply.
        status = word or status
        path.append(status)
    return path


def our_status(path: list[str | None], closure: Report | None) -> str | None:
    """CLOSED is by the closure's reason; by a status alone it is `paid_off`."""
    if closure and closure.facts.get("closure_reason") == "WRITTEN_OFF":
        return "written_off"
    return OUR_STATUS[path[-1]] if path[-1] else None


def disbursed_date(reports: list[Report], path: list[str | None]) -> str | None:
    """The transition from pending disbursement to active stamps it once; one to another status does not."""
    steps = zip(reports[1:], path, path[1:], strict=False)
    days = [business_day(r.at) for r, *step in steps if step == ["PENDING_DISBURSEMENT", "ACTIVE"]]
    return days[0] if days else None


def standing_closure(reports: list[Report], path: list[str | None]) -> Report | None:
    """A newer ACTIVE or SUSPENDED ends a closure; of two without such a reopening, the newest counts."""
    standing = None
    for report, status in zip(reports, path, strict=True):
        if report.kind == "account.closed.v1":
            standing = report
        elif status != "CLOSED":
            standing = None
    return standing


def reopened_at(reports: list[Report], path: list[str | None]) -> datetime | None:
    """When the account that stands open was opened again; gone with the reopening if it is closed again."""
    closed = [place for place, status in enumerate(path) if status == "CLOSED"]
    return reports[closed[-1] + 1].at if closed and path[-1] != "CLOSED" else None


def closing(closure: Report | None, loan: Lent) -> dict[str, Any]:
    """The closure that stands, whole: what it does not say is absent."""
    facts = closure.facts if closure else {}
    given = {"writtenOffAmount": loan.written_off, "releasedAmount": loan.released}
    return shown(facts, CLOSURE) | known({"reason": facts.get("closure_reason")} | given)


def last_payment(loan: Lent) -> dict[str, Any]:
    """The newest payment by its report's time; a day that is not given is the report's business day."""
    if not loan.payments:
        return {}
    report, amount = max(loan.payments.values(), key=lambda payment: payment[0].order)
    day = report.facts.get("last_payment_date", business_day(report.at))
    return known({"date": day, "amount": report.facts.get("last_payment_amount", amount)})


def aging(
    reports: list[Report], path: list[str | None], ours: str | None, closure: Report | None
) -> dict[str, Any]:
    """Bucket, days and flag of the newest report; while the account is closed: closed, 0 days, false."""
    if ours in ("paid_off", "written_off"):
        ended = (
            closure or [r for r, status in zip(reports, ["", *path], strict=False) if status != "CLOSED"][-1]
        )
        return {"bucket": "closed", "daysPastDue": 0, "isInArrears": False, "lastUpdated": ended.at}
    reported = [r for r in reports if r.kind == "loan.aging.updated.v1" and len(r.facts) > 1]
    if not reported:
        return {}
    facts = reported[-1].facts
    # A flag that is not given is true unless the bucket is `current` or `closed`.
    late = facts.get("is_in_arrears", facts.get("bucket") not in ("current", "closed"))
    found = {"bucket": facts.get("bucket"), "daysPastDue": facts.get("dpd"), "isInArrears": late}
    return known(found | {"lastUpdated": reported[-1].at})


def in_arrears(ours: str | None, aged: dict[str, Any]) -> bool | None:
    """The one definition: the status is `in_arrears`, or it is `active` and the aging says so."""
    return (
        None if ours is None else ours == "in_arrears" or (ours == "active" and bool(aged.get("isInArrears")))
    )
