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
    "list": lambda raw: list_of(values.free_form)(raw if isinstance(raw, list) else [raw]),
    "any": values.free_form,
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


def keys(spelt: str) -> dict[str, Reader]:
    """The keys of `reader: key key, reader: key`."""
    groups = [group.split(":") for group in spelt.split(",")]
    return {key: READERS[reader.strip()] for reader, named in groups for key in named.split()}


ADDRESS = "unit_number street_number street_name street_type street suburb city state postcode country"
READERS["address"] = object_of(keys(f"text: {ADDRESS} full_address"))
PERSON = """text: first_name last_name preferred_name email_address mobile_phone_number, date: date_of_birth,
    ekyc: ekyc_status, flag: staff investor vulnerable, address: residential_address"""
CHAT_NAMES = "identifier: customer_id, text: email phone mobile mobile_phone full_name name"
READERS["person"] = object_of(keys(f"{PERSON}, {CHAT_NAMES}"))
READERS["due"] = list_of(object_of(keys("count: payment_number!, date: due_date, money: amount")))
PAID = """count: payment_number!, instalment: status, date: paid_date, time: last_updated,
    money: amount_paid paid_amount amount_remaining, identifiers: linked_transaction_ids"""
READERS["paid"] = lambda raw: list_of(object_of(keys(PAID)))(raw) or []

TERMS = """text: account_number signed_loan_agreement_url, upstream: status, date: opened_date
    commencement_date, money: loan_amount loan_fee loan_total_payable current_balance"""
PAYMENT = """money: last_payment_amount, date: last_payment_date, text: triggered_by_transaction_type,
    identifier: triggered_by_transaction_id"""
UTTERANCE = """text: utterance rationale answer_input_type, time: created_at, flag: end_conversation,
    free_form: additional_data"""
NOTICE = "text: agent_name, any: content post"
DECISION = """text: decision outcome reason, flag: retry_eligible, date: blocked_until,
    identifier: source_application_number"""
SHAPES = {
    "customer.created.v1": keys(f"identifier: customer_id!, {PERSON}"),
    "customer.changed.v1": keys(f"identifier: customer_id!, {PERSON}"),
    "customer.updated.v1": keys(f"identifier: customer_id!, {PERSON}"),
    "customer.verified.v1": keys("identifier: customer_id!"),
    "account.created.v1": keys(f"{TERMS}, identifier: account_id! customer_id!"),
    "account.updated.v1": keys(f"{TERMS}, {PAYMENT}, identifier: account_id!"),
    "account.status_changed.v1": keys("identifier: account_id!, upstream: new_status!"),
    "account.closed.v1": keys(
        """identifier: account_id! triggered_by_transaction_id, closure: closure_reason, date: closed_date,
        money: final_balance total_paid loan_total_payable, upstream: previous_status"""
    ),
    "account.schedule.created.v1": keys(
        """identifier: account_id! schedule_id!, money: loan_amount total_amount fee, count: n_payments,
        frequency: payment_frequency, date: created_date, due: payments"""
    ),
    "account.schedule.updated.v1": keys("identifier: account_id! schedule_id, paid: payments!"),
    "loan.aging.updated.v1": keys("identifier: account_id!, count: dpd, bucket: bucket, flag: is_in_arrears"),
    "conversation_started": {},
    "user_input": keys(UTTERANCE),
    "assistant_response": keys(UTTERANCE),
    "applicationDetail_changed": keys("identifier: application_number, person: customer"),
    "noticeboard_updated": keys(NOTICE),
    "noticeboard_post": keys(NOTICE),
    "final_decision": keys(DECISION),
    "final_credit_decision": keys(DECISION),
    "conversation_summary": keys("text: purpose, list: facts"),
    "conversationSummary_changed": keys("text: status"),
    "writeoff.requested.v1": keys(
        """identifier: loan_account_id! requested_by! customer_id account_number, why: reason!,
        priority: priority, money: amount! original_balance, text: customer_name notes requested_by_name"""
    ),
    "writeoff.approved.v1": keys(
        "identifier: approved_by! ledger_event_id transaction_id, text: comment approved_by_name"
    ),
    "writeoff.rejected.v1": keys("identifier: rejected_by!, text: reason rejected_by_name"),
    "writeoff.cancelled.v1": keys("identifier: cancelled_by!, text: cancelled_by_name"),
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
