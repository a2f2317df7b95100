"""Random messages about a few things: their values come from small pools, and so often contradict."""

from typing import Any

from hypothesis import strategies as st

Message = tuple[str, dict[str, Any]]
"""Type and payload."""


def pick(*values: Any) -> st.SearchStrategy[Any]:
    """One of these; the first is the simplest."""
    return st.sampled_from(values)


def some(needed: dict[str, Any] | None = None, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The needed keys, and any of the optional ones."""
    given = {
        key: value if isinstance(value, st.SearchStrategy) else st.just(value)
        for key, value in (needed or {}).items()
    }
    return st.fixed_dictionaries(given, optional=optional)


def message(kinds: str, payload: st.SearchStrategy[Any]) -> st.SearchStrategy[Message]:
    """A message of one of these types."""
    return st.tuples(pick(*kinds.split()), payload)


MONEY = pick("100.00", "0.00", "50.00", "350.00", "495.00", "620.00")
STATUS = pick("ACTIVE", "SUSPENDED", "PENDING_DISBURSEMENT", "PENDING", "CLOSED")
DAY = pick("2026-03-05", "2026-03-12", "2026-02-27")
NAME = pick("Ann", "Bob", "Cyd")
TRANSACTION_TYPE = pick(
    "REPAYMENT", "LATE_FEE", "DISBURSEMENT", "WRITE_OFF", "ESTABLISHMENT_FEE", "FEE_WAIVER", "NEW_WORD"
)
ADDRESS = some(
    unit_number=pick("4", "9"),
    street_number=pick("12", "7"),
    street_name=pick("High", "Low"),
    street_type=pick("St", "Rd"),
    suburb=pick("Glenelg", "Perth"),
    state=pick("SA", "WA"),
    postcode=pick("5045", "6000"),
    full_address=pick("12 High St, Glenelg", "7 Low Rd, Perth"),
)
CUSTOMER_KEYS = {
    "first_name": NAME,
    "last_name": NAME,
    "preferred_name": NAME,
    "email_address": NAME,
    "mobile_phone_number": pick("0400 000 001", "0400 000 002"),
    "date_of_birth": pick("1990-01-02", "1991-01-02"),
    "ekyc_status": pick("success", "failed", "in_review", "Passed", "odd"),
    "vulnerable": st.booleans(),
    "staff": st.booleans(),
    "residential_address": ADDRESS,
}
CUSTOMERS = st.one_of(
    message("customer.created.v1 customer.changed.v1", some({"customer_id": "C1"}, **CUSTOMER_KEYS)),
    message("customer.verified.v1", st.just({"customer_id": "C1"})),
)
CREATED = message(
    "account.created.v1",
    some(
        {"account_id": "L1", "customer_id": "C1", "loan_total_payable": "620.00"},
        status=STATUS,
        current_balance=MONEY,
        loan_amount=MONEY,
        account_number=pick("BL1"),
        opened_date=DAY,
    ),
)
BALANCES = message(
    "account.updated.v1",
    some(
        {"account_id": "L1"},
        current_balance=MONEY,
        status=STATUS,
        triggered_by_transaction_type=TRANSACTION_TYPE,
        triggered_by_transaction_id=pick("T1", "T2", "T3"),
        last_payment_date=DAY,
        last_payment_amount=MONEY,
        commencement_date=DAY,
    ),
)
STATUSES = message("account.status_changed.v1", some({"account_id": "L1", "new_status": STATUS}))
CLOSURES = message(
    "account.closed.v1",
    some(
        {"account_id": "L1"},
        closure_reason=pick("PAID_OFF", "WRITTEN_OFF", "ADMIN_CLOSED"),
        final_balance=MONEY,
        total_paid=MONEY,
        previous_status=STATUS,
        closed_date=DAY,
        triggered_by_transaction_id=pick("T1", "T9"),
    ),
)
AGINGS = message(
    "loan.aging.updated.v1",
    some(
        {"account_id": "L1", "bucket": pick("current", "early_arrears", "default", "closed")},
        dpd=pick(0, 12, 90),
        is_in_arrears=st.booleans(),
    ),
)


def plan(numbers: list[int], day: int) -> list[dict[str, Any]]:
    """Instalments of these numbers."""
    return [
        {"payment_number": number, "due_date": f"2026-04-{day + number:02}", "amount": "206.66"}
        for number in numbers
    ]


PLANS = message(
    "account.schedule.created.v1",
    some(
        {
            "account_id": "L1",
            "schedule_id": pick("S1", "S2"),
            "payments": st.builds(plan, pick([1, 2, 3], [3, 1, 2], [1, 2]), pick(0, 10)),
            "payment_frequency": pick("weekly", "monthly"),
        },
        n_payments=pick(2, 3),
        created_date=DAY,
        loan_amount=MONEY,
    ),
)
INSTALMENTS = message(
    "account.schedule.updated.v1",
    some(
        {
            "account_id": "L1",
            "schedule_id": pick("S1", "S2"),
            "payments": st.lists(
                some(
                    {"payment_number": pick(1, 2, 3)},
                    status=pick("PAID", "OVERDUE", "PARTIAL", "SCHEDULED"),
                    amount_paid=MONEY,
                    amount_remaining=MONEY,
                    paid_date=DAY,
                    linked_transaction_ids=pick(["T1"], ["T1", "T2"]),
                    last_updated=pick("2026-03-02T10:00", "2026-03-04T10:00Z"),
                ),
                max_size=2,
                unique_by=lambda item: item["payment_number"],
            ),
        },
    ),
)
GIVEN_UP = message(
    "account.updated.v1",
    some({"account_id": "L1", "current_balance": MONEY, "triggered_by_transaction_type": "WRITE_OFF"}),
) | message(
    "account.closed.v1",
    some({"account_id": "L1", "closure_reason": pick("WRITTEN_OFF", "ADMIN_CLOSED")}, final_balance=MONEY),
)
LOANS = BALANCES | BALANCES | STATUSES | CLOSURES | GIVEN_UP
DECISIONS = message(
    "final_decision final_credit_decision",
    some(
        decision=pick("APPROVED", "DECLINED", "REFERRED", "Withdrawn"),
        reason=NAME,
        retry_eligible=st.booleans(),
        blocked_until=DAY,
    ),
)
CHATS = st.one_of(
    message("conversation_started", st.just({})),
    message(
        "user_input assistant_response",
        some(
            {"utterance": NAME},
            rationale=NAME,
            answer_input_type=pick("text"),
            end_conversation=st.booleans(),
        ),
    ),
    message(
        "applicationDetail_changed",
        some(
            loan=some({"amount": pick(500, 600)}, purpose=NAME, **{"$x.y": NAME}),
            job=some({"title": NAME}),
            customer=some(
                {"customer_id": "C1"}, email=NAME, phone=pick("0400"), full_name=NAME, **CUSTOMER_KEYS
            ),
        ),
    ),
    message("identityRisk_assessment fraudCheck_assessment", some(score=pick(1, 2), **{"a.b": pick(True)})),
    message("noticeboard_post", some({"agentName": pick("risk::Job", "credit"), "post": NAME})),
    DECISIONS,
    DECISIONS,
    message("conversation_summary", some(purpose=NAME, facts=pick(["a"], ["a", "b"], []))),
    message("conversationSummary_changed", some(status=pick("active", "done"))),
)
APPROVALS = message(
    "writeoff.approved.v1",
    some(
        {"approvedBy": pick("bob", "Ann", "cyd")},
        comment=NAME,
        approvedByName=NAME,
        transactionId=pick("T1", "T2"),
        ledgerEventId=pick("E1", "E2"),
    ),
)
WRITE_OFFS = st.one_of(
    APPROVALS,
    APPROVALS,
    message("writeoff.rejected.v1", some({"rejectedBy": pick("bob", "cyd")}, reason=NAME)),
    message("writeoff.cancelled.v1", some({"cancelledBy": pick("ann")})),
)
REQUESTED = message(
    "writeoff.requested.v1",
    some(
        {"loanAccountId": "L1", "amount": MONEY, "reason": pick("hardship", "other"), "requestedBy": "ann"},
        customerId=pick("C2"),
        customerName=pick("Zed"),
        accountNumber=pick("BL9"),
        priority=pick("high", "odd"),
        notes=NAME,
    ),
)
THEMES = {
    "customers": st.lists(CUSTOMERS, min_size=1, max_size=6),
    "loans": st.tuples(CREATED, st.lists(LOANS, max_size=7)),
    "arrears": st.tuples(CREATED, st.lists(AGINGS | STATUSES | CLOSURES, max_size=6)),
    "schedules": st.tuples(CREATED, PLANS, st.lists(PLANS | INSTALMENTS, max_size=6)),
    "chats": st.lists(CHATS, min_size=1, max_size=8),
    "applicants": st.tuples(
        message("applicationDetail_changed", st.just({"customer": {"customer_id": "C1"}})),
        st.lists(CHATS, min_size=3, max_size=8),
    ),
    "write-offs": st.tuples(
        REQUESTED, st.lists(WRITE_OFFS, max_size=4), st.lists(REQUESTED | CREATED | CUSTOMERS, max_size=3)
    ),
    "everything": st.lists(
        st.one_of(CUSTOMERS, CREATED, LOANS, AGINGS, PLANS, INSTALMENTS, CHATS), min_size=1, max_size=14
    ),
}
"""What a stream is about: messages, in lists and alone."""
