"""What a message asks of an aggregate: one small function a kind of message."""

from collections.abc import Callable
from typing import Any

from pydantic.alias_generators import to_camel

from app.aggregates import Conversation, Customer, LoanAccount, WriteOffRegister, WriteOffRequest
from app.event_store.unit_of_work import UnitOfWork
from app.ingestion.messages import accounts as account
from app.ingestion.messages import chat
from app.ingestion.messages import customers as customer
from app.ingestion.messages import write_offs as writeoff
from app.ingestion.messages.concerns import applicant_of
from app.ingestion.messages.envelope import APPLICATION, CONVERSATION, PAYLOAD_TIME, Envelope, is_time
from app.ingestion.messages.rejection import Reason, Unusable

Command = Callable[[UnitOfWork, Envelope, Any], None]


def report_customer(unit: UnitOfWork, envelope: Envelope, payload: customer.CustomerChanged) -> None:
    _report(unit, envelope, payload.customer_id, payload)


def verify_customer(unit: UnitOfWork, envelope: Envelope, payload: customer.CustomerVerified) -> None:
    unit.obtain(Customer, payload.customer_id, envelope.source).verify_identity(
        envelope.source, verified_at=payload.verified_at
    )


def open_account(unit: UnitOfWork, envelope: Envelope, payload: account.AccountCreated) -> None:
    _account(unit, envelope, payload.account_id).open(
        envelope.source,
        total_payable=payload.loan_total_payable,
        **payload.present("account_id", "loan_total_payable"),
    )


def update_account(unit: UnitOfWork, envelope: Envelope, payload: account.AccountUpdated) -> None:
    facts = payload.present("account_id")
    if "triggered_by_transaction_type" in facts:
        facts["triggered_by_transaction_type"] = facts["triggered_by_transaction_type"].upper()
    _account(unit, envelope, payload.account_id).update(envelope.source, **facts)


def change_account_status(
    unit: UnitOfWork, envelope: Envelope, payload: account.AccountStatusChanged
) -> None:
    _account(unit, envelope, payload.account_id).change_status(envelope.source, status=payload.new_status)


def close_account(unit: UnitOfWork, envelope: Envelope, payload: account.AccountClosed) -> None:
    _account(unit, envelope, payload.account_id).close(
        envelope.source,
        reason=payload.closure_reason,
        total_payable=payload.loan_total_payable,
        **payload.present("account_id", "closure_reason", "loan_total_payable"),
    )


def create_schedule(unit: UnitOfWork, envelope: Envelope, payload: account.ScheduleCreated) -> None:
    _account(unit, envelope, payload.account_id).create_schedule(
        envelope.source,
        number_of_payments=payload.n_payments,
        payments=[payment.present() for payment in payload.payments],
        **payload.present("account_id", "n_payments", "payments"),
    )


def update_schedule(unit: UnitOfWork, envelope: Envelope, payload: account.ScheduleUpdated) -> None:
    _account(unit, envelope, payload.account_id).update_schedule(
        envelope.source,
        schedule_id=payload.schedule_id,
        payments=[payment.present() for payment in payload.payments],
    )


def update_aging(unit: UnitOfWork, envelope: Envelope, payload: account.AgingUpdated) -> None:
    _account(unit, envelope, payload.account_id).update_aging(
        envelope.source, days_past_due=payload.dpd, **payload.present("account_id", "dpd")
    )


def start_conversation(unit: UnitOfWork, envelope: Envelope, payload: chat.ConversationStarted) -> None:
    _conversation(unit, envelope).start(
        envelope.source,
        customer_id=envelope.user or payload.named_customer,
        application_number=envelope.application,
        started_at=payload.timestamp,
    )


def speak(username: str) -> Command:
    """An utterance of the customer or the assistant."""

    def add_utterance(unit: UnitOfWork, envelope: Envelope, payload: chat.Utterance) -> None:
        _met(unit, envelope).add_utterance(envelope.source, username=username, **payload.present())

    return add_utterance


_ABOUT_THE_MESSAGE = frozenset(("customer", "customer_id", "customerId", *APPLICATION, *CONVERSATION))
_DETAILS = frozenset(
    style for name in customer.ApplicantDetails.model_fields for style in (name, to_camel(name))
)


def change_application(unit: UnitOfWork, envelope: Envelope, payload: chat.ApplicationDetailChanged) -> None:
    """Feeds the conversation, and the customer that it is with."""
    customer_id = applicant_of(envelope, payload)
    _conversation(unit, envelope).change_application(
        envelope.source,
        customer_id=customer_id,
        application_number=envelope.application,
        application_data=_application_data(envelope, is_of_somebody=customer_id is not None),
    )
    if payload.customer is not None and customer_id is not None:
        _report(unit, envelope, customer_id, payload.customer)


def _application_data(envelope: Envelope, *, is_of_somebody: bool) -> dict[str, Any]:
    """All that is not about the message, nor about a customer who is known by an id."""
    data = {
        name: value
        for name, value in envelope.payload.items()
        if name not in _ABOUT_THE_MESSAGE and not (name in PAYLOAD_TIME and is_time(value))
    }
    if isinstance(applicant := envelope.payload.get("customer"), dict):
        beyond = _DETAILS if is_of_somebody else frozenset[str]()
        if more := {name: value for name, value in applicant.items() if name not in beyond}:
            data["customer"] = more
    return data


def assess(kind: str) -> Command:
    """The result of one kind of assessment, as it is."""

    def record_assessment(unit: UnitOfWork, envelope: Envelope, _payload: chat.FreeForm) -> None:
        _met(unit, envelope).record_assessment(envelope.source, kind=kind, result=envelope.payload)

    return record_assessment


def post_notice(unit: UnitOfWork, envelope: Envelope, payload: chat.NoticePosted) -> None:
    """Agents sign as ``agent::Topic``."""
    agent, _, topic = (payload.agent_name or "").partition("::")
    _met(unit, envelope).post_notice(
        envelope.source,
        agent_name=agent or None,
        topic=topic or None,
        content=payload.content,
        timestamp=payload.timestamp,
    )


_DECISIONS = {"APPROVED": "approved", "DECLINED": "declined", "REFERRED": "referred"}


def decide(unit: UnitOfWork, envelope: Envelope, payload: chat.FinalDecision) -> None:
    """Whatever is not one of the three known outcomes, or none at all, ended the conversation hard."""
    word = (payload.decision or "").upper()
    _met(unit, envelope).decide(
        envelope.source,
        decision=_DECISIONS.get(word, "hard_end"),
        **payload.present("decision"),
    )


def summarise(unit: UnitOfWork, envelope: Envelope, payload: chat.ConversationSummary) -> None:
    _met(unit, envelope).summarise(envelope.source, purpose=payload.purpose, facts=payload.facts)


_KNOWN_STATUSES = frozenset(("active", "approved", "declined", "referred", "hard_end"))


def change_conversation_status(unit: UnitOfWork, envelope: Envelope, payload: chat.SummaryChanged) -> None:
    """Our words in any case are ours; another is upstream's and stays as it is."""
    status = payload.status
    if status is not None and status.lower() in _KNOWN_STATUSES:
        status = status.lower()
    _conversation(unit, envelope).change_status(
        envelope.source,
        status=status,
        customer_id=envelope.user or payload.named_customer,
        application_number=envelope.application,
    )


def request_write_off(unit: UnitOfWork, envelope: Envelope, payload: writeoff.WriteOffRequested) -> None:
    request, source = _write_off(unit, envelope), envelope.source
    request.request(source, **payload.present())
    register = unit.obtain(WriteOffRegister, payload.loan_account_id, source)
    register.enter(source, request_id=request.business_id)


def approve_write_off(unit: UnitOfWork, envelope: Envelope, payload: writeoff.WriteOffApproved) -> None:
    _write_off(unit, envelope).approve(envelope.source, **payload.present())


def reject_write_off(unit: UnitOfWork, envelope: Envelope, payload: writeoff.WriteOffRejected) -> None:
    _write_off(unit, envelope).reject(envelope.source, **payload.present())


def cancel_write_off(unit: UnitOfWork, envelope: Envelope, payload: writeoff.WriteOffCancelled) -> None:
    _write_off(unit, envelope).cancel(envelope.source, **payload.present())


def _report(
    unit: UnitOfWork, envelope: Envelope, customer_id: str, details: customer.CustomerDetails
) -> None:
    address = details.residential_address
    unit.obtain(Customer, customer_id, envelope.source).report_details(
        envelope.source,
        residential_address=address.present() if address else None,
        **details.present("customer_id", "residential_address"),
    )


def _account(unit: UnitOfWork, envelope: Envelope, account_id: str) -> LoanAccount:
    return unit.obtain(LoanAccount, account_id, envelope.source)


def _conversation(unit: UnitOfWork, envelope: Envelope) -> Conversation:
    return unit.obtain(Conversation, conversation_of(envelope), envelope.source)


def _met(unit: UnitOfWork, envelope: Envelope) -> Conversation:
    """A conversation, with whom the envelope names beside a payload that is about something else."""
    conversation = _conversation(unit, envelope)
    conversation.meet(envelope.source, customer_id=envelope.user, application_number=envelope.application)
    return conversation


def _write_off(unit: UnitOfWork, envelope: Envelope) -> WriteOffRequest:
    return unit.obtain(WriteOffRequest, conversation_of(envelope), envelope.source)


def conversation_of(envelope: Envelope) -> str:
    """What the envelope's conversation names. Raises Unusable without one."""
    if envelope.conversation is None:
        raise Unusable(Reason.MISSING_KEY, CONVERSATION[0], f"none of {', '.join(CONVERSATION)} is present")
    return envelope.conversation
