"""What each event adds to its customer's timeline: a stable code, and a sentence without personal data."""

import re
from decimal import Decimal
from functools import singledispatch
from typing import Any, Literal, NamedTuple

from app.aggregates import (
    CommandKind,
    ContactNote,
    Conversation,
    Customer,
    LedgerCommand,
    LoanAccount,
    WriteOffRequest,
    same_person,
)
from app.aggregates.loan_account import reports
from app.aggregates.loan_account.reports import account_status
from app.projections.engine.documents import Document

What = Literal[
    "name_changed",
    "contact_details_changed",
    "date_of_birth_recorded",
    "ekyc_assessed",
    "flags_changed",
    "address_changed",
    "identity_verified",
    "personal_data_erased",
    "loan_opened",
    "loan_terms_recorded",
    "loan_status_changed",
    "balance_changed",
    "repayment_received",
    "loan_disbursed",
    "loan_closed",
    "schedule_created",
    "instalments_updated",
    "arrears_changed",
    "conversation_started",
    "application_changed",
    "assessment_recorded",
    "decision_made",
    "conversation_summarised",
    "conversation_status_changed",
    "note_added",
    "note_amended",
    "write_off_requested",
    "write_off_approved",
    "write_off_rejected",
    "write_off_cancelled",
    "command_requested",
    "command_approved",
    "command_refused",
    "command_withdrawn",
    "command_rejected",
    "command_unknown",
    "repayment_posted",
    "fee_charged",
    "fee_waived",
    "balance_adjusted",
    "written_off",
]
"""The codes that analysts query by: never renamed."""


class Sentence(NamedTuple):
    """What happened, and the member of staff who did it, if any."""

    what: What
    text: str
    amount: Decimal | None = None
    actor: str | None = None
    transaction_id: str | None = None


_CONSTANT: dict[type[Any], Sentence] = {
    Customer.NameChanged: Sentence("name_changed", "The name changed."),
    Customer.DateOfBirthRecorded: Sentence("date_of_birth_recorded", "The date of birth was recorded."),
    Customer.FlagsChanged: Sentence("flags_changed", "Flags of the customer changed."),
    Customer.ResidentialAddressChanged: Sentence("address_changed", "The residential address changed."),
    Customer.IdentityVerified: Sentence("identity_verified", "The identity was verified."),
    LoanAccount.LinkedToCustomer: Sentence("loan_opened", "A loan account was opened."),
    Conversation.Started: Sentence("conversation_started", "A conversation began."),
    LoanAccount.AgreementReported: Sentence("loan_terms_recorded", "Terms of the loan were recorded."),
    Conversation.Summarised: Sentence("conversation_summarised", "The conversation was summarised."),
}
"""Sentences that do not depend on the contents of their event."""
_COMMANDS: dict[str, tuple[What, str]] = {
    CommandKind.REPAYMENT.value: ("repayment_posted", "A repayment"),
    CommandKind.LATE_FEE.value: ("fee_charged", "A late fee"),
    CommandKind.DISHONOUR_FEE.value: ("fee_charged", "A dishonour fee"),
    CommandKind.FEE_WAIVER.value: ("fee_waived", "A fee waiver"),
    CommandKind.ADJUSTMENT.value: ("balance_adjusted", "An adjustment"),
    CommandKind.WRITE_OFF.value: ("written_off", "A write-off"),
}
"""The code of a posted command, and the name of a command, by its kind."""
_PLAIN_STATUS = re.compile(r"[A-Za-z_ -]{1,40}")
"""A conversation's status that may be quoted: it is no free text."""

Movement = (
    WriteOffRequest.Requested
    | WriteOffRequest.Approved
    | WriteOffRequest.Rejected
    | WriteOffRequest.Cancelled
    | LedgerCommand.Requested
    | LedgerCommand.Approved
    | LedgerCommand.Refused
    | LedgerCommand.Posted
    | LedgerCommand.Rejected
    | LedgerCommand.OutcomeUnknown
    | LedgerCommand.SettledByHand
)


@singledispatch
def sentence_of(event: object, _facts: Document) -> Sentence | None:
    """The sentence of an event, if it has one; ``facts`` are those known of its request, command or note."""
    return _CONSTANT.get(type(event))


@sentence_of.register
def of_customer(
    event: Customer.ContactDetailsChanged | Customer.EkycAssessed | Customer.PersonalDataErased,
    _facts: Document,
) -> Sentence:
    match event:
        case Customer.ContactDetailsChanged():
            details = {
                "e-mail address": event.email_address,
                "mobile phone number": event.mobile_phone_number,
            }
            named = " and ".join(name for name, value in details.items() if value is not None)
            return Sentence("contact_details_changed", f"The {named} changed.")
        case Customer.EkycAssessed():
            return Sentence("ekyc_assessed", f"The electronic identity check is {event.ekyc_status}.")
        case Customer.PersonalDataErased():
            return Sentence("personal_data_erased", "The personal data was erased.", actor=event.by)


@sentence_of.register
def of_account(event: LoanAccount.Opened | LoanAccount.Updated, _facts: Document) -> Sentence | None:
    """Of what a report says of a payment or a write-off, :mod:`entries` has the entry."""
    if event.triggered_by_transaction_type in ("REPAYMENT", "WRITE_OFF"):
        return None
    if event.status is not None:
        status = "closed" if event.status == "CLOSED" else account_status(event.status, None)
        return Sentence("loan_status_changed", f"The loan is {_plain(status)}.")
    if event.current_balance is not None:
        return Sentence("balance_changed", f"{event.current_balance:.2f} is owed.", event.current_balance)
    if not reports.facts(vars(event), *reports.Terms.__annotations__):  # At most a payment was reported.
        return None
    return Sentence("loan_terms_recorded", "Terms of the loan were recorded.", event.loan_amount)


@sentence_of.register
def of_schedule(
    event: LoanAccount.ScheduleCreated | LoanAccount.InstalmentsReported, _facts: Document
) -> Sentence:
    if isinstance(event, LoanAccount.ScheduleCreated):
        return Sentence("schedule_created", "A repayment plan was made, or added to.", event.total_amount)
    if len(event.payments) > 1:
        return Sentence("instalments_updated", f"{len(event.payments)} instalments changed.")
    [payment] = event.payments
    change = f"is {payment['status']}" if "status" in payment else "changed"
    return Sentence("instalments_updated", f"Instalment {payment['payment_number']} {change}.")


@sentence_of.register
def of_aging(event: LoanAccount.AgingReported, _facts: Document) -> Sentence | None:
    parts = [] if event.days_past_due is None else [f"{event.days_past_due} days past due"]
    if event.bucket is not None:
        parts.append(f"in the bucket {_plain(event.bucket)}")
    if not parts and event.is_in_arrears is not None:
        parts.append("in arrears" if event.is_in_arrears else "not in arrears")
    return Sentence("arrears_changed", f"The loan is {', '.join(parts)}.") if parts else None


@sentence_of.register
def of_conversation(
    event: Conversation.ApplicationDetailsChanged
    | Conversation.AssessmentRecorded
    | Conversation.DecisionMade
    | Conversation.StatusChanged,
    _facts: Document,
) -> Sentence | None:
    match event:
        case Conversation.ApplicationDetailsChanged() if event.application_data is not None:
            return Sentence("application_changed", "Details of the application changed.")
        case Conversation.AssessmentRecorded():
            return Sentence("assessment_recorded", f"The assessment {event.kind} was made.")
        case Conversation.DecisionMade(decision=str(word)):
            said = _plain(word.lower()) if _PLAIN_STATUS.fullmatch(word) else "another word"
            return Sentence("decision_made", f"The decision on the application is: {said}.")
        case Conversation.StatusChanged(status=str(word)):
            change = f"is now {_plain(word)}" if _PLAIN_STATUS.fullmatch(word) else "has another status"
            return Sentence("conversation_status_changed", f"The conversation {change}.")
    return None


@sentence_of.register
def of_note(event: ContactNote.Written, _facts: Document) -> Sentence:
    kind = _plain(event.note_type)
    if event.amends_note_id is not None:
        return Sentence("note_amended", f"A note ({kind}) took the place of another.", actor=event.created_by)
    return Sentence("note_added", f"A note ({kind}) was added.", actor=event.created_by)


@sentence_of.register
def of_movement(event: Movement, facts: Document) -> Sentence:
    posted, name = _COMMANDS[facts["kind"]]
    what: What = posted
    actor: str | None = None
    transaction_id: str | None = None
    match event:
        case WriteOffRequest.Requested(requested_by=actor):
            what, outcome = "write_off_requested", "was requested"
        case WriteOffRequest.Approved(by=actor, transaction_id=transaction_id):
            what, outcome = "write_off_approved", "was approved"
        case WriteOffRequest.Rejected(by=actor):
            what, outcome = "write_off_rejected", "was rejected"
        case WriteOffRequest.Cancelled(by=actor):
            what, outcome = "write_off_cancelled", "was cancelled"
        case LedgerCommand.Requested(requested_by=actor):
            what, outcome = "command_requested", "was requested"
        case LedgerCommand.Approved(by=actor):
            what, outcome = "command_approved", "was approved"
        case LedgerCommand.Refused(by=actor) if same_person(event.by, facts["requestedBy"]):
            what, outcome = "command_withdrawn", "was taken back"
        case LedgerCommand.Refused(by=actor):
            what, outcome = "command_refused", "was refused"
        case LedgerCommand.Posted(transaction_id=transaction_id):
            outcome = "was posted"
        case LedgerCommand.Rejected():
            what, outcome = "command_rejected", "was rejected by the ledger"
        case LedgerCommand.OutcomeUnknown():
            what, outcome = "command_unknown", "was sent, and its outcome is unknown"
        case LedgerCommand.SettledByHand(posted=True, by=actor, transaction_id=transaction_id):
            outcome = "was posted, as a person found"
        case LedgerCommand.SettledByHand(by=actor, transaction_id=transaction_id):
            what, outcome = "command_rejected", "was not posted, as a person found"
    amount = facts["amount"].to_decimal() if "amount" in facts else None
    of = "" if amount is None else f" of {amount:.2f}"
    return Sentence(what, f"{name}{of} {outcome}.", amount, actor, transaction_id)


EVENTS: tuple[type[Any], ...] = (
    *_CONSTANT,
    *(each for each in sentence_of.registry if each is not object),
    LoanAccount.Closed,
)
"""The events that have a sentence, or that one of :mod:`entries` follows from.
An utterance, a notice, or a report that a rule ignored has none."""


def _plain(code: str) -> str:
    return code.replace("_", " ")
