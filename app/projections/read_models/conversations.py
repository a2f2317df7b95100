"""The collection ``conversations``: one document a chat, with its newest utterances and notices."""

from bisect import bisect_right
from datetime import datetime
from typing import Any, Literal

import bson
from pydantic import Field

from app.aggregates import Conversation
from app.projections.engine.projection import on_event
from app.projections.engine.values import Document, erase, free_form, is_erased, merge, put, time
from app.projections.read_models.base import ReadModel
from app.projections.read_models.search_keys.keys import set_search_keys
from app.projections.read_models.types import CreatedAt, Day, Model, UpdatedAt

FinalDecision = Literal["approved", "declined", "referred", "hard_end"]


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
    """The agent: the part of upstream's name before `::`."""
    topic: str | None = None
    """The topic: the part after `::`."""
    content: Any = None
    """The content: text, or an object of any shape."""
    timestamp: datetime | None = None
    """When it was posted. Notices are in this order."""


class DecisionDetail(Model):
    """Details of a final decision."""

    reason: str | None = None
    """Why, in upstream's words."""
    retry_eligible: bool | None = None
    """Whether the customer may apply again."""
    blocked_until: Day | None = None
    """The date until which the customer may not."""


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
    """The status: `active` from the start, then the final decision (`approved`, `declined`, `referred` or
    `hard_end`), or any value that `conversationSummary_changed` reports. Always present."""
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
    final_decision: FinalDecision | None = None
    """The application's outcome: the newest decision. Any value but upstream's APPROVED, DECLINED or REFERRED
    is `hard_end`."""
    created_at: CreatedAt = None
    updated_at: UpdatedAt = None


class ConversationDocument(ConversationSummary):
    """A chat with an applicant, with its newest utterances and notices and the true counts.

    The document keeps the newest 2,000 utterances and 500 notices, and never more than 5 MiB of either.
    """

    utterances: list[Utterance] = Field(default_factory=list)
    """The utterances, oldest first. Always present; empty at the start."""
    noticeboard: list[Notice] = Field(default_factory=list)
    """The notices, oldest first. Always present; empty at the start."""
    assessments: Assessments | None = None
    """The newest result of each kind of assessment."""
    application_data: dict[str, Any] | None = None
    """The applicant's details, from `applicationDetail_changed`: an object of any shape, merged deeply. A `.`
    in a key, or a `$` at its start, becomes the full-width `．` or `＄`."""
    facts: list[Any] | None = None
    """The facts in the chat's summary; only the newest list."""
    decision_detail: DecisionDetail | None = None
    """Details of the final decision."""


class Conversations(ReadModel):
    """How events change a chat's document."""

    name = "conversations"
    model = ConversationDocument
    own = (Conversation,)

    def finish(self, document: Document) -> None:
        super().finish(document)
        set_search_keys(self.name, document)

    @on_event
    def registered(self, document: Document, _event: Conversation.Registered) -> None:
        document.update(status="active", utterances=[], utteranceCount=0, noticeboard=[], noticeboardCount=0)

    @on_event
    def started(self, document: Document, event: Conversation.Started) -> None:
        _put_participants(document, event)
        put(document, startedAt=time(event.started_at) if event.started_at else None)

    @on_event
    def participants_met(self, document: Document, event: Conversation.ParticipantsMet) -> None:
        _put_participants(document, event)

    @on_event
    def utterance_added(self, document: Document, event: Conversation.UtteranceAdded) -> None:
        said_at = time(event.created_at)
        utterance: Document = {"username": event.username}
        put(utterance, utterance=event.utterance, createdAt=said_at, rationale=event.rationale)
        put(utterance, answerInputType=event.answer_input_type, endConversation=event.end_conversation)
        put(utterance, additionalData=free_form(event.additional_data))
        self._insert(document, "utterances", utterance, "createdAt", self.options.max_utterances)
        document["utteranceCount"] += 1
        document["lastUtteranceAt"] = max(document.get("lastUtteranceAt", said_at), said_at)

    @on_event
    def notice_posted(self, document: Document, event: Conversation.NoticePosted) -> None:
        notice: Document = {}
        put(notice, agentName=event.agent_name, topic=event.topic, content=free_form(event.content))
        notice["timestamp"] = time(event.posted_at)
        self._insert(document, "noticeboard", notice, "timestamp", self.options.max_notices)
        document["noticeboardCount"] += 1

    @on_event
    def application_details_changed(
        self, document: Document, event: Conversation.ApplicationDetailsChanged
    ) -> None:
        _put_participants(document, event)
        if event.application_data:
            merge(document.setdefault("applicationData", {}), free_form(event.application_data))

    @on_event
    def assessment_recorded(self, document: Document, event: Conversation.AssessmentRecorded) -> None:
        if not is_erased(event.result):
            document.setdefault("assessments", {})[event.kind] = free_form(event.result)

    @on_event
    def decision_made(self, document: Document, event: Conversation.DecisionMade) -> None:
        put(document, finalDecision=event.decision)
        if event.sets_status:
            document["status"] = event.decision
        detail = document.get("decisionDetail", {})
        put(
            detail,
            reason=event.reason,
            retryEligible=event.retry_eligible,
            blockedUntil=event.blocked_until,
        )
        put(document, decisionDetail=detail or None)

    @on_event
    def summarised(self, document: Document, event: Conversation.Summarised) -> None:
        put(document, purpose=event.purpose, facts=free_form(event.facts))

    @on_event
    def status_changed(self, document: Document, event: Conversation.StatusChanged) -> None:
        _put_participants(document, event)
        put(document, status=event.status)

    @on_event
    def personal_data_erased(self, document: Document, event: Conversation.PersonalDataErased) -> None:
        erase(document, event, "purpose", "facts", "applicationData", "assessments")
        document.update(utterances=[], noticeboard=[], _listBytes={}, _goneUntil={})
        detail = document.get("decisionDetail", {})
        detail.pop("reason", None)
        if not detail:
            document.pop("decisionDetail", None)

    def _insert(self, document: Document, field: str, item: Document, time_field: str, keep: int) -> None:
        """Insert by time, ties in arrival order, and drop the oldest items beyond the limits.

        The document keeps the size of each list, and the time of the newest item dropped: older items must
        not come back, or the document would depend on the order of arrival.
        """
        if "erasedAt" in document:
            return
        items: list[Document] = document[field]
        size, gone = document.setdefault("_listBytes", {}), document.setdefault("_goneUntil", {})
        if field in gone and item[time_field] < gone[field]:
            return
        if items and items[-1][time_field] > item[time_field]:
            items.insert(bisect_right(items, item[time_field], key=lambda known: known[time_field]), item)
        else:
            items.append(item)
        size[field] = size.get(field, 0) + len(bson.encode(item))
        while len(items) > keep or size[field] > self.options.max_list_bytes:
            oldest = items.pop(0)
            size[field] -= len(bson.encode(oldest))
            gone[field] = oldest[time_field]


def _put_participants(document: Document, event: Conversation.ParticipantsEvent) -> None:
    put(document, customerId=event.customer_id, applicationNumber=event.application_number)
