"""What each event adds to its customer's timeline: a stable word, and a sentence without personal data.

What is said in a chat, or posted on its noticeboard, is not among it: the conversation's document has that.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

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
from app.projections.engine.values import Document
from app.projections.read_models.customer_timeline.vocabulary import What


class Line(NamedTuple):
    """An entry's own words: ``what`` it is, in one sentence, and who of the staff did it, if anybody did."""

    what: What
    text: str
    amount: Decimal | None = None
    actor: str | None = None
    transaction_id: str | None = None


Tell = Callable[[Any, Document], Line | None]
"""What there is to tell of an event, and of the facts known of what it is about; None for nothing."""


def _said(what: What, text: str) -> Tell:
    return lambda _event, _facts: Line(what, text)


def _contact_details_changed(event: Any, _facts: Document) -> Line:
    told = {"e-mail address": event.email_address, "mobile phone number": event.mobile_phone_number}
    named = " and ".join(name for name, value in told.items() if value is not None)
    return Line("contact_details_changed", f"The {named} changed.")


def _ekyc_assessed(event: Any, _facts: Document) -> Line:
    return Line("ekyc_assessed", f"The electronic identity check is {event.ekyc_status}.")


def _personal_data_erased(event: Any, _facts: Document) -> Line:
    return Line("personal_data_erased", "The personal data was erased.", actor=event.by)


def _terms_recorded(event: Any, _facts: Document) -> Line:
    return Line("loan_terms_recorded", "Terms of the loan were recorded.", event.loan_amount)


def _status_changed(event: Any, _facts: Document) -> Line:
    return Line("loan_status_changed", f"The loan is {_plain(event.account_status)}.")


def _balance_reported(event: Any, _facts: Document) -> Line:
    return Line("balance_changed", f"{event.current_balance:.2f} is owed.", event.current_balance)


def _payment_received(event: Any, _facts: Document) -> Line:
    of = "" if event.amount is None else f" of {event.amount:.2f}"
    on = "" if event.paid_date is None or event.inferred else f" on {event.paid_date}"
    how = ", as the fallen balance shows" if event.inferred else ""
    return Line(
        "repayment_received",
        f"A repayment{of} was received{on}{how}.",
        event.amount,
        transaction_id=event.transaction_id,
    )


def _disbursed(event: Any, _facts: Document) -> Line:
    return Line("loan_disbursed", f"The loan was paid out on {event.disbursed_date}.")


def _closed(event: Any, _facts: Document) -> Line:
    why = f": {_plain(event.reason.lower())}" if event.reason else ""
    return Line("loan_closed", f"The loan was closed{why}.")


def _schedule_created(event: Any, _facts: Document) -> Line:
    return Line("schedule_created", "A repayment plan was made, or added to.", event.total_amount)


def _instalments_updated(event: Any, _facts: Document) -> Line:
    if len(event.payments) > 1:
        return Line("instalments_updated", f"{len(event.payments)} instalments changed.")
    [payment] = event.payments
    became = f"is {payment['status']}" if "status" in payment else "changed"
    return Line("instalments_updated", f"Instalment {payment['payment_number']} {became}.")


def _aging_updated(event: Any, _facts: Document) -> Line | None:
    parts = [] if event.days_past_due is None else [f"{event.days_past_due} days past due"]
    if event.bucket is not None:
        parts.append(f"in the bucket {_plain(event.bucket)}")
    if not parts and event.is_in_arrears is not None:
        parts.append("in arrears" if event.is_in_arrears else "not in arrears")
    return Line("arrears_changed", f"The loan is {', '.join(parts)}.") if parts else None


def _application_changed(event: Any, _facts: Document) -> Line | None:
    line = Line("application_changed", "Details of the application changed.")
    return line if event.application_data is not None else None


def _assessment_recorded(event: Any, _facts: Document) -> Line:
    return Line("assessment_recorded", f"The assessment {event.kind} was made.")


def _decision_made(event: Any, _facts: Document) -> Line | None:
    if event.decision is None:
        return None
    return Line("decision_made", f"The decision on the application is: {_plain(event.decision)}.")


def _conversation_status_changed(event: Any, _facts: Document) -> Line | None:
    if event.status is None:
        return None
    known = _PLAIN_WORD.fullmatch(event.status)
    became = f"is now {_plain(event.status)}" if known else "has another status"
    return Line("conversation_status_changed", f"The conversation {became}.")


def _note_written(event: Any, _facts: Document) -> Line:
    kind = _plain(event.note_type)
    if event.amends_note_id is not None:
        return Line("note_amended", f"A note ({kind}) took the place of another.", actor=event.created_by)
    return Line("note_added", f"A note ({kind}) was added.", actor=event.created_by)


def _write_off_requested(event: Any, _facts: Document) -> Line:
    text = f"A write-off of {event.amount:.2f} was asked for."
    return Line("write_off_requested", text, event.amount, event.requested_by)


def _write_off_decided(what: What, became: str) -> Tell:
    def tell(event: Any, facts: Document) -> Line:
        amount, transaction = _amount(facts), getattr(event, "transaction_id", None)
        return Line(what, f"A write-off{_of(amount)} {became}.", amount, event.by, transaction)

    return tell


def _command_requested(event: Any, facts: Document) -> Line:
    return _command(facts, "command_requested", "was asked for", actor=event.requested_by)


def _command_approved(event: Any, facts: Document) -> Line:
    return _command(facts, "command_approved", "was approved", actor=event.by)


def _command_refused(event: Any, facts: Document) -> Line:
    if same_person(event.by, facts["requestedBy"]):
        return _command(facts, "command_withdrawn", "was taken back", actor=event.by)
    return _command(facts, "command_refused", "was refused", actor=event.by)


def _command_posted(event: Any, facts: Document) -> Line:
    what = _COMMANDS[facts["kind"]][0]
    return _command(facts, what, "was posted", transaction_id=event.transaction_id)


def _command_rejected(_event: Any, facts: Document) -> Line:
    return _command(facts, "command_rejected", "was rejected by the ledger")


def _command_unknown(_event: Any, facts: Document) -> Line:
    return _command(facts, "command_unknown", "was sent, and its outcome is unknown")


def _command_settled(event: Any, facts: Document) -> Line:
    line = _command_posted(event, facts) if event.posted else _command_rejected(event, facts)
    outcome = "was posted" if event.posted else "was not posted"
    return _command(facts, line.what, f"{outcome}, as somebody found", event.by, event.transaction_id)


def _command(
    facts: Document, what: What, became: str, actor: str | None = None, transaction_id: str | None = None
) -> Line:
    name, amount = _COMMANDS[facts["kind"]][1], _amount(facts)
    return Line(what, f"{name}{_of(amount)} {became}.", amount, actor, transaction_id)


_COMMANDS: dict[str, tuple[What, str]] = {
    CommandKind.REPAYMENT.value: ("repayment_posted", "A repayment"),
    CommandKind.LATE_FEE.value: ("fee_charged", "A late fee"),
    CommandKind.DISHONOUR_FEE.value: ("fee_charged", "A dishonour fee"),
    CommandKind.FEE_WAIVER.value: ("fee_waived", "A fee waiver"),
    CommandKind.ADJUSTMENT.value: ("balance_adjusted", "An adjustment"),
    CommandKind.WRITE_OFF.value: ("written_off", "A write-off"),
}
"""What it is when a command of a kind is posted, and what the kind is called."""
_PLAIN_WORD = re.compile(r"[A-Za-z_ -]{1,40}")
"""Upstream's word for a conversation's status, unless it is more than a word."""


def _amount(facts: Document) -> Decimal | None:
    amount: Decimal | None = facts["amount"].to_decimal() if "amount" in facts else None
    return amount


def _of(amount: Decimal | None) -> str:
    return "" if amount is None else f" of {amount:.2f}"


def _plain(word: str) -> str:
    return word.replace("_", " ")


TELL: dict[type[Any], Tell] = {
    Customer.NameChanged: _said("name_changed", "The name changed."),
    Customer.ContactDetailsChanged: _contact_details_changed,
    Customer.DateOfBirthRecorded: _said("date_of_birth_recorded", "The date of birth was recorded."),
    Customer.EkycAssessed: _ekyc_assessed,
    Customer.FlagsChanged: _said("flags_changed", "Flags of the customer changed."),
    Customer.ResidentialAddressChanged: _said("address_changed", "The residential address changed."),
    Customer.IdentityVerified: _said("identity_verified", "The identity was verified."),
    Customer.PersonalDataErased: _personal_data_erased,
    LoanAccount.LinkedToCustomer: _said("loan_opened", "A loan account was opened."),
    LoanAccount.TermsRecorded: _terms_recorded,
    LoanAccount.StatusChanged: _status_changed,
    LoanAccount.ClosureClassified: _status_changed,
    LoanAccount.BalanceReported: _balance_reported,
    LoanAccount.PaymentReceived: _payment_received,
    LoanAccount.Disbursed: _disbursed,
    LoanAccount.Closed: _closed,
    LoanAccount.ScheduleCreated: _schedule_created,
    LoanAccount.InstalmentsUpdated: _instalments_updated,
    LoanAccount.AgingUpdated: _aging_updated,
    Conversation.Started: _said("conversation_started", "A conversation began."),
    Conversation.ApplicationDetailsChanged: _application_changed,
    Conversation.AssessmentRecorded: _assessment_recorded,
    Conversation.DecisionMade: _decision_made,
    Conversation.Summarised: _said("conversation_summarised", "The conversation was summarised."),
    Conversation.StatusChanged: _conversation_status_changed,
    ContactNote.Written: _note_written,
    WriteOffRequest.Requested: _write_off_requested,
    WriteOffRequest.Approved: _write_off_decided("write_off_approved", "was approved"),
    WriteOffRequest.Rejected: _write_off_decided("write_off_rejected", "was rejected"),
    WriteOffRequest.Cancelled: _write_off_decided("write_off_cancelled", "was cancelled"),
    LedgerCommand.Requested: _command_requested,
    LedgerCommand.Approved: _command_approved,
    LedgerCommand.Refused: _command_refused,
    LedgerCommand.Posted: _command_posted,
    LedgerCommand.Rejected: _command_rejected,
    LedgerCommand.OutcomeUnknown: _command_unknown,
    LedgerCommand.SettledByHand: _command_settled,
}
"""The entry of each event that has one. An utterance, a notice, or news that a rule set aside has none."""
