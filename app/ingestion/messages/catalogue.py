"""The table of message types. To add one: its model in the publisher's file, and its line here."""

from collections.abc import Mapping
from typing import NamedTuple

from app.aggregates.base import Key
from app.event_store.unit_of_work import UnitOfWork
from app.ingestion.messages import accounts, chat, customers, write_offs
from app.ingestion.messages.envelope import AHEAD, Envelope, entry_type, open_entry, unopened
from app.ingestion.messages.fields import Payload
from app.ingestion.messages.parsers import NO_PARSERS, Parsers
from app.ingestion.messages.rejection import ParserFailedError

CATALOGUE: dict[str, type[Payload]] = {
    "customer.created.v1": customers.CustomerChanged,
    "customer.changed.v1": customers.CustomerChanged,
    "customer.updated.v1": customers.CustomerChanged,
    "customer.verified.v1": customers.CustomerVerified,
    "account.created.v1": accounts.AccountCreated,
    "account.updated.v1": accounts.AccountUpdated,
    "account.status_changed.v1": accounts.AccountStatusChanged,
    "account.closed.v1": accounts.AccountClosed,
    "account.schedule.created.v1": accounts.ScheduleCreated,
    "account.schedule.updated.v1": accounts.ScheduleUpdated,
    "loan.aging.updated.v1": accounts.AgingUpdated,
    "conversation_started": chat.ConversationStarted,
    "user_input": chat.Utterance,
    "assistant_response": chat.Utterance,
    "applicationDetail_changed": chat.ApplicationDetailChanged,
    "identityRisk_assessment": chat.FreeForm,
    "serviceability_assessment_results": chat.FreeForm,
    "credit_assessment_serviceability_result": chat.FreeForm,
    "fraudCheck_assessment": chat.FreeForm,
    "credit_assessment_accountConduct_result": chat.FreeForm,
    "post_identity_risk_checks_complete": chat.FreeForm,
    "credit_assessment_complete": chat.FreeForm,
    "noticeboard_updated": chat.NoticePosted,
    "noticeboard_post": chat.NoticePosted,
    "final_decision": chat.FinalDecision,
    "final_credit_decision": chat.FinalDecision,
    "conversation_summary": chat.ConversationSummary,
    "conversationSummary_changed": chat.SummaryChanged,
    "writeoff.requested.v1": write_offs.WriteOffRequested,
    "writeoff.approved.v1": write_offs.WriteOffApproved,
    "writeoff.rejected.v1": write_offs.WriteOffRejected,
    "writeoff.cancelled.v1": write_offs.WriteOffCancelled,
}


class Message(NamedTuple):
    """An envelope and its payload.

    ``failure`` is the error of an installed parser: the message then fails where it is applied, as on
    any fault of its own.
    """

    envelope: Envelope
    payload: Payload
    failure: ParserFailedError | None = None

    def concerns(self) -> tuple[Key, ...]:
        """The aggregates that it will change."""
        return self.payload.concerns(self.envelope)

    @property
    def unreadable(self) -> list[str]:
        """The paths of the parts that were dropped because they cannot be read."""
        return sorted(self.envelope.reading.unreadable)

    def oddities(self) -> tuple[str, ...]:
        """As counted: ``type.path`` of what is unreadable, ``ahead:type.path`` of a time that is ahead."""
        kind, reading = self.envelope.type, self.envelope.reading
        if not (reading.unreadable or reading.ahead):
            return ()
        ahead = (f"{AHEAD}{kind}.{path}" for path in sorted(reading.ahead))
        return (*(f"{kind}.{path}" for path in self.unreadable), *ahead)

    def apply(self, unit: UnitOfWork) -> None:
        """Carry out what the message asks."""
        if self.failure is not None:
            raise self.failure
        self.payload.apply(unit, self.envelope)


def read_entry(
    stream: str,
    entry_id: bytes,
    fields: Mapping[bytes, bytes],
    max_bytes: int,
    parsers: Parsers = NO_PARSERS,
) -> Message | None:
    """The message in an entry; None for a type that we do not consume, valid or not.

    Raises RejectedError, with the path of the first field at fault, for an entry that breaks the contract.
    """
    kind = entry_type(fields)
    if kind is not None and kind not in CATALOGUE:
        return None
    free_form = kind is not None and CATALOGUE[kind].free_form
    parse = parsers.of(kind or "") if parsers.installed else None
    try:
        envelope = open_entry(stream, entry_id, fields, max_bytes, free_form=free_form, parse=parse)
    except ParserFailedError as failure:
        return Message(unopened(stream, entry_id, kind or ""), Payload(), failure=failure)
    model = CATALOGUE[envelope.type]
    if model.addressed:
        envelope.subject()
    return Message(envelope, model.read(envelope.payload, envelope.reading))
