"""The read model ``write-off-requests``: one document a request, with its account's number and customer."""

from app.aggregates import WriteOffRequest
from app.projections.engine.projection import on_event
from app.projections.engine.values import GONE, Document, erase, legible, money, person, put, stamp, time
from app.projections.read_models.base import ReadModel
from app.projections.read_models.customer_names import ShowsCustomerName
from app.projections.read_models.write_off_requests.accounts import (
    OF_OTHERS,
    AccountKnown,
    AccountsOfRequests,
)
from app.projections.read_models.write_off_requests.document import WriteOffRequestDocument, WriteOffStatus

_IS_KNOWN = "_accountIsKnown"
"""Private to the projector: the account names its customer, so what the requester said does not count."""


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
        put(document, irregular=event.irregular)

    @on_event
    def decision_ignored(self, document: Document, event: WriteOffRequest.DecisionIgnored) -> None:
        stamp(document, event.decided_at)
        if event.irregular:
            document["irregular"] = sorted({*document.get("irregular", ()), *event.irregular})

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
        ledger: Document = {"status": event.status, "commandId": event.command_id}
        put(ledger, error={"code": event.code, "message": legible(event.message)} if event.code else None)
        document["ledger"] = ledger

    @on_event
    def posted_to_ledger(self, document: Document, event: WriteOffRequest.PostedToLedger) -> None:
        stamp(document, event.at)
        ledger: Document = document.setdefault("ledger", {})
        ledger.pop("error", None)
        put(ledger, status="posted", transactionId=event.transaction_id, eventId=event.ledger_event_id)


def _decide(document: Document, event: WriteOffRequest.DecisionEvent, status: WriteOffStatus) -> None:
    stamp(document, event.decided_at)
    decision: Document = {"by": person(event.by, event.by_name), "at": time(event.decided_at)}
    put(decision, comment=event.comment)
    document.update(status=status, decision=decision)
