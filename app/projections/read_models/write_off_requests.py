"""The collection ``write-off-requests``: one document a request, from the moment it was made."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.aggregates import CommandStatus, WriteOffRequest
from app.aggregates.write_off_request import WriteOffPriority, WriteOffReason
from app.projections.engine.projection import on_event
from app.projections.engine.values import GONE, Document, erase, legible, money, person, put, stamp, time
from app.projections.read_models.base import ReadModel
from app.projections.read_models.types import CreatedAt, LedgerFault, Model, Money, Person, UpdatedAt

WriteOffStatus = Literal["pending", "approved", "rejected", "cancelled"]


class Decision(Model):
    """The decision on a request."""

    by: Person
    """Who decided. The approver is never the requester."""
    at: datetime
    """When it was decided."""
    comment: str | None = None
    """Why; for a rejection over the stream, its reason."""


class LedgerReference(Model):
    """What the ledger did with an approval."""

    status: CommandStatus | None = None
    """For an approval over the API: the status of the ledger command that posts it. After `rejected` the
    request stays approved, and another one may be made."""
    command_id: str | None = None
    """For an approval over the API: the command, `ledger-commands._id`."""
    error: LedgerFault | None = None
    """Why it is not posted, or why its outcome is unknown."""
    transaction_id: str | None = None
    """The ledger's transaction."""
    event_id: str | None = None
    """The ledger's event."""


class WriteOffRequestDocument(Model):
    """A request to write off the balance of a loan account, from `writeoff.…` messages or the API.

    It is decided once; later decisions change nothing.
    """

    request_id: str = Field(validation_alias="_id")
    """The request's identifier."""
    request_number: str
    """The number to quote on the phone, `WO-XXXX-XXXX`, derived from `_id`."""
    loan_account_id: str
    """The loan account to write off: `loan-accounts._id`."""
    customer_id: str | None = None
    """The borrower, as reported with the request: `customers._id`."""
    customer_name: str | None = None
    """The name as reported with the request; it does not follow the customer's."""
    account_number: str | None = None
    """The account's number, as reported with the request."""
    amount: Money
    """The amount to write off."""
    original_balance: Money | None = None
    """The original balance, as reported with the request."""
    reason: WriteOffReason | None = None
    """Why. Always present."""
    notes: str | None = None
    """Further remarks of the requester."""
    priority: WriteOffPriority | None = None
    """How urgently it needs a decision."""
    status: WriteOffStatus
    """The status of the request."""
    requested_by: Person | None = None
    """The requester. Always present."""
    requested_at: datetime | None = None
    """When it was requested. Always present."""
    decision: Decision | None = None
    """The decision; absent while pending."""
    ledger: LedgerReference | None = None
    """What the ledger did with an approval, if known."""
    erased_at: datetime | None = None
    """When its personal data was erased with the customer."""
    created_at: CreatedAt = None
    updated_at: UpdatedAt = None


class WriteOffRequests(ReadModel):
    """How events change a request's document."""

    name = "write-off-requests"
    model = WriteOffRequestDocument
    own = (WriteOffRequest,)
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
            originalBalance=money(event.original_balance),
        )

    @on_event
    def approved(self, document: Document, event: WriteOffRequest.Approved) -> None:
        _decide(document, event, "approved")
        ledger: Document = {}
        put(ledger, transactionId=event.transaction_id, eventId=event.ledger_event_id)
        put(document, ledger=ledger or None)

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
