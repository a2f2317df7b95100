"""The loan account: all rules of the contract's section on Accounts."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from app.aggregates.loan_events import Instalment, LoanAccountEvents
from app.aggregates.loan_status import PENDING_WORDS, TERMINAL_STATUSES, account_status
from app.aggregates.remembering import absorbs
from app.aggregates.source import Source


class LoanAccount(LoanAccountEvents):
    """One loan, as the Accounts service tells of it, in whatever order its messages arrive."""

    def __init__(self, business_id: str) -> None:
        super().__init__(business_id)
        self.balance: Decimal | None = None
        self.sdk_status: str | None = None
        self.account_status: str | None = None
        self.gate_passed = False
        self.awaited_disbursement = False
        self.active_since: str | None = None
        self.funds_seen_on: str | None = None
        self.disbursed_date: str | None = None
        self.closure_reason: str | None = None
        self.schedule_id: str | None = None
        self.schedule_created = False
        self.instalments: dict[str | None, dict[int, Instalment]] = {}

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
        if current_balance is not None and self.stamps.accepts("balance", at, initial=True):
            self.record(self.BalanceReported, source, current_balance=current_balance, initial=True)
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
        at = source.upstream_time
        balance_stands = current_balance is not None and self.stamps.accepts("balance", at)
        if balance_stands:
            self.record(
                self.BalanceReported, source, current_balance=current_balance, without_status=status is None
            )
        if self.stamps.accepts("last_payment", at):
            if last_payment_date is not None or last_payment_amount is not None:
                self.record(
                    self.PaymentReceived,
                    source,
                    paid_date=last_payment_date,
                    amount=last_payment_amount,
                    transaction_id=triggered_by_transaction_id,
                )
            elif (
                balance_stands
                and current_balance is not None
                and before is not None
                and current_balance < before
                and was_active
                and triggered_by_transaction_type in (None, "REPAYMENT")
            ):
                self.record(
                    self.PaymentReceived,
                    source,
                    paid_date=source.at.date().isoformat(),
                    amount=before - current_balance,
                    inferred=True,
                    transaction_id=triggered_by_transaction_id,
                )
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
        fresh = {
            name: value
            for name, value in facts.items()
            if value is not None and self.stamps.accepts(f"closure.{name}", at)
        }
        self.record(self.Closed, source, **fresh)
        if terms := self.stamps.fresh({"total_payable": total_payable}, at):
            self.record(self.TermsRecorded, source, initial=False, **terms)
        if final_balance is not None and self.stamps.accepts("balance", at):
            self.record(self.BalanceReported, source, current_balance=final_balance)
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
        if not self.stamps.accepts("schedule", source.upstream_time):
            return
        known = dict(self.instalments.get(schedule_id, {}))
        if not self.schedule_created:
            known = self.instalments.get(None, {}) | known
        self.record(
            self.ScheduleCreated,
            source,
            schedule_id=schedule_id,
            payments=payments or [],
            instalments=list(known.values()),
            **terms,
        )

    @absorbs
    def update_schedule(
        self, source: Source, *, payments: list[Instalment], schedule_id: str | None = None
    ) -> None:
        """News of some payments of the plan, by their number."""
        of_current = schedule_id is None or self.schedule_id in (None, schedule_id)
        key = schedule_id or self.schedule_id
        fresh = [news for payment in payments if (news := self._fresh_instalment(source, key, payment))]
        if fresh and of_current:
            self.record(self.InstalmentsUpdated, source, schedule_id=key, payments=fresh)
        elif fresh:
            self.record(self.InstalmentsHeld, source, schedule_id=schedule_id, payments=fresh)

    def _fresh_instalment(
        self, source: Source, schedule_id: str | None, payment: Instalment
    ) -> Instalment | None:
        """The payment without what is older than what is known; None if nothing is left."""
        at = payment.get("last_updated") or source.upstream_time
        number = payment["payment_number"]
        # News that named no schedule was about this one, until one that is named was another.
        keys = {schedule_id} if self.schedule_id is not None else {schedule_id, None}
        fresh = {
            name: value
            for name, value in payment.items()
            if name != "payment_number"
            and all(self.stamps.accepts(_instalment_stamp(key, number, name), at) for key in keys)
        }
        return {"payment_number": number, **fresh} if fresh else None

    def remember_instalments(
        self, schedule_id: str | None, payments: list[Instalment], upstream_time: datetime | None
    ) -> None:
        """Keep what was told of a schedule's payments (called by events)."""
        known = self.instalments.setdefault(schedule_id, {})
        for payment in payments:
            number = payment["payment_number"]
            known[number] = known.get(number, {}) | payment
            at = payment.get("last_updated") or upstream_time
            self.stamps.note((_instalment_stamp(schedule_id, number, name) for name in payment), at)

    def adopt_unnamed_instalments(self, schedule_id: str) -> None:
        """News that named no schedule was about this one (called by events)."""
        unnamed = self.instalments.pop(None, {})
        known = self.instalments.setdefault(schedule_id, {})
        for number, payment in unnamed.items():
            known[number] = payment | known.get(number, {})
        self.stamps.adopt("instalment.None.", f"instalment.{schedule_id}.")

    def hear_of_status(self, sdk_status: str, at: datetime) -> None:
        """Remember what even a report that does not count tells (called by events)."""
        if sdk_status == "PENDING_DISBURSEMENT":
            self.awaited_disbursement = True
        elif sdk_status == "ACTIVE" and self.active_since is None:
            self.active_since = at.date().isoformat()

    @absorbs
    def update_aging(self, source: Source, *, bucket: str | None = None, **aging: Any) -> None:
        """How late the account is: ``bucket``, days_past_due, is_in_arrears, last_updated."""
        if self.account_status in TERMINAL_STATUSES and bucket != "closed":
            self.record(self.AgingIgnored, source, bucket=bucket)
            return
        at = aging.get("last_updated") or source.upstream_time
        fresh = {
            name: value
            for name, value in {"bucket": bucket, **aging}.items()
            if value is not None and self.stamps.accepts(f"aging.{name}", at)
        }
        if fresh:
            self.record(self.AgingUpdated, source, **fresh)

    def _report_status(self, source: Source, status: str | None, *, initial: bool = False) -> None:
        if status is not None:
            self._apply_status(source, status, initial=initial)
        self._settle_disbursement(source)

    def _apply_status(self, source: Source, status: str, *, initial: bool) -> None:
        """One-way disbursement gate first, then which report is newer."""
        if self.gate_passed and status in PENDING_WORDS:
            self.record(self.StatusReportIgnored, source, sdk_status=status, rule="one-way disbursement gate")
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
            self.record(self.StatusReportIgnored, source, sdk_status=status, rule="stale snapshot")

    def _settle_disbursement(self, source: Source) -> None:
        """A balance on an account that awaits its disbursement means that it was paid out.

        The status that is inferred so only fills the gap: any that upstream states outranks it.
        """
        disbursed_on = self.funds_seen_on or self.active_since
        if not self.awaited_disbursement or self.disbursed_date is not None or disbursed_on is None:
            return
        if self.sdk_status in PENDING_WORDS:
            self.record(
                self.StatusChanged, source, sdk_status="ACTIVE", account_status="active", initial=True
            )
        self.record(self.Disbursed, source, disbursed_date=disbursed_on)


def _instalment_stamp(schedule_id: str | None, number: int, name: str) -> str:
    return f"instalment.{schedule_id}.{number}.{name}"
