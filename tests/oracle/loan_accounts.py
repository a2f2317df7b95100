"""The rules of loan accounts: from their reports to the document."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.reports import Report, document, known, merged, shown

NOTHING = Decimal("0.00")
OUR_WORDS = {"PENDING": "active", "SUSPENDED": "in_arrears", "CLOSED": "paid_off"}
TERMS = "loan_amount loan_fee opened_date commencement_date"
PLAN = "schedule_id payment_frequency created_date"
DUE = "payment_number due_date amount"
INSTALMENT = "amount_paid paid_date amount_remaining linked_transaction_ids"
CLOSURE = "previous_status closed_date final_balance total_paid triggered_by_transaction_id"


def loan_account(name: str, reports: list[Report], customers: dict[str, Any]) -> dict[str, Any]:
    """The document of a loan account."""
    path = statuses(reports)
    facts = merged([report for report in reports if "schedule" not in report.kind])  # A plan has its own.
    steps = list(zip(reports, [None, *path], path, strict=False))
    # A newer ACTIVE or SUSPENDED ends a closure; of two without such a reopening, the newest counts.
    since_closed = reports[max((n for n, word in enumerate(path, 1) if word != "CLOSED"), default=0) :]
    closures = [report for report in since_closed if report.kind == "account.closed.v1"]
    closure = closures[-1].facts if closures else {}
    status = OUR_WORDS.get(path[-1], path[-1].lower()) if path[-1] else None
    status = "written_off" if closure.get("closure_reason") == "WRITTEN_OFF" else status
    found: dict[str, Any] = {
        "accountStatus": status,
        "sdkStatus": path[-1],
        "repaymentSchedule": schedule(reports),
    }
    found |= shown(facts, "account_number customer_id signed_loan_agreement_url")
    found["customerName"] = customers.get(facts.get("customer_id", ""), {}).get("fullName")
    # From pending disbursement to active, once; to another status stamps none.
    days = [business_day(r.at) for r, *step in steps if step == ["PENDING_DISBURSEMENT", "ACTIVE"]]
    terms = {"totalPayable": facts.get("loan_total_payable"), "disbursedDate": days[0] if days else None}
    found["loanTerms"] = known(terms) | shown(facts, TERMS)
    loan = Loan(facts.get("loan_total_payable"))
    for report, was, word in steps:
        if was == "CLOSED" != word:
            loan.given_up = NOTHING  # Reopened.
        if report in closures[-1:]:
            loan.close(report)
        elif report.kind != "account.closed.v1":  # Of a closure that was ended or followed, no fact counts.
            loan.balance(report, word)
    balances = {"currentBalance": loan.owed, "totalOutstanding": loan.owed, "totalPaid": loan.paid}
    left = {"writtenOffAmount": loan.written_off, "releasedAmount": loan.released}
    found["balances"] = known(balances)
    found["closure"] = shown(closure, CLOSURE) | known({"reason": closure.get("closure_reason")} | left)
    if loan.payments:  # The newest by its report's time; a day that is not given is its business day.
        last, amount = max(loan.payments.values(), key=lambda payment: payment[0].order)
        day = last.facts.get("last_payment_date", business_day(last.at))
        found["lastPayment"] = known({"date": day, "amount": last.facts.get("last_payment_amount", amount)})
    aged = [r for r in reports if r.facts.keys() & {"bucket", "dpd", "is_in_arrears"}]
    late = False
    if since_closed:
        over = {"bucket": "closed", "daysPastDue": 0, "isInArrears": False}
        found["aging"] = over | {"lastUpdated": (closures[-1:] or since_closed)[0].at}
    elif aged:  # The newest, whole. A flag that is not given is true unless the bucket is one of these.
        newest = aged[-1].facts
        late = newest.get("is_in_arrears", newest.get("bucket") not in ("current", "closed"))
        bucket = {"bucket": newest.get("bucket"), "daysPastDue": newest.get("dpd"), "isInArrears": late}
        found["aging"] = known(bucket | {"lastUpdated": aged[-1].at})
    if "CLOSED" in path and not since_closed:
        found["reopenedAt"] = reports[max(n for n, word in enumerate(path, 1) if word == "CLOSED")].at
    if status:  # The one definition.
        found["inArrears"] = status == "in_arrears" or (status == "active" and late)
    return document("loanAccountId", name, reports, found)


def business_day(at: datetime) -> str:
    """The day in the business time zone."""
    return at.astimezone(ZoneInfo("Australia/Sydney")).date().isoformat()


def statuses(reports: list[Report]) -> list[str | None]:
    """Upstream's status of the account after each report, in the order of their times."""
    path: list[str | None] = []
    status: str | None = None
    for report in reports:
        is_closure = report.kind == "account.closed.v1"
        word = "CLOSED" if is_closure else report.facts.get("status") or report.facts.get("new_status")
        if word is None and status == "PENDING_DISBURSEMENT" and report.facts.get("current_balance", 0) > 0:
            word = "ACTIVE"  # A positive balance without a status on such an account means ACTIVE.
        if word in ("PENDING", "PENDING_DISBURSEMENT") and status in ("ACTIVE", "SUSPENDED", "CLOSED"):
            word = None  # One-way disbursement gate: its other fields still apply.
        status = word or status
        path.append(status)
    return path


@dataclass
class Loan:
    """Owed + paid + written off + released is what is payable, with fees and the like as they moved.

    By how much a balance moved is between neighbours in time.
    """

    payable: Decimal | None
    owed: Decimal | None = None
    paid: Decimal | None = None
    written_off: Decimal | None = None
    released: Decimal | None = None
    payments: dict[str, tuple[Report, Decimal | None]] = field(default_factory=dict)
    is_closed: bool = False
    given_up: Decimal = NOTHING
    """By WRITE_OFF falls of the time before a closure."""

    def balance(self, report: Report, status: str | None) -> None:
        """A report of a balance, or of a payment that is reported without a fall: that moves no total."""
        now = report.facts.get("current_balance")
        kind = report.facts.get("triggered_by_transaction_type", "").rpartition(".")[2].upper()
        moved = NOTHING
        if now is not None and not self.is_closed:
            if self.owed is not None:
                moved = now - self.owed
            elif (
                status in (None, "PENDING_DISBURSEMENT")
                or kind == "DISBURSEMENT"
                or (now == 0 and kind != "REPAYMENT")
            ):
                self.paid = NOTHING  # Before the first balance: nothing, unless the loan was running.
            elif self.payable is not None:
                self.paid = max(self.payable - now, NOTHING)
            self.owed = now
        # A payment is a fall by REPAYMENT, or without a type while the account is open and the message does
        # not close it; a rise by REPAYMENT is one that was reversed.
        is_open = status in ("PENDING", "ACTIVE", "SUSPENDED")
        if moved and (kind == "REPAYMENT" or (not kind and moved < 0 and is_open)):
            self.pay(report, -moved)
        elif report.facts.keys() & {"last_payment_amount", "last_payment_date"}:
            self.pay(report, NOTHING)
        if moved < 0 and kind == "WRITE_OFF":
            self.given_up -= moved

    def pay(self, report: Report, amount: Decimal) -> None:
        """Reports of one transaction id are one payment, of their sum; each without one is its own."""
        name = report.facts.get("triggered_by_transaction_id") or f"report {report.arrival}"
        before = self.payments.pop(name, (report, None))[1]
        total = (before or NOTHING) + amount
        if self.paid is not None:
            self.paid += amount
        if total > 0 or amount == 0:
            self.payments[name] = (report, total or None)

    def close(self, report: Report) -> None:
        """Nothing is owed any more: what was left is paid, written off or released, by the reason."""
        reason = report.facts.get("closure_reason", "PAID_OFF")
        left = NOTHING if reason == "PAID_OFF" else (report.facts.get("final_balance") or self.owed)
        self.released = left if reason == "ADMIN_CLOSED" else None
        if reason == "WRITTEN_OFF" and left is not None:
            # What WRITE_OFF falls took counts once: a final balance above what is owed holds it already.
            self.written_off = left if left > (self.owed or NOTHING) else left + self.given_up
        if self.owed is not None and self.paid is not None:
            self.paid += max(self.owed - (left or NOTHING), NOTHING)
        elif self.payable is not None and left is not None:
            self.paid = max(self.payable - left, NOTHING)
        else:
            self.paid = report.facts.get("total_paid")
        self.owed, self.is_closed = NOTHING, True


def schedule(reports: list[Report]) -> dict[str, Any]:
    """The newest plan, whole, with the statuses of its instalments; without a list, those reported."""
    plans = [report for report in reports if report.kind == "account.schedule.created.v1"]
    since: list[Report] = []  # The newest plan, and those of its identifier just before: their terms stay.
    listed: list[Report] = []  # Of these, the newest that has a list: that and its number go together.
    for plan in plans:
        is_same = bool(since) and since[-1].facts["schedule_id"] == plan.facts["schedule_id"]
        since = [*since, plan] if is_same else [plan]
        listed = [*listed, plan] if is_same and not plan.facts.get("payments") else [plan]
    named = since or [r for r in reports if r.facts.get("payments") and "schedule_id" in r.facts][-1:]
    items: list[tuple[datetime, Any, dict[str, Any]]] = []
    for report in reports:
        if report.kind == "account.schedule.updated.v1":
            # One that names no schedule is about the plan of its time, or about the first one.
            older = [plan for plan in plans if plan.order < report.order][-1:] or plans[:1]
            about = report.facts.get("schedule_id") or merged(older).get("schedule_id")
            for item in report.facts.get("payments", []):
                if about in (None, merged(named).get("schedule_id")):
                    at = report.ours(item.get("last_updated", report.at))
                    items.append((at, report.order, item))
    paid: dict[int, dict[str, Any]] = {}
    for at, _order, item in sorted(items, key=lambda each: each[:2]):
        facts = shown({"amount_paid": item.get("paid_amount")} | item, INSTALMENT)
        if "status" in item:  # The facts of a status go with it: a newer one replaces them all.
            paid[item["payment_number"]] = facts | {"status": item["status"], "lastUpdated": at}
        elif facts:  # Those that come alone add to it.
            paid.setdefault(item["payment_number"], {}).update(facts | {"lastUpdated": at})
    due = [
        shown(each, DUE) | {"status": "scheduled"} | paid.get(each["payment_number"], {})
        for each in sorted(merged(listed[:1]).get("payments", []), key=lambda due: due["payment_number"])
    ]
    payments = due or [{"paymentNumber": number} | paid[number] for number in sorted(paid)]
    found = {"numberOfPayments": merged(listed).get("n_payments") or len(due) or None, "payments": payments}
    return known(found) | shown(merged(named), PLAN)
