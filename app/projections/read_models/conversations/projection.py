"""The read model ``conversations``: one document a chat, with the newest of what was said in it."""

from bisect import bisect_right
from typing import Any

import bson

from app.aggregates import Conversation
from app.aggregates.personal import ERASED
from app.projections.engine.projection import Projection
from app.projections.engine.values import Document, erase, free_form, merge, put, time
from app.projections.read_models.search.keys import finish

_LIST_BYTES = 5 * 1024 * 1024
"""MongoDB takes 16 MiB a document: a third for each list, and a third for all the rest."""


def conversations(
    max_utterances: int = 2_000, max_notices: int = 500, list_bytes: int = _LIST_BYTES
) -> Projection:
    """The projection; a document keeps the newest so many utterances and notices, and true counts.

    Neither list grows beyond ``list_bytes``, as BSON.
    """
    projection = Projection("conversations", own=(Conversation,), version=3, finish=finish("conversations"))

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

    @projection.on(Conversation.ParticipantsMet)
    def _participants_met(document: Document, event: Any) -> None:
        _put_participants(document, event)

    @projection.on(Conversation.UtteranceAdded)
    def _utterance_added(document: Document, event: Any) -> None:
        said = time(event.created_at)
        utterance: Document = {"username": event.username}
        put(utterance, utterance=event.utterance, createdAt=said, rationale=event.rationale)
        put(utterance, answerInputType=event.answer_input_type, endConversation=event.end_conversation)
        put(utterance, additionalData=free_form(event.additional_data))
        _insert(document, "utterances", utterance, "createdAt", max_utterances, list_bytes)
        document["utteranceCount"] += 1
        document["lastUtteranceAt"] = max(document.get("lastUtteranceAt", said), said)

    @projection.on(Conversation.NoticePosted)
    def _notice_posted(document: Document, event: Any) -> None:
        notice: Document = {}
        put(notice, agentName=event.agent_name, topic=event.topic, content=free_form(event.content))
        notice["timestamp"] = time(event.posted_at)
        _insert(document, "noticeboard", notice, "timestamp", max_notices, list_bytes)
        document["noticeboardCount"] += 1

    @projection.on(Conversation.ApplicationDetailsChanged)
    def _application_details_changed(document: Document, event: Any) -> None:
        _put_participants(document, event)
        if event.application_data:
            merge(document.setdefault("applicationData", {}), free_form(event.application_data))

    @projection.on(Conversation.AssessmentRecorded)
    def _assessment_recorded(document: Document, event: Any) -> None:
        if event.result is not ERASED:
            document.setdefault("assessments", {})[event.kind] = free_form(event.result)

    @projection.on(Conversation.DecisionMade)
    def _decision_made(document: Document, event: Any) -> None:
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

    @projection.on(Conversation.Summarised)
    def _summarised(document: Document, event: Any) -> None:
        put(document, purpose=event.purpose, facts=free_form(event.facts))

    @projection.on(Conversation.StatusChanged)
    def _status_changed(document: Document, event: Any) -> None:
        _put_participants(document, event)
        put(document, status=event.status)

    @projection.on(Conversation.PersonalDataErased)
    def _personal_data_erased(document: Document, event: Any) -> None:
        erase(document, event, "purpose", "facts", "applicationData", "assessments")
        document.update(utterances=[], noticeboard=[], _listBytes={}, _goneUntil={})
        detail = document.get("decisionDetail", {})
        detail.pop("reason", None)
        if not detail:
            document.pop("decisionDetail", None)

    return projection


def _put_participants(document: Document, event: Any) -> None:
    put(document, customerId=event.customer_id, applicationNumber=event.application_number)


def _insert(
    document: Document, field: str, item: Document, time_field: str, keep: int, list_bytes: int
) -> None:
    """In the order of their own times, ties in arrival order; what is too old to be kept goes.

    Two stamps of the projector's own remember how many bytes the list has, and the newest time of
    what went: older items must not come back, or the order of arrival would show.
    """
    if "erasedAt" in document:
        return  # Who said something and when, with nothing of what, is of no use to anybody.
    items: list[Document] = document[field]
    size, gone = document.setdefault("_listBytes", {}), document.setdefault("_goneUntil", {})
    if field in gone and item[time_field] < gone[field]:
        return
    if items and items[-1][time_field] > item[time_field]:
        items.insert(bisect_right(items, item[time_field], key=lambda known: known[time_field]), item)
    else:
        items.append(item)
    size[field] = size.get(field, 0) + len(bson.encode(item))
    while len(items) > keep or size[field] > list_bytes:
        oldest = items.pop(0)
        size[field] -= len(bson.encode(oldest))
        gone[field] = oldest[time_field]
