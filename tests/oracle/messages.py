"""What a message may say: the contract's table of types, and how each of their values is read."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Reader = Callable[[Any], Any]  # Gives the value, or None where it cannot be read.
TIME = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?"


def text(raw: Any) -> str | None:
    """Texts are trimmed; one of blanks only is absent. A whole number is its digits."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return None
    return str(int(raw) if isinstance(raw, float) and raw.is_integer() else raw).strip() or None


def identifier(raw: Any) -> str | None:
    """A trimmed text of 1 to 200 characters."""
    return text(raw) if len(text(raw) or "") <= 200 else None


def money(raw: Any) -> Decimal | None:
    """A decimal string or number, two places. Raises InvalidOperation: that costs the message."""
    is_absent = raw is None or not str(raw).strip()
    return None if is_absent else Decimal(str(raw).strip()).quantize(Decimal("0.01"))


def count(raw: Any) -> int | None:
    """A whole number, or a string of one."""
    found = re.fullmatch(r"-?\d{1,9}", text(raw) or "")
    return int(found[0]) if found else None


def flag(raw: Any) -> bool | None:
    """True or false, or a string of one."""
    return {"true": True, "false": False}.get(str(raw).strip().lower())


def time(raw: Any) -> datetime | None:
    """Extended ISO 8601: a blank for the T, Z in either case, an offset, or none for UTC."""
    sent = (text(raw) or "").upper()
    try:
        found = datetime.fromisoformat(sent) if re.fullmatch(TIME, sent) else None
    except ValueError:
        return None
    return found and (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def date(raw: Any) -> str | None:
    """YYYY-MM-DD; of a time with an offset, its own day."""
    sent = text(raw) or ""
    return sent[:10] if time(sent) or time(f"{sent}T00:00") else None


def one_of(groups: str) -> Reader:
    """A word of an enum means the first of its group; AccountStatus.ACTIVE is ACTIVE."""
    known = {word.lower(): group.split()[0] for group in groups.split(",") for word in group.split()}
    return lambda raw: known.get((text(raw) or "").rpartition(".")[2].strip().lower())


def list_of(item: Reader) -> Reader:
    """In a list, a null, blank or unreadable item is dropped, and the others stand."""
    return lambda raw: [x for x in map(item, raw) if x is not None] if isinstance(raw, list) else None


def free_form(raw: Any) -> Any:
    """Any value inside a free-form object: keys with $ or dots are cleaned, nulls and blanks are absent."""
    if isinstance(raw, dict):
        clean = {re.sub(r"^\$", "＄", k).replace(".", "．"): free_form(value) for k, value in raw.items()}
        return {key: value for key, value in clean.items() if value is not None}
    if isinstance(raw, list):
        return list_of(free_form)(raw)
    return (raw.strip() or None) if isinstance(raw, str) else raw


def object_of(keys: str) -> Reader:
    """An object of these keys; None where it has none of them, or lacks a required one."""
    return lambda raw: (read_keys(raw, keys) or None) if isinstance(raw, dict) else None


def read_keys(raw: dict[str, Any], keys: str) -> dict[str, Any] | None:
    """The keys that can be read, in snake_case or camelCase; None where a required one (`!`) is missing."""
    facts = {}
    for each in keys.split():
        key, _, kind = each.strip("!").partition("=")
        sent = raw.get(camel(key)) if raw.get(key) is None else raw[key]
        value = READERS.get(kind or key, text)(sent)
        if value is not None:
            facts[key] = value
        elif each.startswith("!"):
            return None
    return facts


def camel(key: str) -> str:
    """`loan_amount` is `loanAmount`."""
    return re.sub(r"_(.)", lambda match: match[1].upper(), key)


# `key=kind` below is read as the key `kind` is; keys without a reader are texts.
KEYS: dict[Reader, str] = {
    money: """amount amount_paid amount_remaining current_balance fee final_balance last_payment_amount
        loan_amount loan_fee loan_total_payable original_balance paid_amount total_amount total_paid""",
    count: "dpd n_payments payment_number",
    date: """blocked_until closed_date commencement_date created_date date_of_birth due_date
        last_payment_date opened_date paid_date""",
    time: "changed_at created_at last_updated timestamp verified_at",
    flag: "end_conversation investor is_in_arrears retry_eligible staff vulnerable",
    identifier: """account_id application_number approved_by cancelled_by customer_id ledger_event_id
        loan_account_id rejected_by requested_by schedule_id source_application_number transaction_id
        triggered_by_transaction_id triggered_by_transaction_type""",
    list_of(identifier): "linked_transaction_ids",
    free_form: "additional_data content post",
    one_of("PENDING, PENDING_DISBURSEMENT, ACTIVE, SUSPENDED, CLOSED"): "status new_status previous_status",
    one_of("scheduled PENDING, partial, paid, missed OVERDUE"): "instalment",
    one_of("PAID_OFF, WRITTEN_OFF, ADMIN_CLOSED"): "closure_reason",
    one_of("weekly, fortnightly, monthly"): "payment_frequency",
    one_of("current, early_arrears, late_arrears, default, closed"): "bucket",
    one_of("normal, high, urgent"): "priority",
    one_of("""successful success approved passed verified, failed fail declined rejected,
        pending in_progress in_review"""): "ekyc_status",
    one_of("""hardship, bankruptcy, deceased, unable_to_locate, fraud_victim, disputed, aged_debt,
        other"""): "why",
}
READERS: dict[str, Any] = {key: reader for reader, keys in KEYS.items() for key in keys.split()}
READERS["facts"] = lambda raw: list_of(free_form)(raw if isinstance(raw, list) else [raw])
ADDRESS = "unit_number street_number street_name street_type street suburb city state postcode country"
PERSON = """first_name last_name preferred_name email_address mobile_phone_number date_of_birth ekyc_status
    staff investor vulnerable residential_address"""
PAID = """!payment_number status=instalment paid_date last_updated amount_paid paid_amount
    amount_remaining linked_transaction_ids"""
CHAT_NAMES = "customer_id email phone mobile mobile_phone full_name name"
READERS["residential_address"] = object_of(f"{ADDRESS} full_address")
READERS["customer"] = object_of(f"{PERSON} {CHAT_NAMES}")
READERS["planned"] = list_of(object_of("!payment_number due_date amount"))
READERS["payments"] = list_of(object_of(PAID))
TERMS = """account_number signed_loan_agreement_url status opened_date commencement_date loan_amount loan_fee
    loan_total_payable current_balance"""
TYPES = {
    "customer.created.v1 customer.changed.v1 customer.updated.v1": f"!customer_id {PERSON}",
    "customer.verified.v1": "!customer_id",
    "account.created.v1": f"!account_id !customer_id {TERMS}",
    "account.updated.v1": f"""!account_id {TERMS} last_payment_amount last_payment_date
        triggered_by_transaction_type triggered_by_transaction_id""",
    "account.status_changed.v1": "!account_id !new_status",
    "account.closed.v1": """!account_id closure_reason final_balance total_paid loan_total_payable
        previous_status closed_date triggered_by_transaction_id""",
    "account.schedule.created.v1": """!account_id !schedule_id loan_amount total_amount fee n_payments
        payment_frequency created_date payments=planned""",
    "account.schedule.updated.v1": "!account_id schedule_id payments",
    "loan.aging.updated.v1": "!account_id dpd bucket is_in_arrears",
    "user_input assistant_response": """utterance rationale answer_input_type created_at end_conversation
        additional_data""",
    "applicationDetail_changed": "application_number customer",
    "noticeboard_updated noticeboard_post": "agent_name content post",
    "final_decision final_credit_decision": """decision outcome reason retry_eligible blocked_until
        source_application_number""",
    "conversation_summary": "purpose facts",
    "conversationSummary_changed": "status=word",
    "writeoff.requested.v1": """!loan_account_id !amount !reason=why !requested_by requested_by_name
        customer_id customer_name account_number original_balance notes priority""",
    "writeoff.approved.v1": "!approved_by approved_by_name comment ledger_event_id transaction_id",
    "writeoff.rejected.v1": "!rejected_by rejected_by_name reason",
    "writeoff.cancelled.v1": "!cancelled_by cancelled_by_name",
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
KEYS_OF = {kind: keys for kinds, keys in TYPES.items() for kind in kinds.split()}
KEYS_OF |= dict.fromkeys(("conversation_started", *ASSESSMENTS), "")
