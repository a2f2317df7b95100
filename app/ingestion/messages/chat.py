"""What the chat publishes. The conversation is named by the envelope."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field

from app.ingestion.messages.customers import ApplicantDetails
from app.ingestion.messages.fields import (
    AddressedPayload,
    Date,
    Flag,
    Identifier,
    Payload,
    Time,
    Word,
    identifier_or_absent,
    listed,
)


def _object_or_id(value: Any) -> Any:
    return {"customer_id": value} if isinstance(value, str | int) else value


class CustomerNamed(Payload):
    """A customer, named in passing."""

    customer_id: Identifier | None = None


class _WithCustomer(AddressedPayload):
    customer_id: Identifier | None = None
    customer: Annotated[CustomerNamed | None, BeforeValidator(_object_or_id)] = None

    @property
    def named_customer(self) -> str | None:
        """The customer's id, in either form."""
        return self.customer_id or (self.customer.customer_id if self.customer else None)


class FreeForm(AddressedPayload):
    """The result of an assessment, an object of any shape: the whole payload counts."""

    free_form = True
    model_config = ConfigDict(extra="allow")

    if TYPE_CHECKING:

        def __init__(self, **result: Any) -> None: ...


class ConversationStarted(_WithCustomer):
    """``conversation_started``: a customer began to chat. It empties nothing that is known already."""

    timestamp: Time | None = None


class Utterance(AddressedPayload):
    """``user_input`` and ``assistant_response``: something was said, by the customer or to them."""

    utterance: str | None = None
    created_at: Time | None = None
    rationale: str | None = None
    answer_input_type: Word | None = None
    end_conversation: Flag | None = None
    additional_data: Any = None


class ApplicationDetailChanged(AddressedPayload):
    """``applicationDetail_changed``: all other keys are application data, merged deeply.

    So are those of ``customer`` that are none of a customer's details; all, where nobody says who it is.
    """

    free_form = True
    model_config = ConfigDict(extra="allow")

    customer_id: Annotated[Identifier | None, BeforeValidator(identifier_or_absent)] = None
    customer: Annotated[ApplicantDetails | None, BeforeValidator(_object_or_id)] = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            customer_id: str | None = None,
            customer: ApplicantDetails | None = None,
            **application_data: Any,
        ) -> None: ...


class NoticePosted(AddressedPayload):
    """``noticeboard_updated`` and ``noticeboard_post``: an agent left a note for the others."""

    agent_name: Annotated[str | None, Field(description="``agent::Topic``.")] = None
    content: Any = Field(default=None, validation_alias=AliasChoices("content", "post"))
    timestamp: Time | None = None


class FinalDecision(AddressedPayload):
    """``final_decision`` and ``final_credit_decision``: the application is decided."""

    decision: Word | None = Field(
        default=None,
        validation_alias=AliasChoices("decision", "outcome"),
        description="APPROVED, DECLINED or REFERRED. Any other word ended the conversation hard.",
    )
    reason: str | None = None
    retry_eligible: Flag | None = None
    blocked_until: Date | None = None


class ConversationSummary(AddressedPayload):
    """``conversation_summary``: what the conversation is about. Its facts replace those before."""

    purpose: str | None = None
    facts: Annotated[list[Any] | None, BeforeValidator(listed)] = None


class SummaryChanged(_WithCustomer):
    """``conversationSummary_changed``: the conversation's status, application or customer."""

    status: Word | None = None
