"""What the CRM publishes about write-offs. The request is named by the envelope's conversation."""

from typing import Annotated, ClassVar

from pydantic import AliasChoices, AliasGenerator, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from app.aggregates.base import Key
from app.aggregates.write_offs.facts import Outcome, WriteOffPriority, WriteOffReason
from app.aggregates.write_offs.register import WriteOffRegister
from app.aggregates.write_offs.request import WriteOffRequest
from app.event_store.unit_of_work import UnitOfWork
from app.ingestion.messages.envelope import Envelope
from app.ingestion.messages.fields import AddressedPayload, Identifier, Money, Text, one_of, same

_NAMES = {
    **dict.fromkeys(("approved_by", "rejected_by", "cancelled_by"), "by"),
    **dict.fromkeys(("approved_by_name", "rejected_by_name", "cancelled_by_name"), "by_name"),
    "reason": "comment",
}
"""Keys of decisions that the request names otherwise."""
Priority = Annotated[WriteOffPriority, BeforeValidator(one_of(same(WriteOffPriority)))] | None


class _WriteOff(AddressedPayload):
    """The CRM writes camelCase, so a missing key is named in it."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasChoices(to_camel(name), name))
    )

    def concerns(self, envelope: Envelope) -> tuple[Key, ...]:
        return ((WriteOffRequest, envelope.conversation or ""),)

    def request(self, unit: UnitOfWork, envelope: Envelope) -> WriteOffRequest:
        return unit.obtain(WriteOffRequest, envelope.subject(), envelope.source)


class WriteOffRequested(_WriteOff):
    """``writeoff.requested.v1``: a write-off is requested. The conversation is the request's id."""

    loan_account_id: Identifier
    amount: Money
    reason: Annotated[WriteOffReason, BeforeValidator(one_of(same(WriteOffReason)))]
    requested_by: Identifier
    requested_by_name: Text | None = None
    customer_id: Identifier | None = None
    customer_name: Text | None = None
    account_number: Text | None = None
    original_balance: Money | None = None
    notes: Text | None = None
    priority: Priority = None

    def concerns(self, envelope: Envelope) -> tuple[Key, ...]:
        return (*super().concerns(envelope), (WriteOffRegister, self.loan_account_id))

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        request, source = self.request(unit, envelope), envelope.source
        request.request(source, cause=envelope.cause, **self.present())
        register = unit.obtain(WriteOffRegister, self.loan_account_id, source)
        register.enter(source, request_id=request.business_id)


class _Decision(_WriteOff):
    outcome: ClassVar[Outcome]

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        said = {_NAMES.get(name, name): value for name, value in self.present().items()}
        self.request(unit, envelope).decide(envelope.source, outcome=self.outcome, **said)


class WriteOffApproved(_Decision):
    """``writeoff.approved.v1``: another person approved the request."""

    outcome = "Approved"
    approved_by: Identifier
    approved_by_name: Text | None = None
    comment: Text | None = None
    ledger_event_id: Identifier | None = None
    transaction_id: Identifier | None = None


class WriteOffRejected(_Decision):
    """``writeoff.rejected.v1``: the request was rejected."""

    outcome = "Rejected"
    rejected_by: Identifier
    rejected_by_name: Text | None = None
    reason: Text | None = None


class WriteOffCancelled(_Decision):
    """``writeoff.cancelled.v1``: the request was withdrawn."""

    outcome = "Cancelled"
    cancelled_by: Identifier
    cancelled_by_name: Text | None = None
