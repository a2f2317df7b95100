"""The read model ``write-off-requests``: one document a request, from the moment it was made."""

from typing import Any

from app.aggregates import WriteOffRequest
from app.projections.engine.projection import Projection
from app.projections.engine.values import GONE, Document, erase, legible, money, person, put, stamp, time

WRITE_OFF_REQUESTS = Projection(
    "write-off-requests",
    own=(WriteOffRequest,),
    stamped=False,
    begins_with=WriteOffRequest.Requested,
    version=2,
)

_STATUS: dict[type[Any], str] = {
    WriteOffRequest.Approved: "approved",
    WriteOffRequest.Rejected: "rejected",
    WriteOffRequest.Cancelled: "cancelled",
}


@WRITE_OFF_REQUESTS.on(WriteOffRequest.Requested)
def _requested(document: Document, event: Any) -> None:
    stamp(document, event.at)
    document.update(
        requestNumber=event.request_number,
        loanAccountId=event.loan_account_id,
        amount=money(event.amount),
        reason=event.reason,
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
        priority=event.priority,
        originalBalance=None if event.original_balance is None else money(event.original_balance),
    )


@WRITE_OFF_REQUESTS.on(*_STATUS)
def _decided(document: Document, event: Any) -> None:
    stamp(document, event.decided_at)
    document["status"] = _STATUS[type(event)]
    decision: Document = {"by": person(event.by, event.by_name), "at": time(event.decided_at)}
    put(decision, comment=event.comment)
    document["decision"] = decision
    if isinstance(event, WriteOffRequest.Approved):
        ledger: Document = {}
        put(ledger, transactionId=event.transaction_id, eventId=event.ledger_event_id)
        put(document, ledger=ledger or None)


@WRITE_OFF_REQUESTS.on(WriteOffRequest.PersonalDataErased)
def _personal_data_erased(document: Document, event: Any) -> None:
    erase(document, event, "customerName", "notes")
    document.get("decision", {}).pop("comment", None)
    if (error := document.get("ledger", {}).get("error")) is not None:
        error["message"] = GONE  # The ledger's own words are in its command.


@WRITE_OFF_REQUESTS.on(WriteOffRequest.PostingFollowed)
def _posting_followed(document: Document, event: Any) -> None:
    stamp(document, event.at)
    ledger: Document = {"status": event.status, "commandId": event.command_id}
    put(ledger, error={"code": event.code, "message": legible(event.message)} if event.code else None)
    document["ledger"] = ledger


@WRITE_OFF_REQUESTS.on(WriteOffRequest.PostedToLedger)
def _posted(document: Document, event: Any) -> None:
    stamp(document, event.at)
    ledger: Document = document.setdefault("ledger", {})
    ledger.pop("error", None)
    put(ledger, status="posted", transactionId=event.transaction_id, eventId=event.ledger_event_id)
