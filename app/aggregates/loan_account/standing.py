"""Where a loan account stands: the contract's rules for accounts, one definition of each notion.

An account's reports are taken one by one in the order in which they happened (:mod:`reports`), so no order of
arrival makes a difference. Amounts are cents.
"""

from copy import copy
from dataclasses import dataclass, field

from app.aggregates.loan_account.reports import (
    PENDING_WORDS,
    TERMINAL_STATUSES,
    Aging,
    Closure,
    Report,
    Terms,
    account_status,
)


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


class Standing:
    """The state of one account after the reports that it took so far."""

    def __init__(self) -> None:
        self.terms: Terms = {}
        self.sdk_status: str | None = None
        self.disbursed_at: int | None = None
        self.closed_at: int | None = None
        self.reopened_at: int | None = None
        self.closure: Closure | None = None
        self._aging: Aging | None = None
        self._balances = Balances()
        self._open_balances = self._balances
        """The same without the closure that stands: what counts again once the account is reopened."""

    def take(self, report: Report) -> None:
        """Take the next report."""
        self.terms |= report.get("terms", {})
        self._take_status(report)
        self._open_balances.take(report, self.sdk_status)
        if self._balances is not self._open_balances:
            self._balances.take(report, self.sdk_status)
        if (closure := report.get("closure")) is not None:
            self.closure, self.closed_at = closure, report["at"]
            self._balances = copy(self._open_balances)
            self._balances.payments = dict(self._open_balances.payments)
            self._balances.close(closure)
        if (aging := report.get("aging")) is not None:
            self._aging = aging

    @property
    def account_status(self) -> str | None:
        """Our word for the status."""
        if self.sdk_status is None:
            return None
        return account_status(self.sdk_status, self._reason)

    @property
    def is_terminal(self) -> bool:
        """Whether it is paid off or written off."""
        return self.account_status in TERMINAL_STATUSES

    @property
    def balance(self) -> int | None:
        """What is owed: nothing while a closure stands."""
        return self._balances.owed

    @property
    def written_off(self) -> int | None:
        """What was given up of a written-off account."""
        return self._balances.unpaid if self._reason == "WRITTEN_OFF" else None

    @property
    def released(self) -> int | None:
        """What was left of an account that was closed by an administrator."""
        return self._balances.unpaid if self._reason == "ADMIN_CLOSED" else None

    @property
    def total_paid(self) -> int | None:
        """What was paid. It, what is owed, written off and released are together what is payable.

        A closure's own total counts only where the balances do not tell.
        """
        paid = self._balances.paid(self.terms.get("total_payable"))
        if paid is None and self.closure is not None:
            return self.closure.get("total_paid")
        return paid

    @property
    def payments(self) -> list[Payment]:
        """Those by which the balance fell, each once, the newest last."""
        return [each for each in self._balances.payments.values() if each.fell_by > 0]

    @property
    def last_payment(self) -> Payment | None:
        """The newest payment, by the time of its report; also one that was reported without a fall."""
        return next(reversed(self._balances.payments.values()), None)

    @property
    def aging(self) -> Aging | None:
        """How late it is: what the newest report says; not at all while paid or written off."""
        if self.is_terminal and self.closed_at is not None:
            return Aging(days_past_due=0, bucket="closed", is_in_arrears=False, last_updated=self.closed_at)
        return self._aging

    @property
    def in_arrears(self) -> bool:
        """The one definition of being in arrears."""
        late = self._aging is not None and self._aging["is_in_arrears"]
        return self.account_status == "in_arrears" or (self.account_status == "active" and late)

    def _take_status(self, report: Report) -> None:
        """One-way disbursement gate, disbursement, closing and reopening."""
        status, was = "CLOSED" if "closure" in report else report.get("status"), self.sdk_status
        if status is None and was == "PENDING_DISBURSEMENT" and report.get("current_balance", 0) > 0:
            status = "ACTIVE"
        is_out = was is not None and was not in PENDING_WORDS
        if status is None or (is_out and status in PENDING_WORDS):
            return
        self.sdk_status = status
        if was == "PENDING_DISBURSEMENT" and status == "ACTIVE":
            self.disbursed_at = report["at"]
        if status == "CLOSED" != was:
            self.closed_at, self.reopened_at = report["at"], None
        elif was == "CLOSED" != status:  # None of the closure's facts count any more.
            self.reopened_at, self.closed_at, self.closure = report["at"], None, None
            self._balances = self._open_balances
            self._balances.given_up = 0

    @property
    def _reason(self) -> str | None:
        return None if self.closure is None else self.closure.get("reason")


def standing_after(reports: list[Report]) -> Standing:
    """Where an account stands after these reports, which are in order."""
    standing = Standing()
    for report in reports:
        standing.take(report)
    return standing
