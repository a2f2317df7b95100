"""The collection ``ledger-commands``: one document a money movement requested of the ledger."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.aggregates import CommandKind, CommandStatus, LedgerCommand, same_person
from app.aggregates.ledger_command import NOT_POSTED
from app.projections.engine.documents import Document
from app.projections.engine.projection import GONE, erase, legible, money, on_event, person, put, time
from app.projections.read_models.base import (
    CreatedAt,
    LedgerFault,
    Model,
    Money,
    Person,
    ReadModel,
    StaffMember,
    UpdatedAt,
)

ApprovalStatus = Literal["pending", "approved", "refused", "withdrawn"]


class ApprovalState(Model):
    """The second person's decision, if one is needed."""

    status: ApprovalStatus
    """The status of the approval. While pending, nothing is sent to the ledger; `withdrawn`: by the
    requester."""
    by: StaffMember | None = None
    """Who decided."""
    at: datetime | None = None
    """When."""
    comment: str | None = None
    """Why."""


class LedgerCommandDocument(Model):
    """A money movement requested over the API. `unknown`: it may be posted; that is resolved automatically.

    It is stored before the ledger is called. Repayments that reach the ledger another way are not here.
    """

    command_id: str = Field(validation_alias="_id")
    """The command's identifier, derived from `idempotencyKey`."""
    kind: CommandKind
    """The kind of movement."""
    loan_account_id: str
    """The loan account: `loan-accounts._id`."""
    amount: Money | None = None
    """The amount; absent for an adjustment."""
    principal_delta: Money | None = None
    """For an adjustment: the change in principal owed; below zero lowers it."""
    fee_delta: Money | None = None
    """For an adjustment: the change in fees owed; below zero lowers them."""
    reason: str | None = None
    """Why, in the requester's words; for a write-off, the request's reason."""
    idempotency_key: str
    """The caller's own key: one a movement, for ever."""
    requested_by: StaffMember
    """The requester; for a write-off, its approver."""
    requested_at: datetime
    """When it was requested."""
    request_id: str | None = None
    """For a write-off: the approved request, `write-off-requests._id`."""
    write_off_requested_by: Person | None = None
    """For a write-off: who made that request."""
    status: CommandStatus
    """The status of the command. `requested`: not answered yet, or waiting for approval. `unknown` is not
    failure."""
    approval: ApprovalState | None = None
    """The second person's decision; absent if none is needed."""
    transaction_id: str | None = None
    """The ledger's transaction, once posted."""
    ledger_error: LedgerFault | None = None
    """Why it was not posted, or why its outcome is unknown."""
    settled_at: datetime | None = None
    """When its outcome became known; absent until then."""
    settled_by: StaffMember | None = None
    """Who settled it by hand. Absent if it settled by itself."""
    erased_at: datetime | None = None
    """When its personal data was erased with the customer."""
    created_at: CreatedAt = None
    updated_at: UpdatedAt = None


REFUSED, WITHDRAWN = "REFUSED_BY_APPROVER", "WITHDRAWN"
"""Our codes beside the ledger's: a second person refused it, or the requester took it back."""


class LedgerCommands(ReadModel):
    """How events change a command's document."""

    name = "ledger-commands"
    model = LedgerCommandDocument
    own = (LedgerCommand,)
    begins_with = LedgerCommand.Requested

    @on_event
    def requested(self, document: Document, event: LedgerCommand.Requested) -> None:
        document.update(
            kind=event.kind,
            loanAccountId=event.loan_account_id,
            idempotencyKey=event.idempotency_key,
            requestedBy=person(event.requested_by, event.requested_by_name, event.requested_role),
            requestedAt=time(event.at),
            status="requested",
        )
        details = event.details or {}
        put(
            document,
            amount=money(event.amount),
            principalDelta=money(event.principal_delta),
            feeDelta=money(event.fee_delta),
            reason=event.reason,
            approval={"status": "pending"} if event.needs_approval else None,
            requestId=details.get("request_id"),
        )
        if (requested_by := details.get("requested_by")) is not None:
            document["writeOffRequestedBy"] = person(requested_by, details.get("requested_by_name"))

    @on_event
    def approved(self, document: Document, event: LedgerCommand.Approved) -> None:
        _decide(document, event, "approved")

    @on_event
    def refused(self, document: Document, event: LedgerCommand.Refused) -> None:
        withdrawn = same_person(event.by, document["requestedBy"]["id"])
        _decide(document, event, "withdrawn" if withdrawn else "refused")
        _reject(document, event, WITHDRAWN if withdrawn else REFUSED, event.comment)

    @on_event
    def posted(self, document: Document, event: LedgerCommand.Posted) -> None:
        _settle(document, event, "posted", transactionId=event.transaction_id)

    @on_event
    def rejected(self, document: Document, event: LedgerCommand.Rejected) -> None:
        _reject(document, event, event.code, event.message)

    @on_event
    def outcome_unknown(self, document: Document, event: LedgerCommand.OutcomeUnknown) -> None:
        document["status"] = "unknown"
        document["ledgerError"] = {"code": event.code, "message": event.message}

    @on_event
    def settled_by_hand(self, document: Document, event: LedgerCommand.SettledByHand) -> None:
        if event.posted:
            _settle(document, event, "posted", transactionId=event.transaction_id)
        else:
            _reject(document, event, NOT_POSTED, event.because)
        document["settledBy"] = person(event.by, event.by_name, event.role)

    @on_event
    def personal_data_erased(self, document: Document, event: LedgerCommand.PersonalDataErased) -> None:
        erase(document, event, "reason")
        document.get("approval", {}).pop("comment", None)
        if (error := document.get("ledgerError", {})).get("code") in (REFUSED, WITHDRAWN, NOT_POSTED):
            error["message"] = GONE  # Written by staff. The ledger's messages are about the money.


def _decide(
    document: Document, event: LedgerCommand.Approved | LedgerCommand.Refused, status: ApprovalStatus
) -> None:
    by = person(event.by, event.by_name, event.role)
    document["approval"] = {"status": status, "by": by, "at": time(event.at)}
    put(document["approval"], comment=event.comment)


def _reject(document: Document, event: LedgerCommand.Event, code: str, message: str) -> None:
    _settle(document, event, "rejected", ledgerError={"code": code, "message": legible(message)})


def _settle(document: Document, event: LedgerCommand.Event, status: str, **fields: object) -> None:
    document.pop("ledgerError", None)
    document.update(status=status, settledAt=time(event.at))
    put(document, **fields)
