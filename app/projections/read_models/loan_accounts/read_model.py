"""The read model ``loan-accounts``: one document a loan account, with its customer's name."""

from decimal import Decimal
from typing import Any

from app.aggregates import LoanAccount
from app.projections.engine.projection import on_event
from app.projections.engine.values import Document, erase, money, put, time
from app.projections.read_models.base import ReadModel
from app.projections.read_models.calendar import happened_at
from app.projections.read_models.loan_accounts.customers import (
    OF_CUSTOMER,
    AccountsOfCustomer,
    CustomerErased,
    CustomerNameKnown,
)
from app.projections.read_models.loan_accounts.document import LoanAccountDocument
from app.projections.read_models.loan_accounts.schedules import created_schedule, update_instalments
from app.projections.read_models.search_keys.keys import set_search_keys

_OTHER_MOVEMENTS = "_otherMovements"
"""Private to the projector: the net effect of fees, waivers, adjustments and write-offs on what is
payable."""


class LoanAccounts(ReadModel):
    """How events change an account's document."""

    name = "loan-accounts"
    model = LoanAccountDocument
    own = (LoanAccount,)
    others = OF_CUSTOMER
    lookup = AccountsOfCustomer()

    def finish(self, document: Document) -> None:
        super().finish(document)
        set_search_keys(self.name, document)

    @on_event
    def linked_to_customer(self, document: Document, event: LoanAccount.LinkedToCustomer) -> None:
        if document.get("customerId") != event.customer_id:
            document.pop("customerName", None)
        document["customerId"] = event.customer_id

    @on_event
    def customer_name_known(self, document: Document, event: CustomerNameKnown) -> None:
        if document.get("customerId") == event.customer_id:
            document["customerName"] = event.full_name

    @on_event
    def customer_erased(self, document: Document, event: CustomerErased) -> None:
        if document.get("customerId") == event.customer_id:
            document.pop("customerName", None)

    @on_event
    def personal_data_erased(self, document: Document, event: LoanAccount.PersonalDataErased) -> None:
        erase(document, event, "customerName", "signedLoanAgreementUrl")

    @on_event
    def terms_recorded(self, document: Document, event: LoanAccount.TermsRecorded) -> None:
        put(
            document,
            accountNumber=event.account_number,
            signedLoanAgreementUrl=event.signed_loan_agreement_url,
        )
        _put_terms(
            document,
            loanAmount=money(event.loan_amount),
            loanFee=money(event.loan_fee),
            totalPayable=money(event.total_payable),
            openedDate=event.opened_date,
            commencementDate=event.commencement_date,
        )
        _set_total_paid(document)

    @on_event
    def balance_reported(self, document: Document, event: LoanAccount.BalanceReported) -> None:
        balance = money(event.current_balance)
        document.setdefault("balances", {}).update(currentBalance=balance, totalOutstanding=balance)
        _set_total_paid(document)

    @on_event
    def other_movements_reckoned(self, document: Document, event: LoanAccount.OtherMovementsReckoned) -> None:
        document[_OTHER_MOVEMENTS] = money(event.amount)
        _set_total_paid(document)

    @on_event
    def payment_received(self, document: Document, event: LoanAccount.PaymentReceived) -> None:
        day = self.calendar.day(happened_at(event)) if event.inferred else event.paid_date
        put(document.setdefault("lastPayment", {}), date=day, amount=money(event.amount))

    @on_event
    def status_changed(self, document: Document, event: LoanAccount.StatusChanged) -> None:
        document.update(accountStatus=event.account_status, sdkStatus=event.sdk_status)
        _set_total_paid(document)

    @on_event
    def disbursed(self, document: Document, event: LoanAccount.Disbursed) -> None:
        _put_terms(document, disbursedDate=event.disbursed_date)

    @on_event
    def closed(self, document: Document, event: LoanAccount.Closed) -> None:
        put(
            document.setdefault("closure", {}),
            reason=event.reason,
            previousStatus=event.previous_status,
            closedDate=event.closed_date,
            finalBalance=money(event.final_balance),
            totalPaid=money(event.total_paid),
            triggeredByTransactionId=event.triggered_by_transaction_id,
        )
        _set_total_paid(document)

    @on_event
    def closure_classified(self, document: Document, event: LoanAccount.ClosureClassified) -> None:
        document["accountStatus"] = event.account_status

    @on_event
    def schedule_created(self, document: Document, event: LoanAccount.ScheduleCreated) -> None:
        document["repaymentSchedule"] = created_schedule(document.get("repaymentSchedule", {}), event)

    @on_event
    def instalments_updated(self, document: Document, event: LoanAccount.InstalmentsUpdated) -> None:
        update_instalments(document.setdefault("repaymentSchedule", {}), event)

    @on_event
    def aging_updated(self, document: Document, event: LoanAccount.AgingUpdated) -> None:
        put(
            document.setdefault("aging", {}),
            daysPastDue=event.days_past_due,
            bucket=event.bucket,
            isInArrears=event.is_in_arrears,
            lastUpdated=time(event.last_updated) if event.last_updated else None,
        )


def _put_terms(document: Document, **terms: Any) -> None:
    if any(value is not None for value in terms.values()):
        put(document.setdefault("loanTerms", {}), **terms)


def _set_total_paid(document: Document) -> None:
    """``totalPaid``: the closure's, or once disbursed what is payable, other movements included, less the
    balance."""
    total_paid = document.get("closure", {}).get("totalPaid")
    payable = document.get("loanTerms", {}).get("totalPayable")
    balance = document.get("balances", {}).get("currentBalance")
    if total_paid is None and payable is not None and balance is not None:
        if document.get("sdkStatus") in ("ACTIVE", "SUSPENDED", "CLOSED"):
            others = document.get(_OTHER_MOVEMENTS)
            due = payable.to_decimal() + (others.to_decimal() if others else Decimal(0))
            total_paid = money(max(due - balance.to_decimal(), Decimal(0)))
        else:
            document["balances"].pop("totalPaid", None)
    if total_paid is not None:
        document.setdefault("balances", {})["totalPaid"] = total_paid
