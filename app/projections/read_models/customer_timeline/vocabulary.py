"""The words for what happened, by which analysts ask for the entries of a customer's timeline."""

from typing import Literal

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
"""Every word; none is ever renamed."""

STANDINGS: frozenset[What] = frozenset(
    (
        *("ekyc_assessed", "loan_opened", "loan_status_changed", "balance_changed", "repayment_received"),
        *("arrears_changed", "application_changed", "conversation_summarised"),
    )
)
"""Words of reports on how something stands, some of them daily: to tell the same again is no news."""
