"""The loan account: all rules of the contract's section on Accounts."""

from datetime import datetime
from decimal import Decimal
from typing import TypedDict, Unpack, cast

from app.aggregates.base import Source, absorbs
from app.aggregates.loan_account.events import LoanAccountEvents
from app.aggregates.loan_account.instalments import Instalment
from app.aggregates.loan_account.status import PENDING_WORDS, TERMINAL_STATUSES, account_status


class Terms(TypedDict, total=False):
    """The terms of a loan."""

    account_number: str | None
    loan_amount: Decimal | None
    loan_fee: Decimal | None
    total_payable: Decimal | None
    opened_date: str | None
    commencement_date: str | None
    signed_loan_agreement_url: str | None


class Plan(TypedDict, total=False):
    """The terms of a repayment schedule, beside its payments."""

    loan_amount: Decimal | None
    total_amount: Decimal | None
    fee: Decimal | None
    number_of_payments: int | None
    payment_frequency: str | None
    created_date: str | None


class LoanAccount(LoanAccountEvents):
    """One loan, as the Accounts service tells of it, in any order of its messages."""

    @absorbs
    def open(
        self,
        source: Source,
        *,
        customer_id: str,
        status: str | None = None,
        current_balance: Decimal | None = None,
        **terms: Unpack[Terms],
    ) -> None:
        """The account's creation. It fills gaps only: later messages may have arrived first."""
        self.report(source, self.LinkedToCustomer(customer_id=customer_id))
        self.report(source, self.TermsRecorded(initial=True, **terms))
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
        fell_by = Decimal(0)
        if current_balance is not None and balance_stands and before is not None:
            fell_by = before - current_balance
        if last_payment_date is not None or last_payment_amount is not None:
            payment = self.PaymentReceived(
                paid_date=last_payment_date,
                amount=last_payment_amount,
                transaction_id=triggered_by_transaction_id,
            )
            self.report(source, payment)
        elif fell_by > 0 and was_active and triggered_by_transaction_type in (None, "REPAYMENT"):
            paid_date = source.at.date().isoformat()
            payment = self.PaymentReceived(
                paid_date=paid_date,
                amount=fell_by,
                inferred=True,
                transaction_id=triggered_by_transaction_id,
            )
            self.drop_stale(source, payment)
            if payment.paid_date and payment.amount:  # All of it or nothing, as no message said it.
                self.record(source, payment)
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
        reason: str | None = None,
        previous_status: str | None = None,
        closed_date: str | None = None,
        final_balance: Decimal | None = None,
        total_paid: Decimal | None = None,
        total_payable: Decimal | None = None,
        triggered_by_transaction_id: str | None = None,
    ) -> None:
        """The account is closed."""
        closed = self.Closed(
            reason=reason,
            previous_status=previous_status,
            closed_date=closed_date,
            final_balance=final_balance,
            total_paid=total_paid,
            triggered_by_transaction_id=triggered_by_transaction_id,
        )
        self.drop_stale(source, closed)
        self.record(source, closed)
        self.report(source, self.TermsRecorded(initial=False, total_payable=total_payable))
        by = "WRITE_OFF" if self.closure_reason == "WRITTEN_OFF" else None
        self._report_balance(source, final_balance, transaction_type=by)
        self._report_status(source, "CLOSED")
        closed_as = account_status("CLOSED", self.closure_reason)
        if self.sdk_status == "CLOSED" and self.account_status != closed_as:
            self.record(source, self.ClosureClassified(account_status=closed_as))

    @absorbs
    def create_schedule(
        self,
        source: Source,
        *,
        schedule_id: str,
        payments: list[Instalment] | None = None,
        **plan: Unpack[Plan],
    ) -> None:
        """The repayment plan. What is already known of its payments stays."""
        at = source.upstream_time
        is_known = self.schedule_created and self.schedule_id == schedule_id
        if not is_known and not self.stamps.accepts("schedule", at):
            return
        prefix = f"schedule.{schedule_id}."
        fresh = self.stamps.fresh(plan, at, prefix=prefix)
        takes_payments = bool(payments) and self.stamps.accepts(f"{prefix}payments", at)
        times = [time for time in (at, self.schedule_since if is_known else None) if time is not None]
        since = min(times, default=None)
        self.record(
            source,
            self.ScheduleCreated(
                schedule_id=schedule_id,
                schedule_since=since,
                payments=(payments or []) if takes_payments else [],
                instalments=self.instalments.of(schedule_id, since),
                **cast("Plan", fresh),
            ),
        )

    @absorbs
    def update_schedule(
        self, source: Source, *, payments: list[Instalment], schedule_id: str | None = None
    ) -> None:
        """News of some payments of the plan, by their number."""
        if schedule_id is None and self.schedule_created:
            early = [payment for payment in payments if self._precedes_schedule(source, payment)]
            if fresh := self.instalments.fresh(None, early, source.upstream_time):
                self.record(source, self.InstalmentsHeld(payments=fresh))
            payments = [payment for payment in payments if payment not in early]
            schedule_id = self.schedule_id
        if fresh := self.instalments.fresh(schedule_id, payments, source.upstream_time):
            of_current = schedule_id is None or self.schedule_id in (None, schedule_id)
            event_class = self.InstalmentsUpdated if of_current else self.InstalmentsHeld
            self.record(source, event_class(schedule_id=schedule_id, payments=fresh))

    def _precedes_schedule(self, source: Source, payment: Instalment) -> bool:
        """Whether unnamed news is older than the schedule, as far as it is known."""
        at = payment.get("last_updated") or source.upstream_time
        return at is not None and self.schedule_since is not None and at < self.schedule_since

    @absorbs
    def update_aging(
        self,
        source: Source,
        *,
        bucket: str | None = None,
        days_past_due: int | None = None,
        is_in_arrears: bool | None = None,
        last_updated: datetime | None = None,
    ) -> None:
        """How late the account is."""
        if self.account_status in TERMINAL_STATUSES and bucket != "closed":
            self.record(source, self.AgingIgnored(bucket=bucket))
            return
        self.report(
            source,
            self.AgingUpdated(
                bucket=bucket,
                days_past_due=days_past_due,
                is_in_arrears=is_in_arrears,
                last_updated=last_updated,
            ),
        )

    def _report_balance(
        self,
        source: Source,
        balance: Decimal | None,
        *,
        initial: bool = False,
        without_status: bool = False,
        transaction_type: str | None = None,
    ) -> bool:
        """Whether it counts."""
        if balance is None:
            return False
        counts = self.stamps.accepts("balance", source.upstream_time, initial=initial)
        event_class = self.BalanceReported if counts else self.StaleBalanceReported
        self.record(
            source,
            event_class(
                current_balance=balance,
                initial=initial,
                without_status=without_status,
                transaction_type=transaction_type,
            ),
        )
        if self.movements.besides != self.other_movements:
            self.record(source, self.OtherMovementsReckoned(amount=self.movements.besides))
        return counts

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
                source,
                self.StatusChanged(
                    sdk_status=status,
                    account_status=account_status(status, self.closure_reason),
                    initial=initial,
                ),
            )
        else:
            self._ignore_status(source, status, "stale snapshot", initial=initial)

    def _ignore_status(self, source: Source, status: str, rule: str, *, initial: bool) -> None:
        self.record(source, self.StatusReportIgnored(sdk_status=status, rule=rule, initial=initial))

    def _settle_disbursement(self, source: Source) -> None:
        """A balance on an account that awaits its disbursement means that it was paid out.

        The status that is inferred so only fills the gap: any that upstream states outranks it.
        """
        if (paid_out_at := self.disbursement.paid_out_at()) is None:
            return
        if self.sdk_status in PENDING_WORDS:
            self.record(
                source,
                self.StatusChanged(sdk_status="ACTIVE", account_status="active", initial=True, inferred=True),
            )
        paid_out_on = paid_out_at.date().isoformat()
        if self.disbursed_date is None or paid_out_on < self.disbursed_date:
            self.record(source, self.Disbursed(disbursed_date=paid_out_on))
