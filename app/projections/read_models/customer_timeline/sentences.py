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
from app.aggregates.loan_account.status import account_status
from app.projections.engine.values import Document

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


@singledispatch
def sentence_of(event: object, _facts: Document) -> Sentence | None:
    """The sentence of an event, if it has one; ``facts`` are those known of its request, command or note."""
    return _CONSTANT.get(type(event))


@sentence_of.register
def contact_details_changed(event: Customer.ContactDetailsChanged, _facts: Document) -> Sentence:
    details = {"e-mail address": event.email_address, "mobile phone number": event.mobile_phone_number}
    named = " and ".join(name for name, value in details.items() if value is not None)
    return Sentence("contact_details_changed", f"The {named} changed.")


@sentence_of.register
def ekyc_assessed(event: Customer.EkycAssessed, _facts: Document) -> Sentence:
    return Sentence("ekyc_assessed", f"The electronic identity check is {event.ekyc_status}.")


@sentence_of.register
def personal_data_erased(event: Customer.PersonalDataErased, _facts: Document) -> Sentence:
    return Sentence("personal_data_erased", "The personal data was erased.", actor=event.by)


@sentence_of.register
def account_updated(event: LoanAccount.Opened | LoanAccount.Updated, _facts: Document) -> Sentence | None:
    """Of what a report says of a payment or a write-off, :mod:`loan_money` has the entry."""
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
def agreement_reported(_event: LoanAccount.AgreementReported, _facts: Document) -> Sentence:
    return Sentence("loan_terms_recorded", "Terms of the loan were recorded.")


@sentence_of.register
def schedule_created(event: LoanAccount.ScheduleCreated, _facts: Document) -> Sentence:
    return Sentence("schedule_created", "A repayment plan was made, or added to.", event.total_amount)


@sentence_of.register
def instalments_updated(event: LoanAccount.InstalmentsReported, _facts: Document) -> Sentence:
    if len(event.payments) > 1:
        return Sentence("instalments_updated", f"{len(event.payments)} instalments changed.")
    [payment] = event.payments
    change = f"is {payment['status']}" if "status" in payment else "changed"
    return Sentence("instalments_updated", f"Instalment {payment['payment_number']} {change}.")


@sentence_of.register
def aging_updated(event: LoanAccount.AgingReported, _facts: Document) -> Sentence | None:
    parts = [] if event.days_past_due is None else [f"{event.days_past_due} days past due"]
    if event.bucket is not None:
        parts.append(f"in the bucket {_plain(event.bucket)}")
    if not parts and event.is_in_arrears is not None:
        parts.append("in arrears" if event.is_in_arrears else "not in arrears")
    return Sentence("arrears_changed", f"The loan is {', '.join(parts)}.") if parts else None


@sentence_of.register
def application_changed(event: Conversation.ApplicationDetailsChanged, _facts: Document) -> Sentence | None:
    if event.application_data is None:
        return None
    return Sentence("application_changed", "Details of the application changed.")


@sentence_of.register
def assessment_recorded(event: Conversation.AssessmentRecorded, _facts: Document) -> Sentence:
    return Sentence("assessment_recorded", f"The assessment {event.kind} was made.")


@sentence_of.register
def decision_made(event: Conversation.DecisionMade, _facts: Document) -> Sentence | None:
    if event.decision is None:
        return None
    is_plain = _PLAIN_STATUS.fullmatch(event.decision)
    word = _plain(event.decision.lower()) if is_plain else "another word"
    return Sentence("decision_made", f"The decision on the application is: {word}.")


@sentence_of.register
def conversation_status_changed(event: Conversation.StatusChanged, _facts: Document) -> Sentence | None:
    if event.status is None:
        return None
    is_plain = _PLAIN_STATUS.fullmatch(event.status)
    change = f"is now {_plain(event.status)}" if is_plain else "has another status"
    return Sentence("conversation_status_changed", f"The conversation {change}.")


@sentence_of.register
def note_written(event: ContactNote.Written, _facts: Document) -> Sentence:
    kind = _plain(event.note_type)
    if event.amends_note_id is not None:
        return Sentence("note_amended", f"A note ({kind}) took the place of another.", actor=event.created_by)
    return Sentence("note_added", f"A note ({kind}) was added.", actor=event.created_by)


@sentence_of.register
def write_off_requested(event: WriteOffRequest.Requested, facts: Document) -> Sentence:
    return _movement(facts, "write_off_requested", "was requested", event.requested_by)


@sentence_of.register
def write_off_approved(event: WriteOffRequest.Approved, facts: Document) -> Sentence:
    return _movement(facts, "write_off_approved", "was approved", event.by, event.transaction_id)


@sentence_of.register
def write_off_rejected(event: WriteOffRequest.Rejected, facts: Document) -> Sentence:
    return _movement(facts, "write_off_rejected", "was rejected", event.by)


@sentence_of.register
def write_off_cancelled(event: WriteOffRequest.Cancelled, facts: Document) -> Sentence:
    return _movement(facts, "write_off_cancelled", "was cancelled", event.by)


@sentence_of.register
def command_requested(event: LedgerCommand.Requested, facts: Document) -> Sentence:
    return _movement(facts, "command_requested", "was requested", event.requested_by)


@sentence_of.register
def command_approved(event: LedgerCommand.Approved, facts: Document) -> Sentence:
    return _movement(facts, "command_approved", "was approved", event.by)


@sentence_of.register
def command_refused(event: LedgerCommand.Refused, facts: Document) -> Sentence:
    if same_person(event.by, facts["requestedBy"]):
        return _movement(facts, "command_withdrawn", "was taken back", event.by)
    return _movement(facts, "command_refused", "was refused", event.by)


@sentence_of.register
def command_posted(event: LedgerCommand.Posted, facts: Document) -> Sentence:
    return _movement(facts, _posted(facts), "was posted", transaction_id=event.transaction_id)


@sentence_of.register
def command_rejected(_event: LedgerCommand.Rejected, facts: Document) -> Sentence:
    return _movement(facts, "command_rejected", "was rejected by the ledger")


@sentence_of.register
def command_unknown(_event: LedgerCommand.OutcomeUnknown, facts: Document) -> Sentence:
    return _movement(facts, "command_unknown", "was sent, and its outcome is unknown")


@sentence_of.register
def command_settled(event: LedgerCommand.SettledByHand, facts: Document) -> Sentence:
    what, outcome = _posted(facts), "was posted"
    if not event.posted:
        what, outcome = "command_rejected", "was not posted"
    return _movement(facts, what, f"{outcome}, as a person found", event.by, event.transaction_id)


EVENTS: tuple[type[Any], ...] = (
    *_CONSTANT,
    *(each for each in sentence_of.registry if each is not object),
    LoanAccount.Closed,
)
"""The events that have a sentence, or that one of :mod:`loan_money` follows from.
An utterance, a notice, or a report that a rule ignored has none."""


def _movement(
    facts: Document, what: What, outcome: str, actor: str | None = None, transaction_id: str | None = None
) -> Sentence:
    name = _COMMANDS[facts["kind"]][1]
    amount = facts["amount"].to_decimal() if "amount" in facts else None
    return Sentence(what, f"{name}{_of(amount)} {outcome}.", amount, actor, transaction_id)


def _posted(facts: Document) -> What:
    return _COMMANDS[facts["kind"]][0]


def _of(amount: Decimal | None) -> str:
    return "" if amount is None else f" of {amount:.2f}"


def _plain(code: str) -> str:
    return code.replace("_", " ")
