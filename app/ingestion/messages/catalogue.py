"""Every message type that we consume: its payload, and the command that it means. One table."""

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import ValidationError

from app.aggregates.base import Key
from app.event_store.unit_of_work import UnitOfWork
from app.ingestion.messages import accounts as account
from app.ingestion.messages import chat
from app.ingestion.messages import commands as do
from app.ingestion.messages import concerns as of
from app.ingestion.messages import customers as customer
from app.ingestion.messages import write_offs as writeoff
from app.ingestion.messages.commands import Command
from app.ingestion.messages.concerns import Concerns
from app.ingestion.messages.envelope import Envelope, entry_type, open_entry, unopened
from app.ingestion.messages.fields import Payload
from app.ingestion.messages.parsers import NO_PARSERS, Parsers
from app.ingestion.messages.rejection import ParserFailed, not_as_modelled


class Row(NamedTuple):
    """A message type: the model of its payload, what it asks of an aggregate, and of which ones."""

    payload: type[Payload]
    command: Command
    concerns: Concerns


CATALOGUE: dict[str, Row] = {
    "customer.created.v1": Row(customer.CustomerChanged, do.report_customer, of.customer),
    "customer.changed.v1": Row(customer.CustomerChanged, do.report_customer, of.customer),
    "customer.updated.v1": Row(customer.CustomerChanged, do.report_customer, of.customer),
    "customer.verified.v1": Row(customer.CustomerVerified, do.verify_customer, of.customer),
    "account.created.v1": Row(account.AccountCreated, do.open_account, of.account),
    "account.updated.v1": Row(account.AccountUpdated, do.update_account, of.account),
    "account.status_changed.v1": Row(account.AccountStatusChanged, do.change_account_status, of.account),
    "account.closed.v1": Row(account.AccountClosed, do.close_account, of.account),
    "account.schedule.created.v1": Row(account.ScheduleCreated, do.create_schedule, of.account),
    "account.schedule.updated.v1": Row(account.ScheduleUpdated, do.update_schedule, of.account),
    "loan.aging.updated.v1": Row(account.AgingUpdated, do.update_aging, of.account),
    "conversation_started": Row(chat.ConversationStarted, do.start_conversation, of.conversation),
    "user_input": Row(chat.Utterance, do.speak("customer"), of.conversation),
    "assistant_response": Row(chat.Utterance, do.speak("assistant"), of.conversation),
    "applicationDetail_changed": Row(chat.ApplicationDetailChanged, do.change_application, of.application),
    "identityRisk_assessment": Row(chat.FreeForm, do.assess("identityRisk"), of.conversation),
    "serviceability_assessment_results": Row(chat.FreeForm, do.assess("serviceability"), of.conversation),
    "credit_assessment_serviceability_result": Row(
        chat.FreeForm, do.assess("serviceability"), of.conversation
    ),
    "fraudCheck_assessment": Row(chat.FreeForm, do.assess("fraudCheck"), of.conversation),
    "credit_assessment_accountConduct_result": Row(
        chat.FreeForm, do.assess("accountConduct"), of.conversation
    ),
    "post_identity_risk_checks_complete": Row(chat.FreeForm, do.assess("postIdentityRisk"), of.conversation),
    "credit_assessment_complete": Row(chat.FreeForm, do.assess("creditAssessmentComplete"), of.conversation),
    "noticeboard_updated": Row(chat.NoticePosted, do.post_notice, of.conversation),
    "noticeboard_post": Row(chat.NoticePosted, do.post_notice, of.conversation),
    "final_decision": Row(chat.FinalDecision, do.decide, of.conversation),
    "final_credit_decision": Row(chat.FinalDecision, do.decide, of.conversation),
    "conversation_summary": Row(chat.ConversationSummary, do.summarise, of.conversation),
    "conversationSummary_changed": Row(chat.SummaryChanged, do.change_conversation_status, of.conversation),
    "writeoff.requested.v1": Row(writeoff.WriteOffRequested, do.request_write_off, of.write_off_request),
    "writeoff.approved.v1": Row(writeoff.WriteOffApproved, do.approve_write_off, of.write_off),
    "writeoff.rejected.v1": Row(writeoff.WriteOffRejected, do.reject_write_off, of.write_off),
    "writeoff.cancelled.v1": Row(writeoff.WriteOffCancelled, do.cancel_write_off, of.write_off),
}


class Message(NamedTuple):
    """An envelope whose payload was understood. ``dropped`` names fields with unknown words.

    ``failure`` is what an installed parser raised, if it failed: the message then fails where it is
    applied, as on any fault of its own.
    """

    envelope: Envelope
    payload: Payload
    command: Command
    dropped: tuple[str, ...]
    row_concerns: Concerns = of.nothing
    failure: ParserFailed | None = None

    def concerns(self) -> tuple[Key, ...]:
        """The aggregates that it will change, as far as that can be told beforehand."""
        return self.row_concerns(self.envelope, self.payload)

    def dropped_fields(self) -> tuple[str, ...]:
        """The names of ``dropped`` with the message's type before them, as they are counted."""
        return tuple(f"{self.envelope.type}.{name}" for name in self.dropped)

    def apply(self, unit: UnitOfWork) -> None:
        """Carry out what the message means. Raises Unusable where the envelope lacks a name."""
        if self.failure is not None:
            raise self.failure
        self.command(unit, self.envelope, self.payload)


def read_entry(
    stream: str,
    entry_id: bytes,
    fields: Mapping[bytes, bytes],
    max_bytes: int,
    parsers: Parsers = NO_PARSERS,
) -> Message | None:
    """The message in an entry; None for a type that we do not consume, whatever else it holds.

    Raises Unusable, with the path of the first field at fault, for an entry that is not as the
    contract says.
    """
    kind = entry_type(fields)
    if kind is not None and kind not in CATALOGUE:
        return None
    free_form = kind is not None and CATALOGUE[kind].payload.free_form
    parse = parsers.of(kind or "")
    try:
        envelope = open_entry(stream, entry_id, fields, max_bytes, free_form=free_form, parse=parse)
    except ParserFailed as failure:
        envelope = unopened(stream, entry_id, kind or "")
        return Message(envelope, Payload(), CATALOGUE[envelope.type].command, (), failure=failure)
    row = CATALOGUE[envelope.type]
    if row.payload.addressed:
        do.conversation_of(envelope)
    dropped: list[str] = []
    try:
        payload = row.payload.model_validate(envelope.payload, context=dropped)
    except ValidationError as error:
        raise not_as_modelled(error) from error
    return Message(envelope, payload, row.command, tuple(dropped), row.concerns)
