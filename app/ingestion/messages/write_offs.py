"""What the CRM publishes about write-offs. The request is named by the envelope's conversation."""

from typing import Annotated

from pydantic import AliasChoices, AliasGenerator, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from app.aggregates.write_off_request import WriteOffPriority, WriteOffReason
from app.ingestion.messages.fields import AddressedPayload, Identifier, Money, one_of, one_of_or_absent, same

Priority = Annotated[WriteOffPriority | None, BeforeValidator(one_of_or_absent(same(WriteOffPriority)))]


class _WriteOff(AddressedPayload):
    """The CRM writes camelCase: what is missing is named so."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasChoices(to_camel(name), name))
    )


class WriteOffRequested(_WriteOff):
    """``writeoff.requested.v1``: somebody asks to write a loan off. The conversation is the request's id."""

    loan_account_id: Identifier
    amount: Money
    reason: Annotated[WriteOffReason, BeforeValidator(one_of(same(WriteOffReason)))]
    requested_by: Identifier
    requested_by_name: str | None = None
    customer_id: Identifier | None = None
    customer_name: str | None = None
    account_number: str | None = None
    original_balance: Money | None = None
    notes: str | None = None
    priority: Priority = None


class WriteOffApproved(_WriteOff):
    """``writeoff.approved.v1``: the request was approved, by somebody else than asked for it."""

    approved_by: Identifier
    approved_by_name: str | None = None
    comment: str | None = None
    ledger_event_id: str | None = None
    transaction_id: str | None = None


class WriteOffRejected(_WriteOff):
    """``writeoff.rejected.v1``: the request was rejected."""

    rejected_by: Identifier
    rejected_by_name: str | None = None
    reason: str | None = None


class WriteOffCancelled(_WriteOff):
    """``writeoff.cancelled.v1``: the request was withdrawn."""

    cancelled_by: Identifier
    cancelled_by_name: str | None = None
