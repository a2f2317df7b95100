"""The conversation: what was said, assessed, noted and decided in one chat."""

from datetime import datetime
from typing import Any

from app.aggregates.base import NOTHING, RememberingAggregate, absorbs
from app.aggregates.report_order import TreeStamps
from app.aggregates.source import Source

_STARTED = ("customer_id", "application_number")
_DECISION = ("decision", "reason", "retry_eligible", "blocked_until")


class Conversation(RememberingAggregate):
    """One chat with an applicant. Its text lives in its events; here is only what rules need."""

    OWNED_BY = (("customer_id", "Customer"),)

    class ParticipantsEvent(RememberingAggregate.Event):
        """Tells who the chat is with, and about which application."""

        FILLS_GAPS = False
        PERSONAL = NOTHING

        customer_id: str | None = None
        application_number: str | None = None

        def change(self, aggregate: Any) -> None:
            aggregate.customer_id = self.customer_id or aggregate.customer_id
            names = [name for name in _STARTED if getattr(self, name) is not None]
            aggregate.stamps.note(names, self.upstream_time, initial=self.FILLS_GAPS)

    class ParticipantsMet(ParticipantsEvent):
        """A message about something else named them: it fills in what no report of theirs told."""

        FILLS_GAPS = True
        PERSONAL = NOTHING

        def apply(self, aggregate: Any) -> None:
            """Absorbs nothing: what its message is about, saved with this, does."""
            self.change(aggregate)

    class Started(ParticipantsEvent):
        PERSONAL = NOTHING

        started_at: datetime | None = None

        def change(self, aggregate: Any) -> None:
            super().change(aggregate)
            if self.started_at is not None:
                aggregate.stamps.note(["started_at"], self.upstream_time)

    class UtteranceAdded(RememberingAggregate.Event):
        """``username`` is customer or assistant; ``created_at`` orders the utterances."""

        PERSONAL = frozenset(("utterance", "rationale", "additional_data"))

        username: str
        created_at: datetime
        utterance: str | None = None
        rationale: str | None = None
        answer_input_type: str | None = None
        end_conversation: bool | None = None
        additional_data: Any = None

    class ApplicationDetailsChanged(ParticipantsEvent):
        """``application_data`` holds what changed, to be merged deeply."""

        PERSONAL = frozenset(("application_data",))

        application_data: dict[str, Any] | None = None

        def change(self, aggregate: Any) -> None:
            super().change(aggregate)
            aggregate.application.note(self.application_data or {}, self.upstream_time)

    class AssessmentRecorded(RememberingAggregate.Event):
        """``kind`` is the field of ``assessments`` in the conversation's document."""

        PERSONAL = frozenset(("result",))

        kind: str
        result: dict[str, Any]

        def change(self, aggregate: Any) -> None:
            aggregate.stamps.note([f"assessment.{self.kind}"], self.upstream_time)

    class NoticePosted(RememberingAggregate.Event):
        PERSONAL = frozenset(("agent_name", "topic", "content"))

        posted_at: datetime
        agent_name: str | None = None
        topic: str | None = None
        content: Any = None

    class DecisionMade(RememberingAggregate.Event):
        """``decision`` is approved, declined, referred or hard_end.

        It is absent where a newer one stands, to which this only adds detail. ``sets_status``: no
        newer report of the conversation's status was there before.
        """

        PERSONAL = frozenset(("reason",))

        sets_status: bool
        decision: str | None = None
        reason: str | None = None
        retry_eligible: bool | None = None
        blocked_until: str | None = None

        def change(self, aggregate: Any) -> None:
            names = [name for name in _DECISION if getattr(self, name) is not None]
            aggregate.stamps.note(names, self.upstream_time, prefix="decision.")
            if self.sets_status:
                aggregate.stamps.note(["status"], self.upstream_time)

    class Summarised(RememberingAggregate.Event):
        PERSONAL = frozenset(("purpose", "facts"))

        purpose: str | None = None
        facts: list[Any] | None = None

        def change(self, aggregate: Any) -> None:
            names = [name for name in ("purpose", "facts") if getattr(self, name) is not None]
            aggregate.stamps.note(names, self.upstream_time)

    class StatusChanged(ParticipantsEvent):
        PERSONAL = NOTHING

        status: str | None = None

        def change(self, aggregate: Any) -> None:
            super().change(aggregate)
            if self.status is not None:
                aggregate.stamps.note(["status"], self.upstream_time)

    def __init__(self, business_id: str) -> None:
        super().__init__(business_id)
        self.customer_id: str | None = None
        self.application = TreeStamps()

    @property
    def remembered(self) -> int:
        return super().remembered + len(self.application)

    @absorbs
    def start(
        self,
        source: Source,
        *,
        customer_id: str | None = None,
        application_number: str | None = None,
        started_at: datetime | None = None,
    ) -> None:
        """The chat began. Arriving late, it fills in what it knows and empties nothing."""
        fresh = self._fresh(
            source,
            customer_id=customer_id,
            application_number=application_number,
            started_at=started_at or source.at,
        )
        self.record(self.Started, source, **fresh)

    def meet(self, source: Source, **named: str | None) -> None:
        """A message that is about something else names customer_id or application_number.

        A report of them outranks that, however old it is. It goes before the command that the message is for.
        """
        if source.message_id in self.absorbed:
            return
        if fills := self.stamps.fresh(named, source.upstream_time, initial=True):
            self.record(self.ParticipantsMet, source, **fills)

    @absorbs
    def add_utterance(
        self, source: Source, *, username: str, created_at: datetime | None = None, **spoken: Any
    ) -> None:
        """Somebody said something.

        ``spoken``: utterance, rationale, answer_input_type, end_conversation, additional_data.
        """
        self.record(
            self.UtteranceAdded, source, username=username, created_at=created_at or source.at, **spoken
        )

    @absorbs
    def change_application(
        self,
        source: Source,
        *,
        customer_id: str | None = None,
        application_number: str | None = None,
        application_data: dict[str, Any] | None = None,
    ) -> None:
        """The application's data changed: merged deeply, field by field."""
        fresh = self._fresh(source, customer_id=customer_id, application_number=application_number)
        if data := self.application.fresh(application_data or {}, source.upstream_time):
            fresh["application_data"] = data
        if fresh:
            self.record(self.ApplicationDetailsChanged, source, **fresh)

    @absorbs
    def record_assessment(self, source: Source, *, kind: str, result: dict[str, Any]) -> None:
        """An assessment's result: the newest of its kind stands."""
        if self.stamps.accepts(f"assessment.{kind}", source.upstream_time):
            self.record(self.AssessmentRecorded, source, kind=kind, result=result)

    @absorbs
    def post_notice(self, source: Source, *, timestamp: datetime | None = None, **notice: Any) -> None:
        """An agent wrote on the noticeboard: agent_name, topic, content."""
        self.record(self.NoticePosted, source, posted_at=timestamp or source.at, **notice)

    @absorbs
    def decide(self, source: Source, *, decision: str, **detail: Any) -> None:
        """The application's final decision, with reason, retry_eligible, blocked_until."""
        at = source.upstream_time
        if fresh := self.stamps.fresh({"decision": decision, **detail}, at, prefix="decision."):
            sets_status = "decision" in fresh and self.stamps.accepts("status", at)
            self.record(self.DecisionMade, source, sets_status=sets_status, **fresh)

    @absorbs
    def summarise(
        self, source: Source, *, purpose: str | None = None, facts: list[Any] | None = None
    ) -> None:
        """A summary; its facts replace the list."""
        if fresh := self._fresh(source, purpose=purpose, facts=facts):
            self.record(self.Summarised, source, **fresh)

    @absorbs
    def change_status(
        self,
        source: Source,
        *,
        status: str | None = None,
        customer_id: str | None = None,
        application_number: str | None = None,
    ) -> None:
        """Upstream's own word for where the conversation stands."""
        fresh = self._fresh(
            source, status=status, customer_id=customer_id, application_number=application_number
        )
        if fresh:
            self.record(self.StatusChanged, source, **fresh)

    def _fresh(self, source: Source, **report: Any) -> dict[str, Any]:
        return self.stamps.fresh(report, source.upstream_time)
