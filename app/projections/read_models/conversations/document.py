"""The collection ``conversations``."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from app.projections.read_models.kinds import CreatedAt, Day, Document, UpdatedAt

FinalDecision = Literal["approved", "declined", "referred", "hard_end"]


class Utterance(Document):
    """Something that was said."""

    username: Literal["customer", "assistant"]
    """Who said it."""
    utterance: str | None = None
    """What was said."""
    created_at: datetime | None = None
    """When; utterances stand in this order, ties in the order of arrival."""
    rationale: str | None = None
    """Why the assistant said it."""
    answer_input_type: str | None = None
    """How the answer is given in the chat's window; upstream's word."""
    end_conversation: bool | None = None
    """Whether the chat ends with it."""
    additional_data: Any = None
    """Anything that upstream sent along."""


class Notice(Document):
    """What an agent wrote on the noticeboard."""

    agent_name: str | None = None
    """The agent: what stands before `::` in upstream's name."""
    topic: str | None = None
    """What it is about: what follows `::`."""
    content: Any = None
    """What it says: text, or an object of any shape."""
    timestamp: datetime | None = None
    """When it was posted; notices stand in this order."""


class DecisionDetail(Document):
    """What came with a final decision."""

    reason: str | None = None
    """Why, in upstream's words."""
    retry_eligible: bool | None = None
    """Whether the customer may apply again."""
    blocked_until: Day | None = None
    """Until when the customer may not."""


class Assessments(Document):
    """The newest result of each kind of assessment, an object of any shape."""

    identity_risk: dict[str, Any] | None = None
    """By `identityRisk_assessment`."""
    serviceability: dict[str, Any] | None = None
    """By `serviceability_assessment_results` or `credit_assessment_serviceability_result`."""
    fraud_check: dict[str, Any] | None = None
    """By `fraudCheck_assessment`."""
    account_conduct: dict[str, Any] | None = None
    """By `credit_assessment_accountConduct_result`."""
    post_identity_risk: dict[str, Any] | None = None
    """By `post_identity_risk_checks_complete`."""
    credit_assessment_complete: dict[str, Any] | None = None
    """By `credit_assessment_complete`."""


class ConversationSummary(Document):
    """A conversation without what was said in it."""

    conversation_id: str = Field(validation_alias="_id")
    """The conversation's identifier."""
    customer_id: str | None = None
    """Whom it is with: `customers._id`."""
    application_number: str | None = None
    """The application that it is about."""
    status: str | None = None
    """How it stands: `active` from the start, then by its final decision `approved`, `declined`, `referred`
    or `hard_end`, or by `conversationSummary_changed`, which may use any word of upstream's. Always there."""
    started_at: datetime | None = None
    """When it was started, by `conversation_started`; absent until that came."""
    last_utterance_at: datetime | None = None
    """The latest time of any utterance."""
    utterance_count: int | None = None
    """How many utterances there are in all, those included that the document does not keep. Always there."""
    noticeboard_count: int | None = None
    """How many notices there are in all, those included that the document does not keep. Always there."""
    purpose: str | None = None
    """What the money is for, by `conversation_summary`."""
    erased_at: datetime | None = None
    """When it was erased with its customer: it keeps no utterances and notices."""
    final_decision: FinalDecision | None = None
    """The application's outcome: the newest decision told. Any word but upstream's APPROVED, DECLINED or
    REFERRED is `hard_end`."""
    created_at: CreatedAt = None
    updated_at: UpdatedAt = None


class Conversation(ConversationSummary):
    """A chat with an applicant, with the newest of what was said and noted, and the true counts.

    The document keeps the newest 2,000 utterances and 500 notices, and never more than 5 MiB of either.
    """

    utterances: list[Utterance] = Field(default_factory=list)
    """What was said, oldest first. Always there; empty at the start."""
    noticeboard: list[Notice] = Field(default_factory=list)
    """What agents noted, oldest first. Always there; empty at the start."""
    assessments: Assessments | None = None
    """The newest result of each kind of assessment."""
    application_data: dict[str, Any] | None = None
    """What the applicant told, by `applicationDetail_changed`: an object of any shape, merged deeply. Where a
    key held `.` or began with `$`, it has the full-width `．` or `＄`."""
    facts: list[Any] | None = None
    """What the chat's summary says, newest list only."""
    decision_detail: DecisionDetail | None = None
    """What came with the final decision."""
