"""The story of one loan: opened, paid out, repaid or not."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from app.demo.people import Person
from app.demo.publishers import EntryHeader, Publishers, TimedEntry

_CENT = Decimal("0.01")
_ESTABLISHMENT_FEE = Decimal("0.20")
_MONTHLY_FEE = Decimal("0.04")
_INSTALMENTS = 6
_ZONE = ZoneInfo("Australia/Sydney")
"""The lender's time zone: its dates are days there."""

Entries = Iterator[TimedEntry]


class LoanStory:
    """A loan of 20 % establishment fee and 4 % a month, repaid in fortnightly instalments."""

    def __init__(
        self, number: int, who: Person, amount: Decimal, publishers: Publishers, chance: Random
    ) -> None:
        self._who, self._amount, self._chance = who, amount, chance
        self._publishers = publishers
        self._account, self._schedule = f"ACC-{number:06}", f"SCH-{number:06}"
        self._request = f"WOR-{number:06}"
        self._fee = (amount * (_ESTABLISHMENT_FEE + 3 * _MONTHLY_FEE)).quantize(_CENT)
        self._total = amount + self._fee
        self._number = number

    def tell(self, start: datetime) -> Entries:
        """All messages, with their times."""
        yield from self._opening(start)
        ending = self._chance.choices(("repaid", "going", "late", "lost"), (25, 45, 22, 8))[0]
        paid = {"repaid": _INSTALMENTS, "going": 3, "late": 2, "lost": 1}[ending]
        yield from self._repayments(start, paid)
        after = start + timedelta(days=14 * paid + 1)
        if ending == "repaid":
            yield from self._closed(after, "PAID_OFF", Decimal("0.00"))
        elif ending in ("late", "lost"):
            days = self._chance.randint(3, 40) if ending == "late" else 95
            yield from self._late(start + timedelta(days=14 * (paid + 1)), paid + 1, days)
            if ending == "lost":
                asked_at = start + timedelta(days=14 * (paid + 1) + days + 2)
                yield from self._write_off(asked_at, self._owed(paid))

    def _message(self, kind: str, payload: dict[str, Any], at: datetime) -> TimedEntry:
        body = {"account_id": self._account, **payload}
        header = EntryHeader(at, user=self._who.customer_id)
        return TimedEntry(at, self._publishers.service(kind, body, header))

    def _customer(self, kind: str, payload: dict[str, Any], at: datetime) -> TimedEntry:
        body = {"customer_id": self._who.customer_id, "changed_at": at.isoformat(), **payload}
        header = EntryHeader(at, user=self._who.customer_id)
        return TimedEntry(at, self._publishers.service(kind, body, header))

    def _opening(self, at: datetime) -> Entries:
        status = self._chance.choice(("AccountStatus.PENDING_DISBURSEMENT", "PENDING_DISBURSEMENT"))
        yield self._customer("customer.created.v1", self._who.details | {"ekyc_status": "in_progress"}, at)
        yield self._customer(
            "customer.verified.v1", {"verified_at": at.isoformat()}, at + timedelta(minutes=1)
        )
        news = {"ekyc_status": self._chance.choice(("SUCCESS", "verified", "MANUALLY_CHECKED"))}
        kind = self._chance.choice(("customer.changed.v1", "customer.updated.v1"))
        yield self._customer(kind, news, at + timedelta(minutes=2))
        opened = {
            "customer_id": self._who.customer_id,
            "account_number": f"BL{self._number:08}",
            "status": status,
            "loan_amount": str(self._amount),
            "loan_fee": float(self._fee),
            "loan_total_payable": str(self._total),
            "current_balance": "0.00",
            "opened_date": _day(at),
            "signed_loan_agreement_url": f"https://agreements.example.com/{self._account}.pdf",
        }
        yield self._message("account.created.v1", opened, at + timedelta(minutes=3))
        dates = [_day(at + timedelta(days=14 * (n + 1))) for n in range(_INSTALMENTS)]
        plan = {
            "schedule_id": self._schedule,
            "loan_amount": str(self._amount),
            "total_amount": str(self._total),
            "fee": str(self._fee),
            "n_payments": _INSTALMENTS,
            "payment_frequency": "fortnightly",
            "created_date": _day(at),
            "payments": [
                {"payment_number": n + 1, "due_date": dates[n], "amount": str(self._instalment(n))}
                for n in range(_INSTALMENTS)
            ],
        }
        yield self._message("account.schedule.created.v1", plan, at + timedelta(minutes=4))
        paid_out = {
            "current_balance": str(self._total),
            "triggered_by_transaction_type": "DISBURSEMENT",
            "timestamp": (at + timedelta(minutes=30)).isoformat(),
        }
        yield self._message("account.updated.v1", paid_out, at + timedelta(minutes=30))

    def _repayments(self, start: datetime, count: int) -> Entries:
        for n in range(count):
            at = start + timedelta(days=14 * (n + 1), hours=1)
            transaction = f"TX-{self._number:06}-{n + 1}"
            update: dict[str, Any] = {
                "current_balance": str(self._owed(n + 1)),
                "status": "ACTIVE",
                "triggered_by_transaction_type": "REPAYMENT",
                "triggered_by_transaction_id": transaction,
                "timestamp": at.isoformat(),
            }
            if self._chance.random() < 0.7:
                update |= {
                    "last_payment_date": _day(at),
                    "last_payment_amount": str(self._instalment(n)),
                }
            yield self._message("account.updated.v1", update, at)
            news = {
                "payment_number": n + 1,
                "status": "PAID",
                "paid_date": _day(at),
                self._chance.choice(("amount_paid", "paid_amount")): str(self._instalment(n)),
                "amount_remaining": "0.00",
                "linked_transaction_ids": [transaction],
                "last_updated": at.isoformat(),
            }
            schedule = {"schedule_id": self._schedule, "payments": [news]}
            yield self._message("account.schedule.updated.v1", schedule, at + timedelta(seconds=5))

    def _closed(self, at: datetime, reason: str, balance: Decimal) -> Entries:
        closure = {
            "closure_reason": reason,
            "final_balance": str(balance),
            "total_paid": str(self._total),
            "loan_total_payable": str(self._total),
            "previous_status": "ACTIVE",
            "closed_date": _day(at),
        }
        yield self._message("account.closed.v1", closure, at)
        yield self._message(
            "loan.aging.updated.v1", {"dpd": 0, "bucket": "closed", "is_in_arrears": False}, at
        )

    def _late(self, due: datetime, instalment: int, days: int) -> Entries:
        """A missed instalment, still unpaid so many days later, with those after it."""
        now = due + timedelta(days=days)
        missed = due + timedelta(days=1)
        for number in range(instalment, _INSTALMENTS + 1):
            at = missed + timedelta(days=14 * (number - instalment))
            if at > now:
                break
            news = {"payment_number": number, "status": "OVERDUE", "last_updated": at.isoformat()}
            yield self._message("account.schedule.updated.v1", {"payments": [news]}, at)
            if number == instalment:
                yield from self._suspended(at)
        bucket = "early_arrears" if days < 15 else "late_arrears" if days < 90 else "default"
        aging = {"dpd": str(days), "bucket": bucket, "is_in_arrears": True, "last_updated": now.isoformat()}
        yield self._message("loan.aging.updated.v1", aging, now)

    def _suspended(self, at: datetime) -> Entries:
        news = {"new_status": "SUSPENDED", "changed_at": at.isoformat()}
        yield self._message("account.status_changed.v1", news, at + timedelta(minutes=2))

    def _write_off(self, at: datetime, owed: Decimal) -> Entries:
        asked = {
            "loanAccountId": self._account,
            "amount": str(owed),
            "originalBalance": str(self._total),
            "reason": self._chance.choice(("hardship", "unable_to_locate", "bankruptcy")),
            "requestedBy": "staff-7",
            "requestedByName": "Robin Hale",
            "customerId": self._who.customer_id,
            "customerName": f"{self._who.first_name} {self._who.last_name}",
            "accountNumber": f"BL{self._number:08}",
            "priority": "high",
        }
        yield self._decision("writeoff.requested.v1", asked, at)
        outcome = self._chance.choice(("approved", "rejected", "cancelled", "pending"))
        later = at + timedelta(hours=3)
        if outcome == "approved":
            decided = {"approvedBy": "staff-2", "comment": "Agreed with collections."}
            yield self._decision("writeoff.approved.v1", decided, later)
            yield from self._closed(later + timedelta(minutes=1), "WRITTEN_OFF", owed)
        elif outcome == "rejected":
            yield self._decision(
                "writeoff.rejected.v1", {"rejectedBy": "staff-2", "reason": "Try a plan first."}, later
            )
        elif outcome == "cancelled":
            yield self._decision("writeoff.cancelled.v1", {"cancelledBy": "staff-7"}, later)

    def _decision(self, kind: str, payload: dict[str, Any], at: datetime) -> TimedEntry:
        header = EntryHeader(at, conversation=self._request)
        return TimedEntry(at, self._publishers.service(kind, payload, header))

    def _instalment(self, n: int) -> Decimal:
        """The last one absorbs the rounding."""
        each = (self._total / _INSTALMENTS).quantize(_CENT)
        return self._total - each * (_INSTALMENTS - 1) if n == _INSTALMENTS - 1 else each

    def _owed(self, paid: int) -> Decimal:
        return self._total - sum((self._instalment(n) for n in range(paid)), Decimal(0))


def _day(at: datetime) -> str:
    return at.astimezone(_ZONE).date().isoformat()
