"""What can happen to a loan account. Amounts are AUD; dates are ``YYYY-MM-DD``."""

from datetime import datetime
from decimal import Decimal

from app.aggregates.base import NOTHING, Aggregate, Report
from app.aggregates.loan_account.instalments import Instalment
from app.aggregates.loan_account.state import LoanAccountState
from app.aggregates.loan_account.status import PENDING_WORDS
from app.aggregates.report_order import FieldStamps


class LoanAccountEvents(LoanAccountState):
    """The domain events of :class:`app.aggregates.loan_account.account.LoanAccount`."""

    OWNED_BY = (("customer_id", "Customer"),)

    class LinkedToCustomer(Report):
        PERSONAL = NOTHING

        customer_id: str

        def fills_gaps(self) -> bool:
            return True

        def apply(self, aggregate: LoanAccountState) -> None:
            aggregate.customer_id = self.customer_id

    class TermsRecorded(Report):
        """``initial``: said at the account's creation, so that it only fills gaps."""

        PERSONAL = frozenset(("signed_loan_agreement_url",))
        STAMPED = (
            *("account_number", "loan_amount", "loan_fee", "total_payable"),
            *("opened_date", "commencement_date", "signed_loan_agreement_url"),
        )

        initial: bool
        account_number: str | None = None
        loan_amount: Decimal | None = None
        loan_fee: Decimal | None = None
        total_payable: Decimal | None = None
        opened_date: str | None = None
        commencement_date: str | None = None
        signed_loan_agreement_url: str | None = None

        def fills_gaps(self) -> bool:
            return self.initial

    class StaleBalanceReported(Aggregate.Event):
        """A balance, older than the one that is known.

        ``without_status``: the same message had no status, which may mean a disbursement.
        ``transaction_type``: what moved it, if that is known.
        """

        PERSONAL = NOTHING

        current_balance: Decimal
        initial: bool = False
        without_status: bool = False
        transaction_type: str | None = None

        def apply(self, aggregate: LoanAccountState) -> None:
            aggregate.movements.report(
                self.current_balance, self.transaction_type, self.upstream_time, initial=self.initial
            )
            if self.without_status and self.current_balance > 0:
                aggregate.disbursement.money_seen(self.upstream_time, self.at)

    class BalanceReported(StaleBalanceReported):
        """The newest balance; its facts are those of StaleBalanceReported."""

        PERSONAL = NOTHING

        def apply(self, aggregate: LoanAccountState) -> None:
            super().apply(aggregate)
            aggregate.balance = self.current_balance

        def stamp(self, stamps: FieldStamps) -> None:
            stamps.note(["balance"], self.upstream_time, initial=self.initial)

    class OtherMovementsReckoned(Aggregate.Event):
        """By how much fees, waivers, adjustments and write-offs moved the balance so far, in all."""

        PERSONAL = NOTHING

        amount: Decimal

        def apply(self, aggregate: LoanAccountState) -> None:
            aggregate.other_movements = self.amount

    class PaymentReceived(Report):
        """``inferred``: no message said so, but the balance fell by ``amount``.

        Its ``paid_date`` is the day in UTC then; read models that count by days take the event's own time.
        """

        PERSONAL = NOTHING
        STAMPED = ("paid_date", "amount")
        PREFIX = "payment."

        paid_date: str | None = None
        amount: Decimal | None = None
        inferred: bool = False
        transaction_id: str | None = None

    class StatusReportIgnored(Aggregate.Event):
        """A rule of the contract kept the status as it was: ``rule`` names it."""

        PERSONAL = NOTHING

        sdk_status: str
        rule: str
        initial: bool = False

        def apply(self, aggregate: LoanAccountState) -> None:
            aggregate.disbursement.status_reported(
                self.sdk_status, self.upstream_time, self.at, initial=self.initial
            )

    class StatusChanged(Aggregate.Event):
        """``sdk_status`` is upstream's word, ``account_status`` ours.

        ``inferred``: no message said so, but the account awaited its disbursement, and has money.
        """

        PERSONAL = NOTHING

        sdk_status: str
        account_status: str
        initial: bool = False
        inferred: bool = False

        def apply(self, aggregate: LoanAccountState) -> None:
            aggregate.sdk_status = self.sdk_status
            aggregate.account_status = self.account_status
            aggregate.gate_passed |= self.sdk_status not in PENDING_WORDS
            if not self.inferred:
                aggregate.disbursement.status_reported(
                    self.sdk_status, self.upstream_time, self.at, initial=self.initial
                )

        def stamp(self, stamps: FieldStamps) -> None:
            stamps.note(["status"], self.upstream_time, initial=self.initial)

    class Disbursed(Aggregate.Event):
        """Recorded again only if an older report, arriving late, shows an earlier date."""

        PERSONAL = NOTHING

        disbursed_date: str

        def apply(self, aggregate: LoanAccountState) -> None:
            aggregate.disbursed_date = self.disbursed_date
            aggregate.gate_passed = True

    class Closed(Report):
        """``reason`` is PAID_OFF, WRITTEN_OFF or ADMIN_CLOSED."""

        PERSONAL = NOTHING
        PREFIX = "closure."

        reason: str | None = None
        previous_status: str | None = None
        closed_date: str | None = None
        final_balance: Decimal | None = None
        total_paid: Decimal | None = None
        triggered_by_transaction_id: str | None = None

        def apply(self, aggregate: LoanAccountState) -> None:
            aggregate.closure_reason = self.reason or aggregate.closure_reason

    class ClosureClassified(Aggregate.Event):
        """The reason of a closure that was known already: it decides between paid and written off."""

        PERSONAL = NOTHING

        account_status: str

        def apply(self, aggregate: LoanAccountState) -> None:
            aggregate.account_status = self.account_status

    class ScheduleCreated(Aggregate.Event):
        """A plan, or what is new in a plan that is already known.

        ``payments`` is empty if the message had none. ``instalments`` is what was already known of the
        payments. ``schedule_since`` is the earliest time of this plan, if known.
        """

        PERSONAL = NOTHING

        schedule_id: str
        payments: list[Instalment]
        instalments: list[Instalment]
        schedule_since: datetime | None = None
        loan_amount: Decimal | None = None
        total_amount: Decimal | None = None
        fee: Decimal | None = None
        number_of_payments: int | None = None
        payment_frequency: str | None = None
        created_date: str | None = None

        def apply(self, aggregate: LoanAccountState) -> None:
            aggregate.schedule_id = self.schedule_id
            aggregate.schedule_created = True
            aggregate.schedule_since = self.schedule_since
            aggregate.instalments.adopt(self.schedule_id, self.schedule_since)

        def stamp(self, stamps: FieldStamps) -> None:
            at = self.upstream_time
            if stamps.accepts("schedule", at):
                stamps.note(["schedule"], at)
            facts = vars(self)
            names = [name for name in ("payments", *PLAN) if facts.get(name)]
            stamps.note(names, at, prefix=f"schedule.{self.schedule_id}.")

    class InstalmentsHeld(Aggregate.Event):
        """They belong to a schedule that is not the account's (yet): kept until it is created.

        Without a ``schedule_id``: to the one made before them.
        """

        PERSONAL = NOTHING

        payments: list[Instalment]
        schedule_id: str | None = None

        def apply(self, aggregate: LoanAccountState) -> None:
            aggregate.instalments.remember(self.schedule_id, self.payments, self.upstream_time)

    class InstalmentsUpdated(InstalmentsHeld):
        """``schedule_id`` is absent if no schedule was created, and upstream did not name it."""

        PERSONAL = NOTHING

        def apply(self, aggregate: LoanAccountState) -> None:
            super().apply(aggregate)
            aggregate.schedule_id = aggregate.schedule_id or self.schedule_id

    class AgingUpdated(Report):
        """``bucket`` is current, early_arrears, late_arrears, default or closed."""

        PERSONAL = NOTHING
        PREFIX = "aging."

        days_past_due: int | None = None
        bucket: str | None = None
        is_in_arrears: bool | None = None
        last_updated: datetime | None = None

        def reported_at(self, at: datetime) -> datetime:
            return self.last_updated or at

    class AgingIgnored(Aggregate.Event):
        """The account is paid or written off: only the bucket ``closed`` can follow."""

        PERSONAL = NOTHING

        bucket: str | None = None


PLAN = ("loan_amount", "total_amount", "fee", "number_of_payments", "payment_frequency", "created_date")
"""The terms of a schedule, beside its payments."""
