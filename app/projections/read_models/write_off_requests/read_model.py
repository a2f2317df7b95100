"""The read model ``write-off-requests``: one document a request, with its account's number and customer.

Its lookup knows whose account a request is about, in any order of arrival.
"""

from collections.abc import Iterable
from typing import NamedTuple, cast, get_args

from app.aggregates import Customer, LoanAccount, WriteOffRequest
from app.aggregates.base import Key
from app.aggregates.loan_account.reports import Report, insert
from app.aggregates.write_offs.facts import BrokenRule
from app.projections.engine.documents import Document
from app.projections.engine.projection import (
    GONE,
    AtHand,
    Event,
    Target,
    erase,
    legible,
    money,
    on_event,
    person,
    put,
    stamp,
    time,
)
from app.projections.read_models.base import ReadModel
from app.projections.read_models.customer_names import (
    OF_CUSTOMER,
    CustomerNames,
    LinkedToCustomer,
    ShowsCustomerName,
)
from app.projections.read_models.write_off_requests.document import WriteOffRequestDocument, WriteOffStatus

OF_OTHERS = (LoanAccount.LinkedToCustomer, LoanAccount.Opened, LoanAccount.Updated, *OF_CUSTOMER)
"""The events of accounts and customers that concern requests."""
_IS_KNOWN = "_accountIsKnown"
"""Private to the projector: the account names its customer, so what the requester said does not count."""


class AccountKnown(NamedTuple):
    """What the account of a request says of itself."""

    customer_id: str | None
    account_number: str | None


class AccountsOfRequests(CustomerNames):
    """One document an account, with its requests, and one a customer."""

    collection = "_write-off-requests.accounts"

    def key(self, event: Event) -> str | None:
        if isinstance(event, WriteOffRequest.Requested):
            return f"account:{event.loan_account_id}"
        if isinstance(event, OF_OTHERS):
            return f"{'customer' if isinstance(event, OF_CUSTOMER) else 'account'}:{event.business_id}"
        return None

    def onward(
        self, document: Document, event: Event | LinkedToCustomer
    ) -> tuple[str, LinkedToCustomer] | None:
        """From an account with requests to its customer."""
        if isinstance(event, (*OF_CUSTOMER, LinkedToCustomer)):
            return None
        customer_id, ids = document.get("customerId"), self._concerned(document, event)
        if isinstance(event, (LoanAccount.Opened, LoanAccount.Updated)) or customer_id is None or not ids:
            return None
        return f"customer:{customer_id}", LinkedToCustomer(customer_id, ids)

    def evolve(self, document: Document, event: Event | LinkedToCustomer, position: int) -> None:
        match event:
            case WriteOffRequest.Requested():
                document.setdefault("requestIds", []).append(event.business_id)
            case LoanAccount.LinkedToCustomer():
                document["customerId"] = event.customer_id
            case LoanAccount.Opened() | LoanAccount.Updated():
                if event.account_number is not None:
                    _put_number(document, event.account_number, event.reports())
            case _:
                super().evolve(document, event, position)

    def members(self, document: Document, event: Event | LinkedToCustomer) -> Iterable[str]:
        if isinstance(event, (*OF_CUSTOMER, LinkedToCustomer)):
            return super().members(document, event)
        return self._concerned(document, event)

    def follow(
        self, document: Document, event: Event | LinkedToCustomer, documents: AtHand
    ) -> Iterable[Target]:
        if isinstance(event, (*OF_CUSTOMER, LinkedToCustomer)):
            return super().follow(document, event, documents)
        number = document["numbers"][-1]["terms"]["account_number"] if "numbers" in document else None
        known = AccountKnown(document.get("customerId"), number)
        return [(each, known) for each in self._concerned(document, event)]

    def sources(self, identifier: str, events: Iterable[Event]) -> Iterable[Key]:  # noqa: ARG002
        keys: list[Key] = []
        for each in events:
            if isinstance(each, WriteOffRequest.Requested):
                keys.append((LoanAccount, each.loan_account_id))
            elif isinstance(each, LoanAccount.LinkedToCustomer):
                keys.append((Customer, each.customer_id))
        return keys

    def _concerned(self, document: Document, event: Event) -> tuple[str, ...]:
        """The requests that an event of an account or a request concerns."""
        if isinstance(event, WriteOffRequest.Requested):
            return (event.business_id,)
        return tuple(document.get("requestIds", ()))


def _put_number(document: Document, number: str, reports: list[Report]) -> None:
    """Keep the number that the newest report tells."""
    numbers: list[Report] = document.get("numbers", [])
    for report in reports:
        place = {name: report[name] for name in ("at", "created") if name in report}
        insert(numbers, cast("Report", {**place, "terms": {"account_number": number}}))
    document["numbers"] = numbers[-1:]


class WriteOffRequests(ShowsCustomerName, ReadModel):
    """How events change a request's document."""

    name = "write-off-requests"
    model = WriteOffRequestDocument
    own = (WriteOffRequest,)
    others = OF_OTHERS
    lookup = AccountsOfRequests()
    begins_with = WriteOffRequest.Requested
    stamped = False

    @on_event
    def requested(self, document: Document, event: WriteOffRequest.Requested) -> None:
        stamp(document, event.at)
        document.update(
            requestNumber=event.request_number,
            loanAccountId=event.loan_account_id,
            amount=money(event.amount),
            reason=event.reason,
            priority=event.priority or "normal",
            status="pending",
            requestedBy=person(event.requested_by, event.requested_by_name),
            requestedAt=time(event.at),
        )
        put(
            document,
            customerId=event.customer_id,
            customerName=event.customer_name,
            accountNumber=event.account_number,
            notes=event.notes,
            originalBalance=money(event.original_balance),
            cause=event.cause,
        )

    @on_event
    def account_known(self, document: Document, event: AccountKnown) -> None:
        """What the requester said of customer and account stands only until the account says it."""
        if event.customer_id is not None:
            if not document.get(_IS_KNOWN) or document.get("customerId") != event.customer_id:
                document.pop("customerName", None)
            document.pop("accountNumber", None)
            document.update({"customerId": event.customer_id, _IS_KNOWN: True})
        put(document, accountNumber=event.account_number)

    @on_event
    def request_ignored(self, document: Document, event: WriteOffRequest.RequestIgnored) -> None:
        stamp(document, event.at)

    @on_event
    def approved(self, document: Document, event: WriteOffRequest.Approved) -> None:
        _decide(document, event, "approved")
        if event.transaction_id or event.ledger_event_id:
            ledger: Document = document.setdefault("ledger", {})
            put(ledger, transactionId=event.transaction_id, eventId=event.ledger_event_id)
        _mark(document, event.irregular)

    @on_event
    def decision_ignored(self, document: Document, event: WriteOffRequest.DecisionIgnored) -> None:
        stamp(document, event.decided_at)
        _mark(document, event.irregular)

    @on_event
    def rejected(self, document: Document, event: WriteOffRequest.Rejected) -> None:
        _decide(document, event, "rejected")

    @on_event
    def cancelled(self, document: Document, event: WriteOffRequest.Cancelled) -> None:
        _decide(document, event, "cancelled")

    @on_event
    def personal_data_erased(self, document: Document, event: WriteOffRequest.PersonalDataErased) -> None:
        erase(document, event, "customerName", "notes")
        document.get("decision", {}).pop("comment", None)
        if (error := document.get("ledger", {}).get("error")) is not None:
            error["message"] = GONE  # The ledger's own message is in its command.

    @on_event
    def posting_followed(self, document: Document, event: WriteOffRequest.PostingFollowed) -> None:
        stamp(document, event.at)
        ledger: Document = document.setdefault("ledger", {})
        ledger.pop("error", None)
        put(ledger, error={"code": event.code, "message": legible(event.message)} if event.code else None)
        ledger.update(status=event.status, commandId=event.command_id)

    @on_event
    def posted_to_ledger(self, document: Document, event: WriteOffRequest.PostedToLedger) -> None:
        stamp(document, event.at)
        ledger: Document = document.setdefault("ledger", {})
        ledger.pop("error", None)
        ledger["status"] = "posted"
        if event.irregular:  # The first posting shows.
            _mark(document, event.irregular)
        else:
            put(ledger, transactionId=event.transaction_id, eventId=event.ledger_event_id)


def _mark(document: Document, irregular: list[str] | None) -> None:
    broken = {*document.get("irregular", ()), *(irregular or ())}
    put(document, irregular=[each for each in get_args(BrokenRule) if each in broken] or None)


def _decide(document: Document, event: WriteOffRequest.DecisionEvent, status: WriteOffStatus) -> None:
    stamp(document, event.decided_at)
    decision: Document = {"by": person(event.by, event.by_name), "at": time(event.decided_at)}
    put(decision, comment=event.comment)
    document.update(status=status, decision=decision)
