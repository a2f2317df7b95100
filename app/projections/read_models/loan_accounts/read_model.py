"""The read model ``loan-accounts``: one document a loan account, with its customer's name.

All fields but the customer follow from the account's reports, which the document keeps.
"""

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from bson.decimal128 import Decimal128
from pydantic.alias_generators import to_camel

from app.aggregates import Customer, LoanAccount
from app.aggregates.base import Key
from app.aggregates.loan_account.reports import Report, amount_of, insert, schedule_after, time_of
from app.aggregates.loan_account.standing import Standing, standing_after
from app.projections.engine.documents import Document
from app.projections.engine.projection import Event, erase, money, on_event, time
from app.projections.read_models.base import ReadModel
from app.projections.read_models.calendar import BusinessCalendar
from app.projections.read_models.customer_names import (
    OF_CUSTOMER,
    CustomerNames,
    LinkedToCustomer,
    ShowsCustomerName,
)
from app.projections.read_models.loan_accounts.document import REPORTS, LoanAccountDocument
from app.projections.read_models.search_keys import set_search_keys

_MONEY = frozenset(
    (
        *("loan_amount", "loan_fee", "total_payable", "final_balance", "total_paid"),
        *("amount", "amount_paid", "amount_remaining"),
    )
)

_camel = cache(to_camel)


class AccountsOfCustomer(CustomerNames):
    """One document a customer."""

    collection = "_loan-accounts.customers"

    def key(self, event: Event) -> str | None:
        if isinstance(event, LoanAccount.LinkedToCustomer):
            return event.customer_id
        return event.business_id if isinstance(event, OF_CUSTOMER) else None

    def linked(self, event: Event | LinkedToCustomer) -> LinkedToCustomer:
        assert isinstance(event, LoanAccount.LinkedToCustomer)
        return LinkedToCustomer(event.customer_id, (event.business_id,))

    def sources(self, identifier: str, events: Iterable[Event]) -> Iterable[Key]:  # noqa: ARG002
        return [
            (Customer, each.customer_id) for each in events if isinstance(each, LoanAccount.LinkedToCustomer)
        ]


class LoanAccounts(ShowsCustomerName, ReadModel):
    """How events change an account's document."""

    name = "loan-accounts"
    model = LoanAccountDocument
    own = (LoanAccount,)
    others = OF_CUSTOMER
    lookup = AccountsOfCustomer()

    def finish(self, document: Document) -> None:
        super().finish(document)
        if REPORTS in document:
            _drop_replaced(document[REPORTS])
            derive(document, document[REPORTS], self.calendar)
        set_search_keys(self.name, document)

    @on_event
    def linked_to_customer(self, document: Document, event: LoanAccount.LinkedToCustomer) -> None:
        if document.get("customerId") != event.customer_id:
            document.pop("customerName", None)
        document["customerId"] = event.customer_id

    @on_event
    def personal_data_erased(self, document: Document, event: LoanAccount.PersonalDataErased) -> None:
        erase(document, event, "customerName")
        for report in document.get(REPORTS, ()):
            report.get("terms", {}).pop("signed_loan_agreement_url", None)

    @on_event
    def reported(
        self,
        document: Document,
        event: LoanAccount.Opened
        | LoanAccount.Updated
        | LoanAccount.AgreementReported
        | LoanAccount.Closed
        | LoanAccount.ScheduleCreated
        | LoanAccount.InstalmentsReported
        | LoanAccount.AgingReported,
    ) -> None:
        reports: list[Any] = document.setdefault(REPORTS, [])
        for report in event.reports():
            insert(reports, report)


def _drop_replaced(reports: list[Document]) -> None:
    """Drop what no later report can bring back: long or frequent reports must not add up.

    The aging, each term, and a plan's list of payments stay in their newest report only. What became of an
    instalment of a named schedule goes once a report that is newer in both orders gives its status.
    """
    known: set[str] = set()
    statuses: dict[tuple[str, int], int] = {}
    for place in range(len(reports) - 1, -1, -1):
        report = reports[place]
        terms, plan = report.get("terms", {}), report.get("plan", {})
        for part, names in (
            (report, report.keys() & {"aging"}),
            (terms, {*terms}),
            (plan, plan.keys() & {"payments"}),
        ):
            for name in names & known:
                del part[name]
            known |= names
        if "schedule_id" in report:
            instalment = report["instalment"]
            key, updated = (report["schedule_id"], instalment["payment_number"]), instalment["last_updated"]
            if updated <= statuses.get(key, -1):
                del reports[place]
            elif "status" in instalment:
                statuses[key] = updated
        elif not terms and report.keys() <= {"at", "created", "terms"}:
            del reports[place]


def derive(document: Document, reports: list[Report], calendar: BusinessCalendar) -> None:
    """Set the fields that follow from the reports, and remove those that do not any more."""
    standing = standing_after(reports)
    last, at = standing.last_payment, standing.disbursed_at
    terms = _shown(standing.terms)
    fields: Document = {
        "accountNumber": terms.pop("accountNumber", None),
        "signedLoanAgreementUrl": terms.pop("signedLoanAgreementUrl", None),
        "loanTerms": terms | _present(disbursedDate=None if at is None else calendar.day(time_of(at))),
        "balances": _present(
            currentBalance=_aud(standing.balance),
            totalOutstanding=_aud(standing.balance),
            totalPaid=_aud(standing.total_paid),
        ),
        "lastPayment": last
        and _present(date=last.day or calendar.day(time_of(last.at)), amount=_aud(last.amount)),
        "accountStatus": standing.account_status,
        "sdkStatus": standing.sdk_status,
        "repaymentSchedule": _schedule(reports),
        "aging": standing.aging and _shown(standing.aging),
        "inArrears": None if standing.account_status is None else standing.in_arrears,
        "closure": _closure(standing),
        "reopenedAt": standing.reopened_at and time(time_of(standing.reopened_at)),
    }
    for name, value in fields.items():
        if value is None or value == {}:
            document.pop(name, None)
        else:
            document[name] = value


def _closure(standing: Standing) -> Document:
    if standing.closure is None:
        return {}
    gone = _present(writtenOffAmount=_aud(standing.written_off), releasedAmount=_aud(standing.released))
    return _shown(standing.closure) | gone


def _schedule(reports: list[Report]) -> Document:
    plan, instalments = schedule_after(reports)
    shown: Document = _shown(plan or {})
    shown.pop("payments", None)
    if instalments:
        shown["payments"] = [_shown(each) for each in instalments]
    return shown


def _shown(facts: Mapping[str, Any]) -> Document:
    """Facts of reports, as documents show them."""
    return {_camel(name): _value(name, value) for name, value in facts.items()}


def _value(name: str, value: Any) -> Any:
    if name == "last_updated":
        return time(time_of(value))
    return _aud(value) if name in _MONEY else value


@lru_cache(10_000)
def _aud(cents: int | None) -> Decimal128 | None:
    return None if cents is None else money(amount_of(cents))


def _present(**fields: Any) -> Document:
    return {name: value for name, value in fields.items() if value is not None}
