"""What is owed and paid of a loan, by the balances that were reported, in the order of their times; cents."""

from dataclasses import dataclass, field

from app.aggregates.loan_account.reports import Closure, Report


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment received, as its newest report tells of it."""

    at: int
    """The time of the report."""
    day: str | None
    """As reported."""
    amount: int | None
    """As reported, else by how much the balance fell."""
    fell_by: int
    """By how much the balance fell with all reports of it; 0 if one reported it and nothing fell."""
    transaction_id: str | None
    position: int
    """Of its newest report; 0 if reports have none."""


@dataclass(slots=True)
class Balances:
    """The balance, and the payments that moved it. By how much it moved is between neighbours in time.

    A movement that is no payment moves what is payable, and never what was paid: so what is payable now is
    what was paid, is owed, was written off and was released, together.
    """

    owed: int | None = None
    payments: dict[str, Payment] = field(default_factory=dict)
    """By transaction, or else by a number; the newest last."""
    given_up: int = 0
    """By write-offs since the last reopening."""
    is_closed: bool = False
    """Whether a closure stands: it owes nothing, and no report of a balance moves it."""
    unpaid: int | None = None
    """What a closure wrote off or released."""
    _unnamed: int = 0
    _is_known: bool = True
    """Whether what was paid is known: not if a closure gave up an unknown amount."""
    _moved: int = 0
    """By how much payments moved the balance; also what was owed beyond ``unpaid`` when it was closed."""
    _first: int | None = None
    """The first balance, if the loan was running then: what is payable beyond it was paid before."""

    def paid(self, payable: int | None) -> int | None:
        """What was paid; None if it cannot be reported."""
        if self.owed is None or not self._is_known or (self._first is not None and payable is None):
            return None
        before = 0 if self._first is None or payable is None else max(payable - self._first, 0)
        return before + self._moved

    def take(self, report: Report, sdk_status: str | None) -> None:
        """Take the next report. ``sdk_status`` is upstream's word after it.

        A fall is a payment if it is by REPAYMENT, or without a type while the account is open; a rise by
        REPAYMENT is one that was reversed.
        """
        balance, kind = report.get("current_balance"), report.get("triggered_by_transaction_type")
        fell_by = 0
        if balance is not None and not self.is_closed:
            if self.owed is None:
                self._begin(balance, kind, sdk_status)
            else:
                fell_by = self.owed - balance
            self.owed = balance
        is_open = sdk_status in ("PENDING", "ACTIVE", "SUSPENDED")
        if kind == "REPAYMENT" or (kind is None and fell_by > 0 and is_open):
            self._moved += fell_by
            if fell_by:
                self._pay(report, fell_by)
                return
        if "last_payment_date" in report or "last_payment_amount" in report:
            self._pay(report, 0)
        if kind == "WRITE_OFF" and fell_by > 0:
            self.given_up += fell_by

    def close(self, closure: Closure) -> None:
        """``account.closed``: nothing is owed any more. What was left is paid, or unpaid, by the reason.

        It is the final balance if one is reported, else what was owed before. What write-offs gave up before
        is written off too, and counts once: a final balance above what was owed holds it already.
        """
        reason, owed, final = closure.get("reason"), self.owed, closure.get("final_balance", 0)
        left = 0 if reason not in ("WRITTEN_OFF", "ADMIN_CLOSED") else final or owed
        self.is_closed, self.owed = True, 0
        self._is_known = left is not None
        if left is None:
            return
        if owed is None:
            self._first = left
        else:
            self._moved += max(owed - left, 0)
        self.unpaid = left + (self.given_up if reason == "WRITTEN_OFF" and left <= (owed or 0) else 0)

    def _begin(self, balance: int, kind: str | None, sdk_status: str | None) -> None:
        """The first balance. Nothing was paid before it, unless the loan was running."""
        awaits = sdk_status in (None, "PENDING_DISBURSEMENT") or kind == "DISBURSEMENT"
        if not awaits and (balance != 0 or kind == "REPAYMENT"):
            self._first = balance

    def _pay(self, report: Report, fell_by: int) -> None:
        """A payment. Reports of one transaction are one payment, of their sum; one fully reversed is none."""
        self._unnamed += 1
        transaction_id = report.get("triggered_by_transaction_id")
        name = transaction_id or f"/{self._unnamed}"
        known = self.payments.pop(name, None)
        total = fell_by + (0 if known is None else known.fell_by)
        if total > 0 or fell_by == 0:
            amount = report.get("last_payment_amount", total or None)
            day, position = report.get("last_payment_date"), report.get("position", 0)
            self.payments[name] = Payment(report["at"], day, amount, total, transaction_id, position)
