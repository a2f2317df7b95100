"""How a borrower repays: every instalment, late, under hardship, early, or never."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from app.demo.loan import Loan
from app.demo.people import Person
from app.demo.publishers import Publishers, TimedEntry

_LATE_FEE = Decimal("15.00")
_DISHONOUR_FEE = Decimal("10.00")
_LATE_FEE_AFTER_DAYS = 8
_HARDSHIP_AFTER_DAYS = 20
_WRITE_OFF_AFTER_DAYS = 95
_NIGHT, _OFFICE = time(2, 0), time(11, 0)

WRITE_OFFS = ("approved", "pending", "rejected", "cancelled")


@dataclass
class Repayment:
    loan: Loan
    who: Person
    publishers: Publishers
    chance: Random
    debits_at: time
    """When the direct debits of a day are settled, in the lender's time zone."""
    habit: str
    """steady, early, adjusted, dishonoured, partial, hardship or stops."""
    write_off: str
    """How a request to write the loan off ends."""

    def live(self, paid_out: datetime, until: datetime) -> list[TimedEntry]:
        loan, day = self.loan, self.publishers.local(paid_out).date()
        self._stumbles_at, self._days_late = self.chance.randint(3, 5), self.chance.randint(3, 24)
        while loan.is_open and day <= self.publishers.local(until).date():
            day += timedelta(days=1)
            loan.night(self._at(day, _NIGHT))
            if (due := loan.due_on(day)) is not None:
                self._debit(day, due.number)
            if loan.is_open:
                self._follow_up(day)
        return [each for each in loan.entries if each.at <= until]

    def _debit(self, day: date, number: int) -> None:
        loan, at = self.loan, self._at(day, self.debits_at)
        amount = loan.overdue(day)
        if self.habit in ("steady", "adjusted", "early") or number < self._stumbles_at:
            is_early = self.habit == "early" and number == self._stumbles_at
            loan.pay(at, loan.owed if is_early or loan.unpaid()[-1].due <= day else amount)
            if self.habit == "adjusted" and number == self._stumbles_at and loan.is_open:
                loan.move(at + timedelta(hours=1), "ADJUSTMENT", Decimal("-12.50"))
        elif number == self._stumbles_at and self.habit == "dishonoured":
            loan.charge(at, "DISHONOUR_FEE", _DISHONOUR_FEE)
        elif number == self._stumbles_at and self.habit == "partial":
            loan.pay(at, (amount / 2).quantize(Decimal("1.00")))

    def _follow_up(self, day: date) -> None:
        loan, at = self.loan, self._at(day, _OFFICE)
        days = loan.days_past_due(day)
        if days == _LATE_FEE_AFTER_DAYS:
            loan.charge(self._at(day, _NIGHT), "LATE_FEE", _LATE_FEE)
        if self.habit in ("dishonoured", "partial") and days == self._days_late:
            if loan.fees_due and self.chance.random() < 0.4:
                loan.waive_fees(at)
            loan.pay(at + timedelta(minutes=20), loan.overdue(day))
            self.habit = "steady"
        elif self.habit == "hardship" and days == _HARDSHIP_AFTER_DAYS:
            self._agree_on_a_plan(at)
        elif self.habit == "stops" and days == _WRITE_OFF_AFTER_DAYS:
            self._write_off(at)

    def _agree_on_a_plan(self, at: datetime) -> None:
        """Hardship: fees waived, the rest in smaller instalments."""
        loan, change = self.loan, {"vulnerable": True}
        loan.entries.append(self.publishers.customer(self.who.customer_id, "customer.changed.v1", change, at))
        if loan.fees_due:
            loan.waive_fees(at + timedelta(minutes=1))
        loan.make_plan(at + timedelta(minutes=2), loan.owed, 12)
        loan.resume(at + timedelta(minutes=3))
        self.habit = "steady"

    def _write_off(self, at: datetime) -> None:
        """Requested by one person, decided by another one. What a rejection proposes is a plan."""
        loan = self.loan
        request = {
            "loanAccountId": loan.account,
            "amount": str(loan.owed),
            "originalBalance": str(loan.total),
            "reason": self.chance.choice(("aged_debt", "unable_to_locate", "bankruptcy")),
            "requestedBy": "staff-7",
            "requestedByName": "Robin Hale",
            "customerId": self.who.customer_id,
            "customerName": f"{self.who.first_name} {self.who.last_name}",
            "accountNumber": loan.account_number,
            "priority": "high",
        }
        self._tell("writeoff.requested.v1", request, at)
        decided_at = at + timedelta(hours=3)
        if self.write_off == "approved":
            approval = {
                "approvedBy": "staff-2",
                "approvedByName": "Sam Okoye",
                "comment": "Nothing left to try.",
            }
            self._tell("writeoff.approved.v1", approval, decided_at)
            loan.close(decided_at + timedelta(minutes=1), "WRITTEN_OFF")
        elif self.write_off == "rejected":
            rejection = {"rejectedBy": "staff-2", "reason": "Offer a plan first."}
            self._tell("writeoff.rejected.v1", rejection, decided_at)
            self._agree_on_a_plan(decided_at + timedelta(hours=1))
        elif self.write_off == "cancelled":
            self._tell("writeoff.cancelled.v1", {"cancelledBy": "staff-7"}, decided_at)

    def _tell(self, kind: str, payload: dict[str, Any], at: datetime) -> None:
        request = f"WOR-{self.loan.number:06}"
        self.loan.entries.append(self.publishers.service(kind, payload, at, conv=request))

    def _at(self, day: date, hour: time) -> datetime:
        """Some minutes after that hour of the day."""
        return self.publishers.moment(day, hour) + timedelta(seconds=self.chance.randint(0, 600))
