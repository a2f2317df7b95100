"""The contract's table of types: the keys of each, by how they are read; a required one ends in `!`."""

from tests.oracle import values
from tests.oracle.values import Reader, list_of, object_of, word, words

READERS: dict[str, Reader] = {
    "money": values.money,
    "count": values.count,
    "date": values.date,
    "time": values.time,
    "flag": values.flag,
    "identifier": values.identifier,
    "identifiers": list_of(values.identifier),
    "text": values.text,
    "texts": list_of(values.text),
    "free_form": lambda raw: values.free_form(raw) if isinstance(raw, dict) else None,
    "ekyc": word(
        successful="successful success approved passed verified",
        failed="failed fail declined rejected",
        pending="pending in_progress in_review",
    ),
    "upstream": words("PENDING PENDING_DISBURSEMENT ACTIVE SUSPENDED CLOSED"),
    "instalment": word(
        scheduled="PENDING SCHEDULED", partial="PARTIAL", paid="PAID", missed="OVERDUE MISSED"
    ),
    "closure": words("PAID_OFF WRITTEN_OFF ADMIN_CLOSED"),
    "frequency": words("weekly fortnightly monthly"),
    "bucket": words("current early_arrears late_arrears default closed"),
    "why": words("hardship bankruptcy deceased unable_to_locate fraud_victim disputed aged_debt other"),
    "priority": words("normal high urgent"),
}


def keys(**by_reader: str) -> dict[str, Reader]:
    """The keys that each reader reads."""
    return {key: READERS[name] for name, spelt in by_reader.items() for key in spelt.split()}


ADDRESS = "unit_number street_number street_name street_type street suburb city state postcode country"
CUSTOMER = keys(
    identifier="customer_id!",
    text="first_name last_name preferred_name email_address mobile_phone_number",
    date="date_of_birth",
    ekyc="ekyc_status",
    flag="staff investor vulnerable",
) | {"residential_address": object_of(keys(text=f"{ADDRESS} full_address"))}
OF_THE_CHAT = keys(text="email phone mobile mobile_phone full_name name", identifier="customer_id")
TERMS = keys(
    text="signed_loan_agreement_url",
    identifier="account_id! customer_id account_number",
    upstream="status",
    money="loan_amount loan_fee loan_total_payable current_balance",
    date="opened_date commencement_date",
)
PAYMENT = keys(
    money="last_payment_amount", date="last_payment_date", text="triggered_by_transaction_type"
) | keys(identifier="triggered_by_transaction_id")
DUE = keys(count="payment_number!", date="due_date", money="amount")
PAID = keys(
    count="payment_number!",
    instalment="status",
    date="paid_date",
    money="amount_paid paid_amount amount_remaining",
    identifiers="linked_transaction_ids",
    time="last_updated",
)
UTTERANCE = keys(
    text="utterance rationale answer_input_type",
    time="created_at",
    flag="end_conversation",
    free_form="additional_data",
)
NOTICE = keys(text="agent_name content post")
DECISION = keys(
    text="decision outcome reason",
    flag="retry_eligible",
    date="blocked_until",
    identifier="source_application_number",
)

SHAPES = {
    "customer.created.v1": CUSTOMER,
    "customer.changed.v1": CUSTOMER,
    "customer.updated.v1": CUSTOMER,
    "customer.verified.v1": keys(identifier="customer_id!"),
    "account.created.v1": TERMS | keys(identifier="customer_id!"),
    "account.updated.v1": TERMS | PAYMENT,
    "account.status_changed.v1": keys(identifier="account_id!", upstream="new_status!"),
    "account.closed.v1": keys(
        identifier="account_id! triggered_by_transaction_id",
        closure="closure_reason",
        money="final_balance total_paid loan_total_payable",
        upstream="previous_status",
        date="closed_date",
    ),
    "account.schedule.created.v1": keys(
        identifier="account_id! schedule_id!",
        money="loan_amount total_amount fee",
        count="n_payments",
        frequency="payment_frequency",
        date="created_date",
    )
    | {"payments": list_of(object_of(DUE))},
    "account.schedule.updated.v1": keys(identifier="account_id! schedule_id")
    | {"payments!": lambda raw: [] if raw is None else list_of(object_of(PAID))(raw)},
    "loan.aging.updated.v1": keys(
        identifier="account_id!", count="dpd", bucket="bucket", flag="is_in_arrears"
    ),
    "conversation_started": {},
    "user_input": UTTERANCE,
    "assistant_response": UTTERANCE,
    "applicationDetail_changed": keys(identifier="application_number")
    | {"customer": object_of({key.rstrip("!"): read for key, read in CUSTOMER.items()} | OF_THE_CHAT)},
    "noticeboard_updated": NOTICE,
    "noticeboard_post": NOTICE,
    "final_decision": DECISION,
    "final_credit_decision": DECISION,
    "conversation_summary": keys(text="purpose", texts="facts"),
    "conversationSummary_changed": keys(text="status"),
    "writeoff.requested.v1": keys(
        identifier="loan_account_id! requested_by! customer_id account_number",
        money="amount! original_balance",
        why="reason!",
        text="customer_name notes requested_by_name",
        priority="priority",
    ),
    "writeoff.approved.v1": keys(
        identifier="approved_by! ledger_event_id transaction_id", text="comment approved_by_name"
    ),
    "writeoff.rejected.v1": keys(identifier="rejected_by!", text="reason rejected_by_name"),
    "writeoff.cancelled.v1": keys(identifier="cancelled_by!", text="cancelled_by_name"),
}
ASSESSMENTS = {
    "identityRisk_assessment": "identityRisk",
    "serviceability_assessment_results": "serviceability",
    "credit_assessment_serviceability_result": "serviceability",
    "fraudCheck_assessment": "fraudCheck",
    "credit_assessment_accountConduct_result": "accountConduct",
    "post_identity_risk_checks_complete": "postIdentityRisk",
    "credit_assessment_complete": "creditAssessmentComplete",
}
