"""What the chat publishes. The conversation is named by the envelope."""

from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field

from app.ingestion.messages.customer import ApplicantDetails
from app.ingestion.messages.kinds import AddressedPayload, Date, Flag, Identifier, Payload, Time, Word, listed


def _object_or_id(value: Any) -> Any:
    return {"customer_id": value} if isinstance(value, str | int) else value


class CustomerNamed(Payload):
    """A customer, named in passing."""

    customer_id: Identifier | None = None


class _WithCustomer(AddressedPayload):
    customer_id: Identifier | None = None
    customer: Annotated[CustomerNamed | None, BeforeValidator(_object_or_id)] = None

    @property
    def named_customer(self) -> str | None:
        """The customer's id, in either form."""
        return self.customer_id or (self.customer.customer_id if self.customer else None)


class FreeForm(AddressedPayload):
    """An object of any shape: the whole payload counts."""


class ConversationStarted(_WithCustomer):
    """``conversation_started``."""

    timestamp: Time | None = None


class Utterance(AddressedPayload):
    """``user_input`` and ``assistant_response``."""

    utterance: str | None = None
    created_at: Time | None = None
    rationale: str | None = None
    answer_input_type: str | None = None
    end_conversation: Flag | None = None
    additional_data: Any = None


class ApplicationDetailChanged(AddressedPayload):
    """``applicationDetail_changed``: all other keys are application data."""

    customer: Annotated[ApplicantDetails | None, BeforeValidator(_object_or_id)] = None


class NoticePosted(AddressedPayload):
    """``noticeboard_updated`` and ``noticeboard_post``."""

    agent_name: str | None = None
    content: Any = Field(None, validation_alias=AliasChoices("content", "post"))
    timestamp: Time | None = None


class FinalDecision(AddressedPayload):
    """``final_decision`` and ``final_credit_decision``."""

    decision: Word | None = Field(None, validation_alias=AliasChoices("decision", "outcome"))
    reason: str | None = None
    retry_eligible: Flag | None = None
    blocked_until: Date | None = None


class ConversationSummary(AddressedPayload):
    """``conversation_summary``."""

    purpose: str | None = None
    facts: Annotated[list[Any] | None, BeforeValidator(listed)] = None


class SummaryChanged(_WithCustomer):
    """``conversationSummary_changed``."""

    status: Word | None = None
