"""What the chat publishes. The conversation is named by the envelope."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field

from app.aggregates.base import Key
from app.aggregates.conversation import Conversation
from app.aggregates.customer import Customer
from app.event_store.unit_of_work import UnitOfWork
from app.ingestion.messages.customers import ApplicantDetails
from app.ingestion.messages.envelope import APPLICATION, ENTRY_FIELDS, Envelope
from app.ingestion.messages.fields import (
    AddressedPayload,
    Date,
    Flag,
    Identifier,
    Payload,
    Text,
    Time,
    Word,
    listed,
)

ASSESSMENTS = {
    "identityRisk_assessment": "identityRisk",
    "serviceability_assessment_results": "serviceability",
    "credit_assessment_serviceability_result": "serviceability",
    "fraudCheck_assessment": "fraudCheck",
    "credit_assessment_accountConduct_result": "accountConduct",
    "post_identity_risk_checks_complete": "postIdentityRisk",
    "credit_assessment_complete": "creditAssessmentComplete",
}
"""The kind of assessment that each message type carries."""
_KNOWN_STATUSES = frozenset(("active", "approved", "declined", "referred", "hard_end"))
_NOT_APPLICATION_DATA = frozenset(("customer", *APPLICATION))


class _Chat(AddressedPayload):
    def concerns(self, envelope: Envelope) -> tuple[Key, ...]:
        return ((Conversation, envelope.conversation or ""),)

    def conversation(self, unit: UnitOfWork, envelope: Envelope) -> Conversation:
        return unit.obtain(Conversation, envelope.subject(), envelope.source)

    def met(self, unit: UnitOfWork, envelope: Envelope) -> Conversation:
        """The conversation, with the participants that an envelope about something else names."""
        conversation = self.conversation(unit, envelope)
        conversation.meet(envelope.source, customer_id=envelope.user, application_number=envelope.application)
        return conversation


class CustomerNamed(Payload):
    """A customer, named in passing."""

    customer_id: Identifier | None = None


class _WithCustomer(_Chat):
    customer_id: Identifier | None = None
    customer: CustomerNamed | None = None

    @property
    def named_customer(self) -> str | None:
        """The customer's id, in either form."""
        return self.customer_id or (self.customer.customer_id if self.customer else None)


class FreeForm(_Chat):
    """The result of an assessment, an object of any shape: the whole payload counts."""

    free_form = True
    model_config = ConfigDict(extra="allow")

    if TYPE_CHECKING:

        def __init__(self, **result: Any) -> None: ...

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        self.met(unit, envelope).record_assessment(
            envelope.source, kind=ASSESSMENTS[envelope.type], result=_free_form(envelope)
        )


class ConversationStarted(_WithCustomer):
    """``conversation_started``: a customer began to chat. It empties nothing that is known already."""

    timestamp: Time | None = None

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        self.conversation(unit, envelope).start(
            envelope.source,
            customer_id=envelope.user or self.named_customer,
            application_number=envelope.application,
            started_at=self.timestamp,
        )


class Utterance(_Chat):
    """``user_input`` and ``assistant_response``: something was said, by the customer or to them."""

    utterance: Text | None = None
    created_at: Time | None = None
    rationale: Text | None = None
    answer_input_type: Word | None = None
    end_conversation: Flag | None = None
    additional_data: Any = None

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        username = "customer" if envelope.type == "user_input" else "assistant"
        self.met(unit, envelope).add_utterance(envelope.source, username=username, **self.present())


class ApplicationDetailChanged(_Chat):
    """``applicationDetail_changed``: the applicant's details, and application data, merged deeply: all keys
    but ``customer`` and the application number.
    """

    free_form = True
    model_config = ConfigDict(extra="allow")

    customer_id: Identifier | None = None
    customer: ApplicantDetails | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            customer_id: str | None = None,
            customer: ApplicantDetails | None = None,
            **application_data: Any,
        ) -> None: ...

    def applicant(self, envelope: Envelope) -> str | None:
        """The applicant: named by their details, else by the payload, else by the envelope."""
        return (self.customer and self.customer.customer_id) or self.customer_id or envelope.user

    def concerns(self, envelope: Envelope) -> tuple[Key, ...]:
        customer_id = self.applicant(envelope)
        about = super().concerns(envelope)
        return about if customer_id is None else (*about, (Customer, customer_id))

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        customer_id = self.applicant(envelope)
        data = {
            name: value for name, value in _free_form(envelope).items() if name not in _NOT_APPLICATION_DATA
        }
        self.conversation(unit, envelope).change_application(
            envelope.source,
            customer_id=customer_id,
            application_number=envelope.application,
            application_data=data,
        )
        if self.customer is not None and customer_id is not None:
            self.customer.report(unit, envelope.source, customer_id)


def _free_form(envelope: Envelope) -> dict[str, Any]:
    """The payload's own keys, as received, without the entry's own fields where they are among them."""
    if not envelope.is_flat:
        return envelope.payload
    return {name: value for name, value in envelope.payload.items() if name not in ENTRY_FIELDS}


class NoticePosted(_Chat):
    """``noticeboard_updated`` and ``noticeboard_post``: an agent left a note for the others."""

    agent_name: Annotated[Text | None, Field(description="``agent::Topic``.")] = None
    content: Any = Field(default=None, validation_alias=AliasChoices("content", "post"))
    timestamp: Time | None = None

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        agent, _, topic = (self.agent_name or "").partition("::")
        self.met(unit, envelope).post_notice(
            envelope.source,
            agent_name=self.agent_name,
            topic=topic.strip() or agent.strip() or None,
            content=self.content,
            timestamp=self.timestamp,
        )


class FinalDecision(_Chat):
    """``final_decision`` and ``final_credit_decision``: the application is decided, or details of that."""

    decision: Word | None = Field(
        default=None,
        validation_alias=AliasChoices("decision", "outcome"),
        description="APPROVED, DECLINED or REFERRED. Any other word ended the conversation hard.",
    )
    reason: Text | None = None
    retry_eligible: Flag | None = None
    blocked_until: Date | None = None
    source_application_number: Identifier | None = None

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        decision = self.decision and self.decision.upper()
        self.met(unit, envelope).decide(envelope.source, decision=decision, details=self.present("decision"))


class ConversationSummary(_Chat):
    """``conversation_summary``: what the conversation is about. Its facts replace those before."""

    purpose: Text | None = None
    facts: Annotated[list[Any] | None, BeforeValidator(listed)] = None

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        self.met(unit, envelope).summarise(envelope.source, purpose=self.purpose, facts=self.facts or None)


class SummaryChanged(_WithCustomer):
    """``conversationSummary_changed``: the conversation's status, application or customer."""

    status: Word | None = None

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        status = self.status
        if status is not None and status.lower() in _KNOWN_STATUSES:
            status = status.lower()  # Our words in any case are ours; another is upstream's.
        self.conversation(unit, envelope).change_status(
            envelope.source,
            status=status,
            customer_id=envelope.user or self.named_customer,
            application_number=envelope.application,
        )
