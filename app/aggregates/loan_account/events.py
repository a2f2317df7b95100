"""What can happen to a loan account. Amounts are AUD; dates are ``YYYY-MM-DD``."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from app.aggregates.base import NOTHING, RememberingAggregate
from app.aggregates.loan_account.instalments import Instalment
from app.aggregates.loan_account.status import PENDING_WORDS


class LoanAccountEvents(RememberingAggregate):
    """The domain events of :class:`app.aggregates.loan_account.account.LoanAccount`."""

    OWNED_BY = (("customer_id", "Customer"),)

    class LinkedToCustomer(RememberingAggregate.Event):
        PERSONAL = NOTHING

        customer_id: str

        def change(self, aggregate: Any) -> None:
            aggregate.stamps.note(["customer_id"], self.upstream_time, initial=True)
            aggregate.customer_id = self.customer_id

    class TermsRecorded(RememberingAggregate.Event):
        """``initial``: told at the account's creation, so that it only fills gaps."""

        PERSONAL = frozenset(("signed_loan_agreement_url",))

        initial: bool
        account_number: str | None = None
        loan_amount: Decimal | None = None
        loan_fee: Decimal | None = None
        total_payable: Decimal | None = None
        opened_date: str | None = None
        commencement_date: str | None = None
        signed_loan_agreement_url: str | None = None

        def change(self, aggregate: Any) -> None:
            names = [name for name in TERMS if getattr(self, name) is not None]
            aggregate.stamps.note(names, self.upstream_time, initial=self.initial)

    class BalanceReported(RememberingAggregate.Event):
        """``without_status``: the same message told no status, which may mean a disbursement.

        ``transaction_type``: what moved it, as far as it was told.
        """

        PERSONAL = NOTHING

        current_balance: Decimal
        initial: bool = False
        without_status: bool = False
        transaction_type: str | None = None

        def change(self, aggregate: Any) -> None:
            aggregate.hear_of_balance(self)
            aggregate.stamps.note(["balance"], self.upstream_time, initial=self.initial)
            aggregate.balance = self.current_balance

    class StaleBalanceReported(RememberingAggregate.Event):
        """A newer balance was known already; the rest as in BalanceReported."""

        PERSONAL = NOTHING

        current_balance: Decimal
        without_status: bool = False
        initial: bool = False
        transaction_type: str | None = None

        def change(self, aggregate: Any) -> None:
            aggregate.hear_of_balance(self)

    class OtherMovementsReckoned(RememberingAggregate.Event):
        """By how much fees, waivers, adjustments and write-offs moved the balance so far, in all."""

        PERSONAL = NOTHING

        amount: Decimal

        def change(self, aggregate: Any) -> None:
            aggregate.other_movements = self.amount

    class PaymentReceived(RememberingAggregate.Event):
        """``inferred``: nobody said so, but the balance fell by ``amount``.

        Its ``paid_date`` is the day in UTC then; read models that count by days take the event's own time.
        """

        PERSONAL = NOTHING

        paid_date: str | None = None
        amount: Decimal | None = None
        inferred: bool = False
        transaction_id: str | None = None

        def change(self, aggregate: Any) -> None:
            names = [name for name in PAYMENT if getattr(self, name) is not None]
            aggregate.stamps.note(names, self.upstream_time, prefix="payment.")

    class StatusChanged(RememberingAggregate.Event):
        """``sdk_status`` is upstream's word, ``account_status`` ours.

        ``inferred``: nobody said so, but the account awaited its disbursement, and has money.
        """

        PERSONAL = NOTHING

        sdk_status: str
        account_status: str
        initial: bool = False
        inferred: bool = False

        def change(self, aggregate: Any) -> None:
            aggregate.stamps.note(["status"], self.upstream_time, initial=self.initial)
            aggregate.sdk_status = self.sdk_status
            aggregate.account_status = self.account_status
            aggregate.gate_passed |= self.sdk_status not in PENDING_WORDS
            if not self.inferred:
                aggregate.hear_of_status(self)

    class StatusReportIgnored(RememberingAggregate.Event):
        """A rule of the contract kept the status as it was: ``rule`` names it."""

        PERSONAL = NOTHING

        sdk_status: str
        rule: str
        initial: bool = False

        def change(self, aggregate: Any) -> None:
            aggregate.hear_of_status(self)

    class Disbursed(RememberingAggregate.Event):
        """Told again only where an older report, arriving late, shows an earlier date."""

        PERSONAL = NOTHING

        disbursed_date: str

        def change(self, aggregate: Any) -> None:
            aggregate.disbursed_date = self.disbursed_date
            aggregate.gate_passed = True

    class Closed(RememberingAggregate.Event):
        """``reason`` is PAID_OFF, WRITTEN_OFF or ADMIN_CLOSED."""

        PERSONAL = NOTHING

        reason: str | None = None
        previous_status: str | None = None
        closed_date: str | None = None
        final_balance: Decimal | None = None
        total_paid: Decimal | None = None
        triggered_by_transaction_id: str | None = None

        def change(self, aggregate: Any) -> None:
            names = [name for name in CLOSURE if getattr(self, name) is not None]
            aggregate.stamps.note(names, self.upstream_time, prefix="closure.")
            aggregate.closure_reason = self.reason or aggregate.closure_reason

    class ClosureClassified(RememberingAggregate.Event):
        """The reason of a closure that was known already: it decides between paid and written off."""

        PERSONAL = NOTHING

        account_status: str

        def change(self, aggregate: Any) -> None:
            aggregate.account_status = self.account_status

    class ScheduleCreated(RememberingAggregate.Event):
        """A plan, or what was new in a plan that was told before.

        ``payments`` is empty where the message held none. ``instalments`` is what was already known
        of the payments. ``schedule_since`` is the earliest time that this plan was told, if known.
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

        def change(self, aggregate: Any) -> None:
            at, stamps = self.upstream_time, aggregate.stamps
            if stamps.accepts("schedule", at):
                stamps.note(["schedule"], at)
            names = [name for name in SCHEDULE if getattr(self, name)]
            stamps.note(names, at, prefix=f"schedule.{self.schedule_id}.")
            aggregate.schedule_id = self.schedule_id
            aggregate.schedule_created = True
            aggregate.schedule_since = self.schedule_since
            aggregate.instalments.adopt(self.schedule_id, self.schedule_since)

    class InstalmentsUpdated(RememberingAggregate.Event):
        """``schedule_id`` is absent where no schedule was created, and upstream did not name it."""

        PERSONAL = NOTHING

        payments: list[Instalment]
        schedule_id: str | None = None

        def change(self, aggregate: Any) -> None:
            aggregate.schedule_id = aggregate.schedule_id or self.schedule_id
            aggregate.instalments.remember(self.schedule_id, self.payments, self.upstream_time)

    class InstalmentsHeld(RememberingAggregate.Event):
        """They belong to a schedule that is not the account's (yet): kept until it is created.

        Without a ``schedule_id``: to whichever was made before them.
        """

        PERSONAL = NOTHING

        payments: list[Instalment]
        schedule_id: str | None = None

        def change(self, aggregate: Any) -> None:
            aggregate.instalments.remember(self.schedule_id, self.payments, self.upstream_time)

    class AgingUpdated(RememberingAggregate.Event):
        """``bucket`` is current, early_arrears, late_arrears, default or closed."""

        PERSONAL = NOTHING

        days_past_due: int | None = None
        bucket: str | None = None
        is_in_arrears: bool | None = None
        last_updated: datetime | None = None

        def change(self, aggregate: Any) -> None:
            names = [name for name in AGING if getattr(self, name) is not None]
            aggregate.stamps.note(names, self.last_updated or self.upstream_time, prefix="aging.")

    class AgingIgnored(RememberingAggregate.Event):
        """The account is paid or written off: only the bucket ``closed`` can follow."""

        PERSONAL = NOTHING

        bucket: str | None = None


TERMS = (
    "account_number",
    "loan_amount",
    "loan_fee",
    "total_payable",
    "opened_date",
    "commencement_date",
    "signed_loan_agreement_url",
)
CLOSURE = (
    "reason",
    "previous_status",
    "closed_date",
    "final_balance",
    "total_paid",
    "triggered_by_transaction_id",
)
PAYMENT = ("paid_date", "amount")
AGING = ("days_past_due", "bucket", "is_in_arrears", "last_updated")
SCHEDULE = (
    "payments",
    "loan_amount",
    "total_amount",
    "fee",
    "number_of_payments",
    "payment_frequency",
    "created_date",
)
