"""How events change a conversation's document."""

from pydantic.alias_generators import to_camel

from app.aggregates import Conversation
from app.projections.engine.documents import Document
from app.projections.engine.projection import erase, is_erased, on_event, put, time
from app.projections.read_models.base import ReadModel
from app.projections.read_models.conversations.bounds import free_form, insert, merge_application, put_or_cut
from app.projections.read_models.conversations.document import ConversationDocument
from app.projections.read_models.search_keys import set_search_keys


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
        started_at = time(event.started_at or event.at)
        document["startedAt"] = min(document.get("startedAt", started_at), started_at)

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
        options = self.options
        insert(document, "utterances", utterance, "createdAt", options.max_utterances, options.max_list_bytes)
        document["utteranceCount"] += 1
        document["lastUtteranceAt"] = max(document.get("lastUtteranceAt", said_at), said_at)

    @on_event
    def notice_posted(self, document: Document, event: Conversation.NoticePosted) -> None:
        notice: Document = {}
        put(notice, agentName=event.agent_name, topic=event.topic, content=free_form(event.content))
        notice["timestamp"] = time(event.posted_at)
        options = self.options
        insert(document, "noticeboard", notice, "timestamp", options.max_notices, options.max_list_bytes)
        document["noticeboardCount"] += 1

    @on_event
    def application_details_changed(
        self, document: Document, event: Conversation.ApplicationDetailsChanged
    ) -> None:
        _put_participants(document, event)
        if event.application_data:
            merge_application(document, free_form(event.application_data))

    @on_event
    def assessment_recorded(self, document: Document, event: Conversation.AssessmentRecorded) -> None:
        if not is_erased(event.result):
            put_or_cut(document, free_form(event.result), "assessments", event.kind)

    @on_event
    def decision_made(self, document: Document, event: Conversation.DecisionMade) -> None:
        if event.decision is not None:
            put(document, finalDecision=event.decision, decidedAt=time(event.at))
        put(document, status=event.status)
        document.pop("decisionDetail", None)
        if "finalDecision" in document:
            detail: Document = {}
            put(detail, **{to_camel(name): value for name, value in event.details.items()})
            put(document, decisionDetail=detail or None)

    @on_event
    def summarised(self, document: Document, event: Conversation.Summarised) -> None:
        put(document, purpose=event.purpose)
        if event.facts and not is_erased(event.facts):
            put_or_cut(document, free_form(event.facts), "facts")

    @on_event
    def status_changed(self, document: Document, event: Conversation.StatusChanged) -> None:
        _put_participants(document, event)
        put(document, status=event.status)

    @on_event
    def personal_data_erased(self, document: Document, event: Conversation.PersonalDataErased) -> None:
        erase(document, event, "purpose", "facts", "applicationData", "assessments", "cutParts")
        document.update(utterances=[], noticeboard=[], _bytes={}, _goneUntil={})
        detail = document.get("decisionDetail", {})
        detail.pop("reason", None)
        if not detail:
            document.pop("decisionDetail", None)


def _put_participants(document: Document, event: Conversation.ParticipantsEvent) -> None:
    put(document, customerId=event.customer_id, applicationNumber=event.application_number)
