"""The collection ``ledger-commands``."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.aggregates import CommandKind, CommandStatus
from app.projections.read_models.kinds import (
    CreatedAt,
    Document,
    LedgerFault,
    Money,
    Person,
    StaffMember,
    UpdatedAt,
)

ApprovalStatus = Literal["pending", "approved", "refused", "withdrawn"]


class ApprovalState(Document):
    """The second person's decision, where one is needed."""

    status: ApprovalStatus
    """How it stands. While it is pending, nothing is sent to the ledger; `withdrawn`: by who asked for it."""
    by: StaffMember | None = None
    """Who decided."""
    at: datetime | None = None
    """When."""
    comment: str | None = None
    """Why."""


class LedgerCommand(Document):
    """A money movement asked of the ledger over the API. `unknown`: it may be posted, and settles by itself.

    It is stored before the ledger is asked. Repayments that reach the ledger another way are not here.
    """

    command_id: str = Field(validation_alias="_id")
    """The command's identifier; it follows from `idempotencyKey`."""
    kind: CommandKind
    """What is asked for."""
    loan_account_id: str
    """Whose money moves: `loan-accounts._id`."""
    amount: Money | None = None
    """How much; of an adjustment absent."""
    principal_delta: Money | None = None
    """Of an adjustment: by how much the principal owed changes; below zero lowers it."""
    fee_delta: Money | None = None
    """Of an adjustment: by how much the fees owed change; below zero lowers them."""
    reason: str | None = None
    """Why, in the words of who asked; of a write-off, the request's reason."""
    idempotency_key: str
    """The caller's own key: one a movement, for ever."""
    requested_by: StaffMember
    """Who asked; of a write-off, who approved it."""
    requested_at: datetime
    """When they asked."""
    request_id: str | None = None
    """Of a write-off: the request that was approved, `write-off-requests._id`."""
    write_off_requested_by: Person | None = None
    """Of a write-off: who made that request."""
    status: CommandStatus
    """How far it is. `requested`: not answered yet, or awaiting approval. `unknown` is not failure."""
    approval: ApprovalState | None = None
    """The second person's decision; absent where none is needed."""
    transaction_id: str | None = None
    """The ledger's transaction, once it is posted."""
    ledger_error: LedgerFault | None = None
    """Why it was not posted, or why its outcome is unknown."""
    settled_at: datetime | None = None
    """When its outcome became known; absent while it is not."""
    settled_by: StaffMember | None = None
    """Who found out by hand what became of it, where somebody had to."""
    erased_at: datetime | None = None
    """When what is personal in it was erased with the customer."""
    created_at: CreatedAt = None
    updated_at: UpdatedAt = None
