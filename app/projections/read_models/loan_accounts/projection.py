"""The read model ``loan-accounts``: one document a loan account, with its customer's name."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.aggregates import Customer, LoanAccount
from app.aggregates.base import Key
from app.projections.engine.projection import AtHand, Handler, Lookup, Projection, Target
from app.projections.engine.values import Document, Erases, erase, money, put, time
from app.projections.read_models.calendar import BusinessCalendar, happened_at
from app.projections.read_models.loan_accounts.schedules import created_schedule, update_instalments
from app.projections.read_models.search.keys import finish

_OTHER_MOVEMENTS = "_otherMovements"
"""The projector's own: what fees, waivers, adjustments and write-offs have made of what is payable."""


@dataclass(frozen=True)
class CustomerNameKnown:
    """What an event of a customer, or the link to one, means for a loan account."""

    customer_id: str
    full_name: str


@dataclass(frozen=True)
class CustomerErased(Erases):
    """A customer's name is to be known no more."""

    customer_id: str


class AccountsOfCustomer(Lookup):
    """Which loan accounts a customer has, and the customer's name, whichever came first."""

    collection = "_loan-accounts.customers"
    exact = False

    def key(self, event: Any) -> str | None:
        if type(event) in _OF_CUSTOMER:
            return str(event.business_id)
        return str(event.customer_id) if type(event) is LoanAccount.LinkedToCustomer else None

    def evolve(self, document: Document, event: Any, position: int) -> None:  # noqa: ARG002
        if type(event) is Customer.NameChanged:
            put(document, fullName=event.full_name or None)
        elif type(event) is Customer.PersonalDataErased:
            document.pop("fullName", None)
            document["erased"] = True
        else:
            known = document.setdefault("loanAccountIds", [])
            if event.business_id not in known:
                known.append(event.business_id)

    def members(self, document: Document, event: Any) -> Iterable[str]:
        return document.get("loanAccountIds", ()) if type(event) in _OF_CUSTOMER else ()

    def follow(self, document: Document, event: Any, documents: AtHand) -> Iterable[Target]:  # noqa: ARG002
        if type(event) is Customer.PersonalDataErased:
            erased = CustomerErased(event.business_id)
            return [(account_id, erased) for account_id in document.get("loanAccountIds", ())]
        if (full_name := document.get("fullName")) is None:
            return ()
        if type(event) is Customer.NameChanged:
            known = CustomerNameKnown(event.business_id, full_name)
            return [(account_id, known) for account_id in document.get("loanAccountIds", ())]
        return [(event.business_id, CustomerNameKnown(event.customer_id, full_name))]

    def sources(self, identifier: str, events: Iterable[Any]) -> Iterable[Key]:  # noqa: ARG002
        return [
            (Customer, event.customer_id) for event in events if type(event) is LoanAccount.LinkedToCustomer
        ]

    def lookup_sources(self, key: str) -> Iterable[Key]:
        return [(Customer, key)]


_OF_CUSTOMER = (Customer.NameChanged, Customer.PersonalDataErased)


def _linked_to_customer(document: Document, event: Any) -> None:
    if document.get("customerId") != event.customer_id:
        document.pop("customerName", None)
    document["customerId"] = event.customer_id


def _customer_name_known(document: Document, event: CustomerNameKnown) -> None:
    if document.get("customerId") == event.customer_id:
        document["customerName"] = event.full_name


def _customer_erased(document: Document, event: CustomerErased) -> None:
    if document.get("customerId") == event.customer_id:
        document.pop("customerName", None)


def _personal_data_erased(document: Document, event: Any) -> None:
    erase(document, event, "customerName", "signedLoanAgreementUrl")


def _terms_recorded(document: Document, event: Any) -> None:
    put(document, accountNumber=event.account_number, signedLoanAgreementUrl=event.signed_loan_agreement_url)
    _put_terms(
        document,
        loanAmount=_money(event.loan_amount),
        loanFee=_money(event.loan_fee),
        totalPayable=_money(event.total_payable),
        openedDate=event.opened_date,
        commencementDate=event.commencement_date,
    )
    _reckon(document)


def _balance_reported(document: Document, event: Any) -> None:
    balance = money(event.current_balance)
    document.setdefault("balances", {}).update(currentBalance=balance, totalOutstanding=balance)
    _reckon(document)


def _other_movements_reckoned(document: Document, event: Any) -> None:
    document[_OTHER_MOVEMENTS] = money(event.amount)
    _reckon(document)


def _status_changed(document: Document, event: Any) -> None:
    document.update(accountStatus=event.account_status, sdkStatus=event.sdk_status)
    _reckon(document)


def _disbursed(document: Document, event: Any) -> None:
    _put_terms(document, disbursedDate=event.disbursed_date)


def _closed(document: Document, event: Any) -> None:
    closure = document.setdefault("closure", {})
    put(
        closure,
        reason=event.reason,
        previousStatus=event.previous_status,
        closedDate=event.closed_date,
        finalBalance=_money(event.final_balance),
        totalPaid=_money(event.total_paid),
        triggeredByTransactionId=event.triggered_by_transaction_id,
    )
    _reckon(document)


def _closure_classified(document: Document, event: Any) -> None:
    document["accountStatus"] = event.account_status


def _schedule_created(document: Document, event: Any) -> None:
    document["repaymentSchedule"] = created_schedule(document.get("repaymentSchedule", {}), event)


def _instalments_updated(document: Document, event: Any) -> None:
    update_instalments(document.setdefault("repaymentSchedule", {}), event)


def _aging_updated(document: Document, event: Any) -> None:
    put(
        document.setdefault("aging", {}),
        daysPastDue=event.days_past_due,
        bucket=event.bucket,
        isInArrears=event.is_in_arrears,
        lastUpdated=time(event.last_updated) if event.last_updated else None,
    )


def _money(amount: Decimal | None) -> Any:
    return None if amount is None else money(amount)


def _put_terms(document: Document, **terms: Any) -> None:
    if any(value is not None for value in terms.values()):
        put(document.setdefault("loanTerms", {}), **terms)


def _reckon(document: Document) -> None:
    """``totalPaid``: as the closure says it, else what is payable less what is owed, once paid out.

    What fees and the like have added, or taken, since is payable as well, or not any more.
    """
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


_HANDLERS: dict[type[Any], Handler] = {
    LoanAccount.LinkedToCustomer: _linked_to_customer,
    CustomerNameKnown: _customer_name_known,
    CustomerErased: _customer_erased,
    LoanAccount.PersonalDataErased: _personal_data_erased,
    LoanAccount.TermsRecorded: _terms_recorded,
    LoanAccount.BalanceReported: _balance_reported,
    LoanAccount.OtherMovementsReckoned: _other_movements_reckoned,
    LoanAccount.StatusChanged: _status_changed,
    LoanAccount.Disbursed: _disbursed,
    LoanAccount.Closed: _closed,
    LoanAccount.ClosureClassified: _closure_classified,
    LoanAccount.ScheduleCreated: _schedule_created,
    LoanAccount.InstalmentsUpdated: _instalments_updated,
    LoanAccount.AgingUpdated: _aging_updated,
}


def loan_accounts(time_zone: str) -> Projection:
    """The projection; a payment that nobody told of is of the day of its event in a time zone."""
    calendar = BusinessCalendar(time_zone)
    projection = Projection(
        "loan-accounts",
        own=(LoanAccount,),
        others=_OF_CUSTOMER,
        lookup=AccountsOfCustomer(),
        version=3,
        finish=finish("loan-accounts"),
    )
    for event_class, handler in _HANDLERS.items():
        projection.on(event_class)(handler)

    @projection.on(LoanAccount.PaymentReceived)
    def _payment_received(document: Document, event: Any) -> None:
        day = calendar.day(happened_at(event)) if event.inferred else event.paid_date
        put(document.setdefault("lastPayment", {}), date=day, amount=_money(event.amount))

    return projection
