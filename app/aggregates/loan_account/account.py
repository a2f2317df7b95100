"""The loan account: all rules of the contract's section on Accounts."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from app.aggregates.base import absorbs
from app.aggregates.loan_account.disbursement import Disbursement
from app.aggregates.loan_account.events import LoanAccountEvents
from app.aggregates.loan_account.instalments import Instalment, Instalments
from app.aggregates.loan_account.movements import Movements
from app.aggregates.loan_account.status import PENDING_WORDS, TERMINAL_STATUSES, account_status
from app.aggregates.source import Source


class LoanAccount(LoanAccountEvents):
    """One loan, as the Accounts service tells of it, in whatever order its messages arrive."""

    def __init__(self, business_id: str) -> None:
        super().__init__(business_id)
        self.customer_id: str | None = None
        self.balance: Decimal | None = None
        self.movements = Movements()
        self.other_movements = Decimal(0)
        self.sdk_status: str | None = None
        self.account_status: str | None = None
        self.gate_passed = False
        self.disbursement = Disbursement()
        self.disbursed_date: str | None = None
        self.closure_reason: str | None = None
        self.schedule_id: str | None = None
        self.schedule_created = False
        self.schedule_since: datetime | None = None
        self.instalments = Instalments()

    @property
    def is_open(self) -> bool:
        """Whether it is neither paid nor written off, as far as anybody knows."""
        return self.account_status not in TERMINAL_STATUSES

    @property
    def is_closed(self) -> bool:
        """Whether upstream has closed it, for whatever reason."""
        return self.sdk_status == "CLOSED"

    @property
    def remembered(self) -> int:
        return super().remembered + len(self.instalments) + len(self.movements)

    @absorbs
    def open(
        self,
        source: Source,
        *,
        customer_id: str,
        status: str | None = None,
        current_balance: Decimal | None = None,
        **terms: Any,
    ) -> None:
        """The account's creation. It fills gaps only: later messages may have arrived first.

        ``terms``: account_number, loan_amount, loan_fee, total_payable, opened_date,
        commencement_date, signed_loan_agreement_url.
        """
        at = source.upstream_time
        if self.stamps.accepts("customer_id", at, initial=True):
            self.record(self.LinkedToCustomer, source, customer_id=customer_id)
        if fresh := self.stamps.fresh(terms, at, initial=True):
            self.record(self.TermsRecorded, source, initial=True, **fresh)
        self._report_balance(source, current_balance, initial=True)
        self._report_status(source, status, initial=True)

    @absorbs
    def update(
        self,
        source: Source,
        *,
        current_balance: Decimal | None = None,
        status: str | None = None,
        last_payment_date: str | None = None,
        last_payment_amount: Decimal | None = None,
        triggered_by_transaction_type: str | None = None,
        triggered_by_transaction_id: str | None = None,
    ) -> None:
        """A new balance, status or last payment."""
        before, was_active = self.balance, self.account_status == "active"
        balance_stands = self._report_balance(
            source,
            current_balance,
            without_status=status is None,
            transaction_type=triggered_by_transaction_type,
        )
        told = {"paid_date": last_payment_date, "amount": last_payment_amount}
        fell_by = Decimal(0)
        if current_balance is not None and balance_stands and before is not None:
            fell_by = before - current_balance
        if any(value is not None for value in told.values()):
            self._receive_payment(source, told, triggered_by_transaction_id)
        elif fell_by > 0 and was_active and triggered_by_transaction_type in (None, "REPAYMENT"):
            told = {"paid_date": source.at.date().isoformat(), "amount": fell_by}
            self._receive_payment(source, told, triggered_by_transaction_id, inferred=True)
        self._report_status(source, status)

    @absorbs
    def change_status(self, source: Source, *, status: str) -> None:
        """Upstream moved the account to ``status``."""
        self._report_status(source, status)

    @absorbs
    def close(
        self,
        source: Source,
        *,
        final_balance: Decimal | None = None,
        total_payable: Decimal | None = None,
        **closure: Any,
    ) -> None:
        """The account is closed.

        ``closure``: reason, previous_status, closed_date, total_paid, triggered_by_transaction_id.
        """
        at = source.upstream_time
        facts = {"final_balance": final_balance, **closure}
        self.record(self.Closed, source, **self.stamps.fresh(facts, at, prefix="closure."))
        if terms := self.stamps.fresh({"total_payable": total_payable}, at):
            self.record(self.TermsRecorded, source, initial=False, **terms)
        by = "WRITE_OFF" if self.closure_reason == "WRITTEN_OFF" else None
        self._report_balance(source, final_balance, transaction_type=by)
        self._report_status(source, "CLOSED")
        closed_as = account_status("CLOSED", self.closure_reason)
        if self.sdk_status == "CLOSED" and self.account_status != closed_as:
            self.record(self.ClosureClassified, source, account_status=closed_as)

    @absorbs
    def create_schedule(
        self, source: Source, *, schedule_id: str, payments: list[Instalment] | None = None, **terms: Any
    ) -> None:
        """The repayment plan. What was already told of its payments stays.

        ``terms``: loan_amount, total_amount, fee, number_of_payments, payment_frequency, created_date.
        """
        at = source.upstream_time
        told_before = self.schedule_created and self.schedule_id == schedule_id
        if not told_before and not self.stamps.accepts("schedule", at):
            return
        told = {"payments": payments or None, **terms}
        fresh = self.stamps.fresh(told, at, prefix=f"schedule.{schedule_id}.")
        times = [time for time in (at, self.schedule_since if told_before else None) if time is not None]
        since = min(times, default=None)
        self.record(
            self.ScheduleCreated,
            source,
            schedule_id=schedule_id,
            schedule_since=since,
            payments=fresh.pop("payments", []),
            instalments=self.instalments.of(schedule_id, since),
            **fresh,
        )

    @absorbs
    def update_schedule(
        self, source: Source, *, payments: list[Instalment], schedule_id: str | None = None
    ) -> None:
        """News of some payments of the plan, by their number."""
        if schedule_id is None and self.schedule_created:
            early = [payment for payment in payments if self._precedes_schedule(source, payment)]
            self._take_instalments(self.InstalmentsHeld, source, None, early)
            payments = [payment for payment in payments if payment not in early]
            schedule_id = self.schedule_id
        of_current = schedule_id is None or self.schedule_id in (None, schedule_id)
        event_class = self.InstalmentsUpdated if of_current else self.InstalmentsHeld
        self._take_instalments(event_class, source, schedule_id, payments)

    def _take_instalments(
        self, event_class: Any, source: Source, schedule_id: str | None, payments: list[Instalment]
    ) -> None:
        if fresh := self.instalments.fresh(schedule_id, payments, source.upstream_time):
            self.record(event_class, source, schedule_id=schedule_id, payments=fresh)

    def _precedes_schedule(self, source: Source, payment: Instalment) -> bool:
        """Whether unnamed news is older than the schedule, as far as it is known."""
        at = payment.get("last_updated") or source.upstream_time
        return at is not None and self.schedule_since is not None and at < self.schedule_since

    def hear_of_balance(self, report: Any) -> None:
        """Remember what even a report that does not count tells (called by events)."""
        self.movements.report(
            report.current_balance, report.transaction_type, report.upstream_time, initial=report.initial
        )
        if report.without_status and report.current_balance > 0:
            self.disbursement.money_seen(report.upstream_time, report.at)

    def hear_of_status(self, report: Any) -> None:
        """Remember what even a report that does not count tells (called by events)."""
        if report.sdk_status == "PENDING_DISBURSEMENT":
            self.disbursement.awaited(report.upstream_time, report.at, initial=report.initial)
        elif report.sdk_status == "ACTIVE":
            self.disbursement.money_seen(report.upstream_time, report.at)

    @absorbs
    def update_aging(self, source: Source, *, bucket: str | None = None, **aging: Any) -> None:
        """How late the account is: ``bucket``, days_past_due, is_in_arrears, last_updated."""
        if self.account_status in TERMINAL_STATUSES and bucket != "closed":
            self.record(self.AgingIgnored, source, bucket=bucket)
            return
        at = aging.get("last_updated") or source.upstream_time
        if fresh := self.stamps.fresh({"bucket": bucket, **aging}, at, prefix="aging."):
            self.record(self.AgingUpdated, source, **fresh)

    def _report_balance(self, source: Source, balance: Decimal | None, **more: Any) -> bool:
        """Whether it stands. ``more``: the further fields of BalanceReported."""
        if balance is None:
            return False
        stands = self.stamps.accepts("balance", source.upstream_time, initial=more.get("initial", False))
        event_class = self.BalanceReported if stands else self.StaleBalanceReported
        self.record(event_class, source, current_balance=balance, **more)
        if self.movements.besides != self.other_movements:
            self.record(self.OtherMovementsReckoned, source, amount=self.movements.besides)
        return stands

    def _report_status(self, source: Source, status: str | None, *, initial: bool = False) -> None:
        if status is not None:
            self._apply_status(source, status, initial=initial)
        self._settle_disbursement(source)

    def _apply_status(self, source: Source, status: str, *, initial: bool) -> None:
        """One-way disbursement gate first, then which report is newer."""
        if self.gate_passed and status in PENDING_WORDS:
            self._ignore_status(source, status, "one-way disbursement gate", initial=initial)
            return
        # An account that was ever active cannot be pending: such news counts, however old it is.
        passes_gate = self.sdk_status in PENDING_WORDS and status not in PENDING_WORDS
        if passes_gate or self.stamps.accepts("status", source.upstream_time, initial=initial):
            self.record(
                self.StatusChanged,
                source,
                sdk_status=status,
                account_status=account_status(status, self.closure_reason),
                initial=initial,
            )
        else:
            self._ignore_status(source, status, "stale snapshot", initial=initial)

    def _ignore_status(self, source: Source, status: str, rule: str, *, initial: bool) -> None:
        self.record(self.StatusReportIgnored, source, sdk_status=status, rule=rule, initial=initial)

    def _settle_disbursement(self, source: Source) -> None:
        """A balance on an account that awaits its disbursement means that it was paid out.

        The status that is inferred so only fills the gap: any that upstream states outranks it.
        """
        if (paid_out_at := self.disbursement.paid_out_at()) is None:
            return
        if self.sdk_status in PENDING_WORDS:
            self.record(
                self.StatusChanged,
                source,
                sdk_status="ACTIVE",
                account_status="active",
                initial=True,
                inferred=True,
            )
        paid_out_on = paid_out_at.date().isoformat()
        if self.disbursed_date is None or paid_out_on < self.disbursed_date:
            self.record(self.Disbursed, source, disbursed_date=paid_out_on)

    def _receive_payment(
        self, source: Source, told: dict[str, Any], transaction_id: str | None, *, inferred: bool = False
    ) -> None:
        """Take over what is not older than what is known; of an inferred payment, all or nothing."""
        fresh = self.stamps.fresh(told, source.upstream_time, prefix="payment.")
        if fresh and (not inferred or len(fresh) == len(told)):
            self.record(
                self.PaymentReceived, source, inferred=inferred, transaction_id=transaction_id, **fresh
            )
