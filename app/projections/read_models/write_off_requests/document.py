"""The documents of ``write-off-requests``."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.aggregates import CommandStatus
from app.aggregates.write_offs.facts import BrokenRule, WriteOffPriority, WriteOffReason
from app.projections.read_models.base import CreatedAt, LedgerFault, Model, Money, Person, UpdatedAt

WriteOffStatus = Literal["pending", "approved", "rejected", "cancelled"]


class Decision(Model):
    """The decision on a request."""

    by: Person
    """Who decided. The approver is not the requester, unless the request is `irregular`."""
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

    It is decided once; later decisions change nothing. But what the ledger has posted is approved, and
    `irregular` if that broke a rule.
    """

    request_id: str = Field(validation_alias="_id")
    """The request's identifier."""
    request_number: str
    """The number to quote on the phone, `WO-XXXX-XXXX`, derived from `_id`."""
    loan_account_id: str
    """The loan account to write off: `loan-accounts._id`."""
    customer_id: str | None = None
    """The borrower, `customers._id`: the account's, or while the account names none, as reported with the
    request."""
    customer_name: str | None = None
    """The borrower's name: the customer's own, or while the account names none, as reported with the
    request."""
    account_number: str | None = None
    """The account's number: its own, or while the account is unknown, as reported with the request."""
    amount: Money
    """The amount to write off."""
    original_balance: Money | None = None
    """The original balance, as reported with the request."""
    reason: WriteOffReason | None = None
    """Why. Always present."""
    notes: str | None = None
    """Further remarks of the requester."""
    priority: WriteOffPriority = "normal"
    """How urgently it needs a decision; `normal` if not reported. Always present."""
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
    irregular: list[BrokenRule] | None = None
    """The rules against which the ledger posted it. `own_request`: the requester approved it.
    `takes_a_person`: a machine requested or approved it. `already_decided`: it was rejected, cancelled or
    posted before."""
    cause: str | None = None
    """The `cause` of the message that requested it."""
    erased_at: datetime | None = None
    """When its personal data was erased with the customer."""
    created_at: CreatedAt = None
    updated_at: UpdatedAt = None
