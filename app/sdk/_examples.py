"""One example of each message type, built as a publisher would: Ann Lee's loan, from her chat to its end."""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from app.ingestion.messages import accounts as account
from app.ingestion.messages import chat
from app.ingestion.messages import customers as customer
from app.ingestion.messages import write_offs as writeoff
from app.ingestion.messages.fields import Payload
from app.sdk._message import Message

_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

_ADDRESS = customer.ResidentialAddress(
    street_number="12", street_name="Hay", street_type="Street", suburb="Perth", state="WA", postcode="6000"
)
_CREATED = customer.CustomerChanged(
    customer_id="CUS-1",
    first_name="Ann",
    last_name="Lee",
    email_address="ann.lee@example.com",
    mobile_phone_number="+61400000001",
    date_of_birth=date(1990, 5, 17),
    residential_address=_ADDRESS,
)
_SAID = chat.Utterance(utterance="How much may I borrow?", created_at=_AT, answer_input_type="text")
_ANSWERED = chat.Utterance(utterance="Up to 2,000 dollars.", created_at=_AT, rationale="within the limit")
_NOTICE = chat.NoticePosted(
    agent_name="credit::Serviceability", content="Income covers the loan.", timestamp=_AT
)
_DECISION = chat.FinalDecision(decision="APPROVED", reason="meets the policy")
_BOOKED = account.AccountCreated(
    account_id="ACC-1",
    customer_id="CUS-1",
    account_number="100001",
    status="PENDING_DISBURSEMENT",
    loan_amount=Decimal("500.00"),
    loan_fee=Decimal("80.00"),
    loan_total_payable=Decimal("580.00"),
    opened_date=date(2026, 3, 2),
)
_PLAN = account.ScheduleCreated(
    account_id="ACC-1",
    schedule_id="SCH-1",
    total_amount=Decimal("580.00"),
    fee=Decimal("80.00"),
    n_payments=2,
    payment_frequency="fortnightly",
    payments=[
        account.PlannedPayment(payment_number=1, due_date=date(2026, 3, 16), amount=Decimal("290.00")),
        account.PlannedPayment(payment_number=2, due_date=date(2026, 3, 30), amount=Decimal("290.00")),
    ],
)
_PAID = account.PaymentNews(
    payment_number=1,
    status="paid",
    paid_date=date(2026, 3, 16),
    amount_paid=Decimal("290.00"),
    amount_remaining=Decimal("0.00"),
    linked_transaction_ids=["TX-2"],
    last_updated=_AT,
)

_SERVICES: dict[str, Payload] = {
    "customer.created.v1": _CREATED,
    "customer.changed.v1": customer.CustomerChanged(customer_id="CUS-1", vulnerable=True),
    "customer.updated.v1": customer.CustomerChanged(customer_id="CUS-1", preferred_name="Annie"),
    "customer.verified.v1": customer.CustomerVerified(customer_id="CUS-1", verified_at=_AT),
    "account.created.v1": _BOOKED,
    "account.updated.v1": account.AccountUpdated(
        account_id="ACC-1",
        current_balance=Decimal("290.00"),
        last_payment_date=date(2026, 3, 16),
        last_payment_amount=Decimal("290.00"),
        triggered_by_transaction_type="REPAYMENT",
        triggered_by_transaction_id="TX-2",
    ),
    "account.status_changed.v1": account.AccountStatusChanged(account_id="ACC-1", new_status="ACTIVE"),
    "account.closed.v1": account.AccountClosed(
        account_id="ACC-1",
        closure_reason="PAID_OFF",
        final_balance=Decimal("0.00"),
        total_paid=Decimal("580.00"),
        closed_date=date(2026, 3, 30),
    ),
    "account.schedule.created.v1": _PLAN,
    "account.schedule.updated.v1": account.ScheduleUpdated(
        account_id="ACC-1", schedule_id="SCH-1", payments=[_PAID]
    ),
    "loan.aging.updated.v1": account.AgingUpdated(
        account_id="ACC-1", dpd=3, bucket="early_arrears", is_in_arrears=True, last_updated=_AT
    ),
}
_CHAT: dict[str, Payload] = {
    "conversation_started": chat.ConversationStarted(customer_id="CUS-1", timestamp=_AT),
    "user_input": _SAID,
    "assistant_response": _ANSWERED,
    "applicationDetail_changed": chat.ApplicationDetailChanged(
        customer=customer.ApplicantDetails(customer_id="CUS-1", first_name="Ann"),
        employment={"kind": "casual", "monthly_income": "3100.00"},
    ),
    "identityRisk_assessment": chat.FreeForm(risk="low", score=812),
    "serviceability_assessment_results": chat.FreeForm(surplus="410.00", passed=True),
    "credit_assessment_serviceability_result": chat.FreeForm(surplus="410.00", passed=True),
    "fraudCheck_assessment": chat.FreeForm(flags=[], passed=True),
    "credit_assessment_accountConduct_result": chat.FreeForm(dishonours=0, passed=True),
    "post_identity_risk_checks_complete": chat.FreeForm(passed=True),
    "credit_assessment_complete": chat.FreeForm(passed=True),
    "noticeboard_updated": _NOTICE,
    "noticeboard_post": _NOTICE,
    "final_decision": _DECISION,
    "final_credit_decision": _DECISION,
    "conversation_summary": chat.ConversationSummary(purpose="car repair", facts=["casual work", "renting"]),
    "conversationSummary_changed": chat.SummaryChanged(status="approved", customer_id="CUS-1"),
}
_WRITE_OFFS: dict[str, Payload] = {
    "writeoff.requested.v1": writeoff.WriteOffRequested(
        loan_account_id="ACC-1",
        amount=Decimal("290.00"),
        reason="hardship",
        requested_by="ben",
        customer_id="CUS-1",
        priority="normal",
    ),
    "writeoff.approved.v1": writeoff.WriteOffApproved(approved_by="eve", comment="as agreed"),
    "writeoff.rejected.v1": writeoff.WriteOffRejected(rejected_by="eve", reason="a plan is in place"),
    "writeoff.cancelled.v1": writeoff.WriteOffCancelled(cancelled_by="ben"),
}


_ENVELOPES: tuple[tuple[dict[str, Payload], dict[str, Any]], ...] = (
    (_SERVICES, {}),
    (_CHAT, {"conversation": "CONV-1", "user": "CUS-1", "application": "APP-1"}),
    (_WRITE_OFFS, {"conversation": "WO-1"}),
)


@cache
def examples() -> dict[str, Message]:
    """An example of each type that we consume, by type."""
    return {
        kind: Message(kind, payload, event_id=f"example-{kind}", at=_AT, **named)
        for payloads, named in _ENVELOPES
        for kind, payload in payloads.items()
    }
