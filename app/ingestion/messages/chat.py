"""What the chat publishes. The conversation is named by the envelope."""

from typing import Any

from pydantic import AliasChoices, Field

from app.ingestion.messages.customer import ApplicantDetails
from app.ingestion.messages.kinds import Date, Identifier, Payload, Time


class FreeForm(Payload):
    """An object of any shape: the whole payload counts."""


class ConversationStarted(Payload):
    """``conversation_started``."""

    customer_id: Identifier | None = None
    timestamp: Time | None = None


class Utterance(Payload):
    """``user_input`` and ``assistant_response``."""

    utterance: str | None = None
    created_at: Time | None = None
    rationale: str | None = None
    answer_input_type: str | None = None
    end_conversation: bool | None = None
    additional_data: Any = None


class ApplicationDetailChanged(Payload):
    """``applicationDetail_changed``: all other keys are application data."""

    customer: ApplicantDetails | None = None


class NoticePosted(Payload):
    """``noticeboard_updated`` and ``noticeboard_post``."""

    agent_name: str | None = None
    content: Any = Field(None, validation_alias=AliasChoices("content", "post"))
    timestamp: Time | None = None


class FinalDecision(Payload):
    """``final_decision`` and ``final_credit_decision``."""

    decision: str = Field(validation_alias=AliasChoices("decision", "outcome"))
    reason: str | None = None
    retry_eligible: bool | None = None
    blocked_until: Date | None = None


class ConversationSummary(Payload):
    """``conversation_summary``."""

    purpose: str | None = None
    facts: list[Any] | None = None


class SummaryChanged(Payload):
    """``conversationSummary_changed``."""

    status: str | None = None
    customer_id: Identifier | None = None
