"""The loan account: what its messages ask."""

from datetime import datetime
from decimal import Decimal
from typing import TypedDict, Unpack

from app.aggregates.base import Source, absorbs
from app.aggregates.loan_account.events import LoanAccountEvents, News, Planned


class Snapshot(TypedDict, total=False):
    """What a report of an account may hold."""

    account_number: str | None
    loan_amount: Decimal | None
    loan_fee: Decimal | None
    total_payable: Decimal | None
    opened_date: str | None
    commencement_date: str | None
    status: str | None
    current_balance: Decimal | None
    last_payment_date: str | None
    last_payment_amount: Decimal | None
    triggered_by_transaction_type: str | None
    triggered_by_transaction_id: str | None


class Closing(TypedDict, total=False):
    """Why and how an account is closed."""

    reason: str | None
    previous_status: str | None
    closed_date: str | None
    final_balance: Decimal | None
    total_paid: Decimal | None
    total_payable: Decimal | None
    triggered_by_transaction_id: str | None


class Plan(TypedDict, total=False):
    """A repayment schedule."""

    payments: list[Planned]
    loan_amount: Decimal | None
    total_amount: Decimal | None
    fee: Decimal | None
    number_of_payments: int | None
    payment_frequency: str | None
    created_date: str | None


class Aging(TypedDict, total=False):
    """How late an account is."""

    bucket: str
    days_past_due: int
    is_in_arrears: bool


class LoanAccount(LoanAccountEvents):
    """One loan, as the Accounts service tells of it, in any order of its messages."""

    @property
    def is_open(self) -> bool:
        """Whether it is neither paid nor written off, as far as is known."""
        return not self.standing.is_terminal

    @property
    def is_closed(self) -> bool:
        """Whether upstream has closed it, for any reason."""
        return self.standing.sdk_status == "CLOSED"

    @absorbs
    def open(
        self,
        source: Source,
        *,
        customer_id: str,
        signed_loan_agreement_url: str | None = None,
        **said: Unpack[Snapshot],
    ) -> None:
        """The account's creation. It comes first of all reports, whenever it comes."""
        at, last = source.upstream_time, self.linked_at
        if last is None or (at is not None and at >= last):  # One without a time is the oldest.
            self.record(source, self.LinkedToCustomer(customer_id=customer_id))
        self.record(source, self.Opened(**said))
        if signed_loan_agreement_url is not None:
            signed = self.AgreementReported(signed_loan_agreement_url=signed_loan_agreement_url, created=True)
            self.record(source, signed)

    @absorbs
    def update(
        self, source: Source, *, signed_loan_agreement_url: str | None = None, **said: Unpack[Snapshot]
    ) -> None:
        """A new balance, status, last payment or terms."""
        if said:
            self.record(source, self.Updated(**said))
        if signed_loan_agreement_url is not None:
            signed = self.AgreementReported(signed_loan_agreement_url=signed_loan_agreement_url)
            self.record(source, signed)

    @absorbs
    def close(self, source: Source, **said: Unpack[Closing]) -> None:
        """The account is closed."""
        self.record(source, self.Closed(**said))

    @absorbs
    def create_schedule(self, source: Source, *, schedule_id: str, **plan: Unpack[Plan]) -> None:
        """The repayment plan."""
        self.record(source, self.ScheduleCreated(schedule_id=schedule_id, **plan))

    @absorbs
    def update_schedule(
        self, source: Source, *, payments: list[News], schedule_id: str | None = None
    ) -> None:
        """News of some payments of the plan, by their number."""
        if payments:
            self.record(source, self.InstalmentsReported(payments=payments, schedule_id=schedule_id))

    @absorbs
    def update_aging(
        self, source: Source, *, last_updated: datetime | None = None, **said: Unpack[Aging]
    ) -> None:
        """How late the account is."""
        if said:
            self.record(source, self.AgingReported(last_updated=last_updated, **said))
