"""The collection ``write-off-requests``."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.aggregates import CommandStatus
from app.ingestion.messages.write_offs import WriteOffPriority, WriteOffReason
from app.projections.read_models.kinds import CreatedAt, Document, LedgerFault, Money, Person, UpdatedAt

WriteOffStatus = Literal["pending", "approved", "rejected", "cancelled"]


class Decision(Document):
    """Who decided on a request, and when."""

    by: Person
    """Who decided. Who approves is never who asked."""
    at: datetime
    """When it was decided."""
    comment: str | None = None
    """Why; of a rejection over the stream, its reason."""


class LedgerReference(Document):
    """What the ledger made of an approval."""

    status: CommandStatus | None = None
    """Of an approval over the API: how far the ledger command is that posts it. After `rejected` the request
    stays approved, and another one may be made."""
    command_id: str | None = None
    """Of an approval over the API: that command, `ledger-commands._id`."""
    error: LedgerFault | None = None
    """Why it is not posted, or why its outcome is unknown."""
    transaction_id: str | None = None
    """The ledger's transaction."""
    event_id: str | None = None
    """The ledger's event."""


class WriteOffRequest(Document):
    """A request to give up what is owed on a loan account, by `writeoff.…` messages or over the API.

    It is decided once; later decisions change nothing.
    """

    request_id: str = Field(validation_alias="_id")
    """The request's identifier."""
    request_number: str
    """The number that people use on the phone, `WO-XXXX-XXXX`: it follows from `_id`."""
    loan_account_id: str
    """What is to be written off: `loan-accounts._id`."""
    customer_id: str | None = None
    """Whose loan it is, as told with the request: `customers._id`."""
    customer_name: str | None = None
    """The name as told with the request; it does not follow the customer's."""
    account_number: str | None = None
    """The account's number, as told with the request."""
    amount: Money
    """What is to be given up."""
    original_balance: Money | None = None
    """What was owed at first, as told with the request."""
    reason: WriteOffReason | None = None
    """Why. Always there."""
    notes: str | None = None
    """What else the requester wrote."""
    priority: WriteOffPriority | None = None
    """How soon it is to be decided."""
    status: WriteOffStatus
    """How it stands."""
    requested_by: Person | None = None
    """Who asked. Always there."""
    requested_at: datetime | None = None
    """When they asked. Always there."""
    decision: Decision | None = None
    """Who decided, and when; absent while it is pending."""
    ledger: LedgerReference | None = None
    """What the ledger made of an approval, where it was told."""
    erased_at: datetime | None = None
    """When what is personal in it was erased with the customer."""
    created_at: CreatedAt = None
    updated_at: UpdatedAt = None
