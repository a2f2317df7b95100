"""The books of one loan: each movement is booked once, and reported as Accounts reports it."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from app.demo.publishers import Publishers, TimedEntry

_CENT = Decimal("0.01")
_NOTHING = Decimal("0.00")
_FEE_RATE = Decimal("0.20") + 3 * Decimal("0.04")
"""Establishment fee, and three monthly fees."""
_SUSPENDED_FROM_DAYS = 14
_BUCKETS = ((90, "default"), (30, "late_arrears"), (1, "early_arrears"), (0, "current"))


@dataclass
class Instalment:
    """A payment of the plan. AUD."""

    number: int
    due: date
    amount: Decimal
    paid: Decimal = _NOTHING
    transactions: list[str] = field(default_factory=list)

    @property
    def remaining(self) -> Decimal:
        return self.amount - self.paid


class Loan:
    """A loan of 20 % establishment fee and 4 % a month, repaid in fortnightly instalments."""

    def __init__(
        self, number: int, customer_id: str, amount: Decimal, publishers: Publishers, chance: Random
    ) -> None:
        self.account = f"ACC-{number:06}"
        self.account_number = f"BL{number:08}"
        self.number, self.customer_id = number, customer_id
        self.amount = amount
        self.total = amount + (amount * _FEE_RATE).quantize(_CENT)
        self.owed = self.paid = self.fees_due = _NOTHING
        self.status, self.closed_as = "PENDING_DISBURSEMENT", ""
        self.plan: list[Instalment] = []
        self.entries: list[TimedEntry] = []
        self._bucket = ""
        self._transactions = self._plans = 0
        self._publishers, self._chance = publishers, chance

    @property
    def is_open(self) -> bool:
        return self.status != "CLOSED"

    def unpaid(self) -> list[Instalment]:
        return [each for each in self.plan if each.remaining]

    def due_on(self, day: date) -> Instalment | None:
        return next((each for each in self.unpaid() if each.due == day), None)

    def days_past_due(self, day: date) -> int:
        """Of the oldest unpaid instalment."""
        return max(0, *((day - each.due).days for each in self.unpaid())) if self.is_open else 0

    def overdue(self, day: date) -> Decimal:
        """Instalments due until that day, and fees: never more than is owed."""
        instalments = sum((each.remaining for each in self.unpaid() if each.due <= day), _NOTHING)
        return min(self.owed, instalments + self.fees_due)

    def open(self, at: datetime) -> None:
        opened = {
            "customer_id": self.customer_id,
            "account_number": self.account_number,
            "status": self._chance.choice(("AccountStatus.PENDING_DISBURSEMENT", "PENDING_DISBURSEMENT")),
            "loan_amount": str(self.amount),
            "loan_fee": float(self.total - self.amount),
            "loan_total_payable": str(self.total),
            "current_balance": "0.00",
            "opened_date": self._day(at),
            "commencement_date": self._day(at),
            "signed_loan_agreement_url": f"https://agreements.example.com/{self.account}.pdf",
        }
        self._tell("account.created.v1", opened, at)
        self.make_plan(at, self.total, 6)

    def make_plan(self, at: datetime, total: Decimal, count: int) -> None:
        """A plan of fortnightly instalments; the last one absorbs the rounding."""
        self._plans += 1
        each = (total / count).quantize(_CENT)
        first = self._publishers.local(at).date()
        self.plan = [
            Instalment(n, first + timedelta(days=14 * n), each if n < count else total - each * (count - 1))
            for n in range(1, count + 1)
        ]
        plan = {
            "schedule_id": self._schedule,
            "loan_amount": str(self.amount),
            "total_amount": str(total),
            "fee": str(self.total - self.amount),
            "n_payments": count,
            "payment_frequency": "fortnightly",
            "created_date": self._day(at),
            "payments": [
                {"payment_number": one.number, "due_date": one.due.isoformat(), "amount": str(one.amount)}
                for one in self.plan
            ],
        }
        self._tell("account.schedule.created.v1", plan, at + timedelta(seconds=5))

    def disburse(self, at: datetime) -> None:
        self.status = "ACTIVE"
        self.move(at, "DISBURSEMENT", self.total)

    def move(self, at: datetime, kind: str, amount: Decimal, **more: str) -> str:
        """Book a movement, and report the balance after it. Returns the transaction's id."""
        self.owed += amount
        self._transactions += 1
        transaction = f"TX-{self.number:06}-{self._transactions}"
        report = {
            "current_balance": str(self.owed),
            "status": self.status,
            "triggered_by_transaction_type": kind,
            "triggered_by_transaction_id": transaction,
            "timestamp": self._publishers.time(at),
        }
        self._tell("account.updated.v1", report | more, at)
        return transaction

    def charge(self, at: datetime, kind: str, amount: Decimal) -> None:
        """A late or dishonour fee: it is paid first, and is in no plan."""
        self.fees_due += amount
        self.move(at, kind, amount)

    def waive_fees(self, at: datetime) -> None:
        self.move(at, "FEE_WAIVER", -self.fees_due)
        self.fees_due = _NOTHING

    def pay(self, at: datetime, amount: Decimal) -> None:
        """A repayment: fees first, then the earliest instalments. At zero the account is closed."""
        self.paid += amount
        more = {"last_payment_date": self._day(at), "last_payment_amount": str(amount)}
        transaction = self.move(at, "REPAYMENT", -amount, **(more if self._chance.random() < 0.7 else {}))
        to_fees = min(amount, self.fees_due)
        self.fees_due -= to_fees
        left, touched = amount - to_fees, []
        for each in self.unpaid():
            part = min(left, each.remaining)
            left -= part
            each.paid += part
            if part:
                each.transactions.append(transaction)
            if not self.owed:
                each.amount = each.paid  # Adjustments cover the rest.
            if part or not self.owed:
                touched.append(each)
        if touched:
            self._report(at + timedelta(seconds=5), touched)
        if not self.owed:
            self.close(at + timedelta(minutes=1), "PAID_OFF", transaction)
        else:
            self.resume(at + timedelta(seconds=10))

    def night(self, at: datetime) -> None:
        """The nightly job: yesterday's missed instalment, the aging, the suspension."""
        day = self._publishers.local(at).date()
        yesterday = day - timedelta(days=1)
        if (missed := self.due_on(yesterday)) is not None:
            self._report(at, [missed], is_missed=True)
        days = self.days_past_due(day)
        bucket = next(name for least, name in _BUCKETS if days >= least)
        if days or bucket != self._bucket or any(each.due == yesterday for each in self.plan):
            self._age(at, days, bucket)
        if days >= _SUSPENDED_FROM_DAYS and self.status == "ACTIVE":
            self._change_status(at + timedelta(minutes=1), "SUSPENDED")

    def resume(self, at: datetime) -> None:
        """The suspension ends once nothing is past due."""
        if self.status == "SUSPENDED" and not self.days_past_due(self._publishers.local(at).date()):
            self._change_status(at, "ACTIVE")

    def close(self, at: datetime, reason: str, transaction: str | None = None) -> None:
        """Nothing is owed any more: it was paid, or is written off."""
        closure = {
            "closure_reason": reason,
            "final_balance": str(self.owed),
            "total_paid": str(self.paid),
            "loan_total_payable": str(self.total),
            "previous_status": self.status,
            "closed_date": self._day(at),
        }
        if transaction:
            closure["triggered_by_transaction_id"] = transaction
        self.status, self.closed_as, self.owed = "CLOSED", reason, _NOTHING
        self._tell("account.closed.v1", closure, at)
        self._age(at + timedelta(seconds=5), 0, "closed")

    @property
    def _schedule(self) -> str:
        return f"SCH-{self.number:06}-{self._plans}"

    def _report(self, at: datetime, instalments: list[Instalment], *, is_missed: bool = False) -> None:
        payments: list[dict[str, Any]] = []
        for each in instalments:
            status = "OVERDUE" if is_missed else "PARTIAL" if each.remaining else "PAID"
            facts = {
                "payment_number": each.number,
                "status": status,
                self._chance.choice(("amount_paid", "paid_amount")): str(each.paid),
                "amount_remaining": str(each.remaining),
                "linked_transaction_ids": list(each.transactions),
                "last_updated": self._publishers.time(at),
            }
            payments.append(facts | ({"paid_date": self._day(at)} if status == "PAID" else {}))
        self._tell("account.schedule.updated.v1", {"schedule_id": self._schedule, "payments": payments}, at)

    def _age(self, at: datetime, days: int, bucket: str) -> None:
        self._bucket = bucket
        aging = {"dpd": str(days), "bucket": bucket, "is_in_arrears": days > 0}
        self._tell("loan.aging.updated.v1", aging | {"last_updated": self._publishers.time(at)}, at)

    def _change_status(self, at: datetime, status: str) -> None:
        self.status = status
        news = {"new_status": status, "changed_at": self._publishers.time(at)}
        self._tell("account.status_changed.v1", news, at)

    def _tell(self, kind: str, payload: dict[str, Any], at: datetime) -> None:
        body = {"account_id": self.account, **payload}
        self.entries.append(self._publishers.service(kind, body, at, user_id=self.customer_id))

    def _day(self, at: datetime) -> str:
        return self._publishers.local(at).date().isoformat()
