"""Ledger commands as the API shows them, from the aggregate: never older than what was answered before."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from app.aggregates import LedgerCommand as StoredCommand
from app.api.documents import Document, Money
from app.projections.ledger_commands import LEDGER_COMMANDS


class StaffMember(Document):
    """Who asked, by their token."""

    id: str
    name: str | None = None
    role: str


class LedgerFault(Document):
    """Why the ledger did not post: its gRPC status, and its own words."""

    code: str
    message: str


class ApprovalState(Document):
    """The second person's decision, where one is needed."""

    status: Literal["pending", "approved", "refused"]
    by: StaffMember | None = None
    at: datetime | None = None
    comment: str | None = None


class AppliedInstalment(Document):
    """What of a repayment went to an instalment."""

    payment_number: int
    amount_applied: Money
    status: str
    amount_remaining: Money
    due_date: str | None = None


class Posting(Document):
    """What the ledger told of a posting; amounts are AUD, and stood after it."""

    type: str | None = None
    effective_date: str | None = None
    principal_after: Money | None = None
    fee_after: Money | None = None
    total_after: Money | None = None
    allocated_to_fees: Money | None = None
    allocated_to_principal: Money | None = None
    overpayment: Money | None = None
    allocation_warning: str | None = None
    instalments: list[AppliedInstalment] | None = None


class LedgerCommand(Document):
    """A money movement asked of the ledger. ``unknown``: it may be posted, and settles by itself."""

    command_id: str = Field(validation_alias="_id")
    kind: str
    loan_account_id: str
    amount: Money | None = None
    principal_delta: Money | None = None
    fee_delta: Money | None = None
    reason: str | None = None
    idempotency_key: str
    requested_by: StaffMember
    requested_at: datetime
    request_id: str | None = Field(None, description="Of a write-off: the request that was approved.")
    status: Literal["requested", "posted", "rejected", "unknown"]
    approval: ApprovalState | None = None
    transaction_id: str | None = None
    ledger_error: LedgerFault | None = None
    settled_at: datetime | None = None
    settled_by: StaffMember | None = None
    posting: Posting | None = Field(None, description="Only where one command is asked for.")
    created_at: datetime | None = None
    updated_at: datetime | None = None


def folded(command_id: str, events: list[Any]) -> LedgerCommand | None:
    """The document that these events make, with the posting; None without any."""
    document: dict[str, Any] | None = None
    posting = None
    for event in events:
        document = LEDGER_COMMANDS.evolve(document, event)
        if isinstance(event, StoredCommand.Posted):
            posting = event.result
    if document is None:
        return None
    return LedgerCommand.model_validate({**document, "_id": command_id, "posting": posting})
