"""The conversation: what was said, assessed, noted and decided in one chat."""

from datetime import datetime
from typing import ClassVar, TypedDict, Unpack

from app.aggregates.base import NOTHING, Aggregate, Report, Source, absorbs
from app.aggregates.personal import Json
from app.aggregates.report_order import FieldStamps, TreeStamps

STATUS_OF_DECISION = {"APPROVED": "approved", "DECLINED": "declined", "REFERRED": "referred"}
"""The status after a decision, by upstream's word; after any other word it is hard_end."""


Details = dict[str, str | bool]
"""What a decision holds beside its word: ``reason``, ``retry_eligible``, ``blocked_until`` (``YYYY-MM-DD``),
``source_application_number``."""
_DETAIL = "decision."


class Participants(TypedDict, total=False):
    """The customer, and the application that the chat is about."""

    customer_id: str | None
    application_number: str | None


class Conversation(Aggregate):
    """One chat with an applicant. Its text lives in its events; its state is only what the rules need."""

    OWNED_BY = (("customer_id", "Customer"),)

    class ParticipantsEvent(Report):
        """Names the customer, and the application that the chat is about."""

        PERSONAL = NOTHING
        STAMPED: ClassVar[tuple[str, ...]] = ("customer_id", "application_number")

        customer_id: str | None = None
        application_number: str | None = None

        def apply(self, aggregate: "Conversation") -> None:
            aggregate.customer_id = self.customer_id or aggregate.customer_id

    class ParticipantsMet(ParticipantsEvent):
        """A message about something else named them, which any report of theirs outranks."""

        PERSONAL = NOTHING
        ABSORBS = False
        IN_PASSING = True

    class Started(ParticipantsEvent):
        """The earliest ``started_at`` counts."""

        PERSONAL = NOTHING

        started_at: datetime | None = None

    class UtteranceAdded(Aggregate.Event):
        """``username`` is customer or assistant; ``created_at`` orders the utterances."""

        PERSONAL = frozenset(("utterance", "rationale", "additional_data"))

        username: str
        created_at: datetime
        utterance: str | None = None
        rationale: str | None = None
        answer_input_type: str | None = None
        end_conversation: bool | None = None
        additional_data: Json = None

    class ApplicationDetailsChanged(ParticipantsEvent):
        """``application_data`` holds what changed, to be merged deeply."""

        PERSONAL = frozenset(("application_data",))

        application_data: dict[str, Json] | None = None

        def apply(self, aggregate: "Conversation") -> None:
            super().apply(aggregate)
            aggregate.application.note(self.application_data or {}, self.at)

    class AssessmentRecorded(Aggregate.Event):
        """``kind`` is the field of ``assessments`` in the conversation's document."""

        PERSONAL = frozenset(("result",))

        kind: str
        result: dict[str, Json]

        def stamp(self, stamps: FieldStamps) -> None:
            stamps.note([f"assessment.{self.kind}"], self.at)

    class NoticePosted(Aggregate.Event):
        PERSONAL = frozenset(("agent_name", "topic", "content"))

        posted_at: datetime
        agent_name: str | None = None
        topic: str | None = None
        content: Json = None

    class DecisionMade(Aggregate.Event):
        """A decision, or details that came alone, which add to the decision.

        ``details`` are those of the newest decision after this report; ``reported`` names those in it.
        ``decision`` is upstream's word in upper case, absent if a newer decision is known. ``status`` is
        absent if a newer report of the conversation's status is known, too.
        """

        PERSONAL = frozenset(("details.reason",))

        is_decision: bool
        details: Details
        reported: list[str]
        decision: str | None = None
        status: str | None = None

        def apply(self, aggregate: "Conversation") -> None:
            aggregate.decisions += self.is_decision
            aggregate.details = self.details

        def stamp(self, stamps: FieldStamps) -> None:
            names = {"decision": self.decision, "status": self.status}
            stamps.note([name for name, word in names.items() if word], self.at)
            stamps.note(self.reported, self.at, prefix=_DETAIL)

    class Summarised(Report):
        PERSONAL = frozenset(("purpose", "facts"))

        purpose: str | None = None
        facts: list[Json] | None = None

    class StatusChanged(ParticipantsEvent):
        PERSONAL = NOTHING
        STAMPED = ("customer_id", "application_number", "status")

        status: str | None = None

    def __init__(self, business_id: str) -> None:
        super().__init__(business_id)
        self.customer_id: str | None = None
        self.application = TreeStamps()
        self.memories += [self.application.leaves.known, self.application.objects.known]
        self.decisions = 0
        self.details: Details = {}

    @absorbs
    def start(
        self, source: Source, *, started_at: datetime | None = None, **who: Unpack[Participants]
    ) -> None:
        """The chat began. Arriving late, it fills in what it knows and empties nothing."""
        started = self.Started(started_at=started_at or source.at, **who)
        self.drop_stale(source, started)
        self.record(source, started)

    def meet(self, source: Source, **who: Unpack[Participants]) -> None:
        """A message about something else names them. Comes before the command that the message is for."""
        if source.message_id not in self.absorbed:
            self.report(source, self.ParticipantsMet(**who))

    @absorbs
    def add_utterance(
        self,
        source: Source,
        *,
        username: str,
        created_at: datetime | None = None,
        utterance: str | None = None,
        rationale: str | None = None,
        answer_input_type: str | None = None,
        end_conversation: bool | None = None,
        additional_data: Json = None,
    ) -> None:
        """The customer or the assistant said something."""
        added = self.UtteranceAdded(
            username=username,
            created_at=created_at or source.at,
            utterance=utterance,
            rationale=rationale,
            answer_input_type=answer_input_type,
            end_conversation=end_conversation,
            additional_data=additional_data,
        )
        self.record(source, added)

    @absorbs
    def change_application(
        self,
        source: Source,
        *,
        application_data: dict[str, Json] | None = None,
        **who: Unpack[Participants],
    ) -> None:
        """The application's data changed: merged deeply, field by field."""
        fresh = self.application.fresh(application_data or {}, source.at)
        changed = self.ApplicationDetailsChanged(application_data=fresh or None, **who)
        if self.drop_stale(source, changed) or changed.application_data:
            self.record(source, changed)

    @absorbs
    def record_assessment(self, source: Source, *, kind: str, result: dict[str, Json]) -> None:
        """An assessment's result: the newest of its kind counts."""
        if self.stamps.accepts(f"assessment.{kind}", source.at):
            self.record(source, self.AssessmentRecorded(kind=kind, result=result))

    @absorbs
    def post_notice(
        self,
        source: Source,
        *,
        timestamp: datetime | None = None,
        agent_name: str | None = None,
        topic: str | None = None,
        content: Json = None,
    ) -> None:
        """An agent wrote on the noticeboard."""
        posted_at = timestamp or source.at
        posted = self.NoticePosted(posted_at=posted_at, agent_name=agent_name, topic=topic, content=content)
        self.record(source, posted)

    @absorbs
    def decide(self, source: Source, *, decision: str | None, details: Details) -> None:
        """The application's final decision, in upstream's word, or details of it that come alone.

        A newer decision replaces the older one with all its details. Details that came before the first
        decision are kept for it.
        """
        at, stamps = source.at, self.stamps
        is_newest = decision is not None and stamps.accepts("decision", at)
        since = at if is_newest else stamps.time_of("decision")
        kept, fresh = self.details, Details()
        if several := self.decisions + (decision is not None) > 1:
            times = {name: stamps.time_of(_DETAIL + name) or at for name in kept}
            kept = {
                name: value
                for name, value in kept.items()
                if since and (times[name] > since or (times[name] == since and not is_newest))
            }
        if is_newest or (decision is None and not (several and since and at < since)):
            fresh = stamps.fresh(details, at, prefix=_DETAIL)
        if decision is None and not fresh:
            return
        sets_status = is_newest and stamps.accepts("status", at)
        made = self.DecisionMade(
            is_decision=decision is not None,
            details=kept | fresh,
            reported=list(fresh),
            decision=decision if is_newest else None,
            status=STATUS_OF_DECISION.get(decision or "", "hard_end") if sets_status else None,
        )
        self.record(source, made)

    @absorbs
    def summarise(
        self, source: Source, *, purpose: str | None = None, facts: list[Json] | None = None
    ) -> None:
        """A summary; its facts replace the list."""
        self.report(source, self.Summarised(purpose=purpose, facts=facts))

    @absorbs
    def change_status(
        self, source: Source, *, status: str | None = None, **who: Unpack[Participants]
    ) -> None:
        """Upstream's own word for the conversation's status."""
        self.report(source, self.StatusChanged(status=status, **who))
