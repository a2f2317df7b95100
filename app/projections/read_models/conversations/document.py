"""The shape of a conversation's document."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from app.projections.read_models.base import CreatedAt, Day, Model, UpdatedAt


class Utterance(Model):
    """An utterance."""

    username: Literal["customer", "assistant"]
    """Who said it."""
    utterance: str | None = None
    """What was said."""
    created_at: datetime | None = None
    """When it was said. Utterances are in this order, ties in the order of arrival."""
    rationale: str | None = None
    """Why the assistant said it."""
    answer_input_type: str | None = None
    """How the customer enters the answer in the chat window; upstream's value."""
    end_conversation: bool | None = None
    """Whether it ends the chat."""
    additional_data: Any = None
    """Any further data from upstream."""


class Notice(Model):
    """A notice that an agent posted on the noticeboard."""

    agent_name: str | None = None
    """The agent, by upstream's whole name: `agent::Topic`."""
    topic: str | None = None
    """The topic: the part of the agent's name after `::`, or else the name."""
    content: Any = None
    """The content: text, or an object of any shape."""
    timestamp: datetime | None = None
    """When it was posted. Notices are in this order."""


class DecisionDetail(Model):
    """Details of the newest decision: none of an older one are left."""

    reason: str | None = None
    """Why, in upstream's words."""
    retry_eligible: bool | None = None
    """Whether the customer may apply again."""
    blocked_until: Day | None = None
    """The date until which the customer may not."""
    source_application_number: str | None = None
    """The application that the decision was made on, if upstream names it."""


class Assessments(Model):
    """The newest result of each kind of assessment, an object of any shape."""

    identity_risk: dict[str, Any] | None = None
    """From `identityRisk_assessment`."""
    serviceability: dict[str, Any] | None = None
    """From `serviceability_assessment_results` or `credit_assessment_serviceability_result`."""
    fraud_check: dict[str, Any] | None = None
    """From `fraudCheck_assessment`."""
    account_conduct: dict[str, Any] | None = None
    """From `credit_assessment_accountConduct_result`."""
    post_identity_risk: dict[str, Any] | None = None
    """From `post_identity_risk_checks_complete`."""
    credit_assessment_complete: dict[str, Any] | None = None
    """From `credit_assessment_complete`."""


class ConversationSummary(Model):
    """A conversation without its utterances and notices."""

    conversation_id: str = Field(validation_alias="_id")
    """The conversation's identifier."""
    customer_id: str | None = None
    """The customer: `customers._id`."""
    application_number: str | None = None
    """The application it is about."""
    status: str | None = None
    """The status: `active` from the start, then `approved`, `declined` or `referred` by the final decision
    (`hard_end` for any other word), or any value that `conversationSummary_changed` reports. Always
    present."""
    started_at: datetime | None = None
    """When it started, from `conversation_started`; absent until that arrives."""
    last_utterance_at: datetime | None = None
    """The latest time of any utterance."""
    utterance_count: int | None = None
    """The number of utterances, including those that the document no longer keeps. Always present."""
    noticeboard_count: int | None = None
    """The number of notices, including those that the document no longer keeps. Always present."""
    purpose: str | None = None
    """What the money is for, from `conversation_summary`."""
    erased_at: datetime | None = None
    """When it was erased with its customer: it then keeps no utterances or notices."""
    final_decision: str | None = None
    """The newest decision in upstream's word, upper case: `APPROVED`, `DECLINED`, `REFERRED` or another."""
    decided_at: datetime | None = None
    """When that decision was made."""
    created_at: CreatedAt = None
    updated_at: UpdatedAt = None


class ConversationDocument(ConversationSummary):
    """A chat with an applicant, with its newest utterances and notices and the true counts.

    The document keeps the newest 2,000 utterances and 500 notices, and never more than 4 MiB of either.
    """

    utterances: list[Utterance] = Field(default_factory=list)
    """The utterances, oldest first. Always present; empty at the start."""
    noticeboard: list[Notice] = Field(default_factory=list)
    """The notices, oldest first. Always present; empty at the start."""
    assessments: Assessments | None = None
    """The newest result of each kind of assessment."""
    application_data: dict[str, Any] | None = None
    """The application, from `applicationDetail_changed`: an object of any shape, merged deeply. A `.` in a
    key, or a `$` at its start, becomes the full-width `．` or `＄`. Beyond 2 MiB, the values reported longest
    ago are cut: see `cutParts`."""
    facts: list[Any] | None = None
    """The facts in the chat's summary; only the newest list."""
    decision_detail: DecisionDetail | None = None
    """Details of the final decision."""
    cut_parts: list[str] | None = None
    """The fields that lack something because it is too large for a document: `applicationData`, `facts`,
    `assessments.fraudCheck`, ..."""
