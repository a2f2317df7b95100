"""Where a loan account stands: the contract's rules for accounts, one definition of each notion.

An account's reports are taken one by one in the order in which they happened (:mod:`reports`), so no order of
arrival makes a difference. Amounts are cents.
"""

from copy import copy

from app.aggregates.loan_account.balances import Balances, Payment
from app.aggregates.loan_account.reports import Aging, Closure, Report, Terms
from app.aggregates.loan_account.status import PENDING_WORDS, TERMINAL_STATUSES, account_status


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
