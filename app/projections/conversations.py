"""The read model ``conversations``: one document a chat, with the newest of what was said in it."""

from bisect import bisect_right
from typing import Any

from app.aggregates import Conversation
from app.projections.projection import Projection
from app.projections.values import Document, free_form, merge, put, time


def conversations(max_utterances: int = 2_000, max_notices: int = 500) -> Projection:
    """The projection; a document keeps the newest so many utterances and notices, and true counts."""
    projection = Projection("conversations", own=(Conversation,))

    @projection.on(Conversation.Registered)
    def _registered(document: Document, _event: Any) -> None:
        document.update(
            status="active",
            utterances=[],
            utteranceCount=0,
            noticeboard=[],
            noticeboardCount=0,
        )

    @projection.on(Conversation.Started)
    def _started(document: Document, event: Any) -> None:
        _put_participants(document, event)
        put(document, startedAt=time(event.started_at) if event.started_at else None)

    @projection.on(Conversation.UtteranceAdded)
    def _utterance_added(document: Document, event: Any) -> None:
        said = time(event.created_at)
        utterance: Document = {"username": event.username}
        put(utterance, utterance=event.utterance, createdAt=said, rationale=event.rationale)
        put(utterance, answerInputType=event.answer_input_type, endConversation=event.end_conversation)
        put(utterance, additionalData=free_form(event.additional_data))
        _insert(document["utterances"], utterance, "createdAt", max_utterances)
        document["utteranceCount"] += 1
        document["lastUtteranceAt"] = max(document.get("lastUtteranceAt", said), said)

    @projection.on(Conversation.NoticePosted)
    def _notice_posted(document: Document, event: Any) -> None:
        notice: Document = {}
        put(notice, agentName=event.agent_name, topic=event.topic, content=free_form(event.content))
        notice["timestamp"] = time(event.posted_at)
        _insert(document["noticeboard"], notice, "timestamp", max_notices)
        document["noticeboardCount"] += 1

    @projection.on(Conversation.ApplicationDetailsChanged)
    def _application_details_changed(document: Document, event: Any) -> None:
        _put_participants(document, event)
        if event.application_data:
            merge(document.setdefault("applicationData", {}), free_form(event.application_data))

    @projection.on(Conversation.AssessmentRecorded)
    def _assessment_recorded(document: Document, event: Any) -> None:
        document.setdefault("assessments", {})[event.kind] = free_form(event.result)

    @projection.on(Conversation.DecisionMade)
    def _decision_made(document: Document, event: Any) -> None:
        document["finalDecision"] = event.decision
        if event.sets_status:
            document["status"] = event.decision
        detail: Document = {}
        put(
            detail,
            reason=event.reason,
            retryEligible=event.retry_eligible,
            blockedUntil=event.blocked_until,
        )
        document.pop("decisionDetail", None)
        put(document, decisionDetail=detail or None)

    @projection.on(Conversation.Summarised)
    def _summarised(document: Document, event: Any) -> None:
        put(document, purpose=event.purpose, facts=free_form(event.facts))

    @projection.on(Conversation.StatusChanged)
    def _status_changed(document: Document, event: Any) -> None:
        _put_participants(document, event)
        put(document, status=event.status)

    return projection


def _put_participants(document: Document, event: Any) -> None:
    put(document, customerId=event.customer_id, applicationNumber=event.application_number)


def _insert(items: list[Document], item: Document, time_field: str, keep: int) -> None:
    """In the order of their own times, ties in arrival order; the oldest beyond ``keep`` go."""
    if items and items[-1][time_field] > item[time_field]:
        items.insert(bisect_right(items, item[time_field], key=lambda known: known[time_field]), item)
    else:
        items.append(item)
    if len(items) > keep:
        del items[: len(items) - keep]
