"""Any order, any duplication and any split into batches of one set of messages: the same documents.

That is, of all read models but the histories, which test_histories.py is about.

The sets hold what the contract lets converge: every message carries a time of its own, and no two
orders of them meet a rule that decides by arrival (a balance that falls without a stated payment,
an aging bucket after a closure, a second decision).
"""

import json
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.event_store.application import Servicing
from app.ingestion.messages.catalogue import Message, read_entry
from app.ingestion.stream.apply import apply_messages
from app.projections.engine.projector import Projector
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings
from tests.support.data.mock_mongo import Database
from tests.support.observed import IN_ANY_ORDER

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY_MS = 24 * 3600 * 1_000

WORDS = st.sampled_from(["Ann", "Bob", "Cyd", "Dee"])
CENTS = st.integers(1, 99_999).map(lambda cents: f"{cents / 100:.2f}")
STATUS = st.sampled_from(["PENDING", "PENDING_DISBURSEMENT", "ACTIVE", "SUSPENDED"])


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any part of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


CUSTOMER = st.tuples(
    st.sampled_from(["customer.created.v1", "customer.changed.v1"]),
    some(
        first_name=WORDS,
        last_name=WORDS,
        email_address=WORDS,
        staff=st.booleans(),
        ekyc_status=st.sampled_from(["success", "failed"]),
        residential_address=some(suburb=WORDS, street_name=WORDS),
    ).map(lambda payload: payload | {"customer_id": "C1"}),
)
ACCOUNT = st.one_of(
    st.tuples(
        st.just("account.updated.v1"),
        some(
            current_balance=CENTS,
            status=STATUS,
            last_payment_amount=CENTS,
            last_payment_date=st.sampled_from(["2026-03-01", "2026-03-08"]),
        ).map(lambda payload: payload | {"triggered_by_transaction_type": "LATE_FEE"}),
    ),
    st.tuples(
        st.just("account.schedule.created.v1"),
        some(
            n_payments=st.integers(1, 4),
            payment_frequency=st.sampled_from(["weekly", "monthly"]),
            created_date=st.just("2026-03-02"),
        ).map(lambda payload: payload | {"schedule_id": "S1"}),
    ),
    st.tuples(st.just("account.status_changed.v1"), st.fixed_dictionaries({"new_status": STATUS})),
    st.tuples(
        st.just("account.schedule.updated.v1"),
        st.fixed_dictionaries(
            {
                "payments": st.lists(
                    st.fixed_dictionaries(
                        {
                            "payment_number": st.integers(1, 3),
                            "status": st.sampled_from(["PAID", "MISSED", "PARTIAL"]),
                        },
                        optional={"amount_paid": CENTS, "paid_date": st.just("2026-03-01")},
                    ),
                    max_size=2,
                    unique_by=lambda payment: payment["payment_number"],
                )
            },
            optional={"schedule_id": st.just("S1")},
        ),
    ),
).map(lambda message: (message[0], message[1] | {"account_id": "L1"}))
CHAT = st.one_of(
    st.tuples(st.just("user_input"), st.fixed_dictionaries({"utterance": WORDS})),
    st.tuples(
        st.just("applicationDetail_changed"),
        some(
            job=some(title=WORDS, pay=CENTS),
            customer=some(first_name=WORDS, mobilePhoneNumber=WORDS).map(lambda c: c | {"customerId": "C1"}),
        ),
    ),
    st.tuples(st.just("fraudCheck_assessment"), st.dictionaries(st.sampled_from("ab$."), st.integers(0, 9))),
    st.tuples(st.just("conversation_summary"), some(purpose=WORDS, facts=st.lists(WORDS, max_size=2))),
    st.tuples(st.just("conversationSummary_changed"), some(status=st.sampled_from(["active", "done"]))),
    st.tuples(
        st.just("final_decision"),
        st.fixed_dictionaries(
            {"decision": st.sampled_from(["APPROVED", "DECLINED"])}, optional={"reason": WORDS}
        ),
    ),
    st.tuples(
        st.just("noticeboard_post"), st.fixed_dictionaries({"agentName": st.just("risk::Job"), "post": WORDS})
    ),
)
FIXED = [
    (
        "account.created.v1",
        {
            "account_id": "L1",
            "customer_id": "C1",
            "status": "PENDING_DISBURSEMENT",
            "current_balance": "0.00",
            "loan_total_payable": "620.00",
        },
    ),
    (
        "account.schedule.created.v1",
        {
            "account_id": "L1",
            "schedule_id": "S1",
            "payments": [
                {"payment_number": number, "due_date": f"2026-04-0{number}", "amount": "206.66"}
                for number in (3, 1, 2)
            ],
        },
    ),
    ("conversation_started", {}),
    (
        "writeoff.requested.v1",
        {"loanAccountId": "L1", "amount": "9.00", "reason": "other", "requestedBy": "ann"},
    ),
    ("writeoff.approved.v1", {"approvedBy": "bob", "comment": "agreed"}),
]

Entry = tuple[bytes, dict[bytes, bytes]]


def entries(messages: list[tuple[str, dict[str, Any]]]) -> list[Entry]:
    """A stream entry for each message: the n-th was sent, and entered, on the n-th day.

    Every third names a customer beside its payload, and an application: now one, now another.
    """
    return [
        (
            f"{1_772_300_000_000 + number * DAY_MS}-0".encode(),
            {
                b"typ": kind.encode(),
                b"cid": b"V1",
                b"event_id": f"e{number}".encode(),
                b"timestamp": (START + timedelta(days=number)).isoformat().encode(),
                b"dat": json.dumps(payload).encode(),
                **(
                    {}
                    if number % 3
                    else {b"usr": b"C%d" % (number % 2), b"app_number": b"A%d" % (number % 5)}
                ),
            },
        )
        for number, (kind, payload) in enumerate(messages)
    ]


def named_beside(number: int) -> dict[bytes, bytes]:
    """The fields of an entry that name a customer and an application."""
    return {b"usr": b"C%d" % (number % 2), b"app_number": b"A%d" % (number % 5)}


def documents(batches: list[list[Entry]], project_batch: int) -> dict[str, dict[str, Any]]:
    """All documents after the batches went through ingestion and projection in turn."""
    servicing = Servicing.in_memory()
    database: Any = Database()
    for batch in batches:
        applied = apply_messages(servicing, messages_of(batch), Event())
        assert not applied.failed
        assert not applied.rejected
        project(servicing, database, project_batch)
    return shown(database)


def messages_of(batch: list[Entry]) -> list[Message]:
    """What ingestion makes of the entries."""
    read = [read_entry("inbox", entry_id, fields, 10**6) for entry_id, fields in batch]
    return [message for message in read if message is not None]


def project(servicing: Servicing, database: Any, batch: int) -> None:
    """Fold all that is stored."""
    for projection in all_projections(Settings()).values():
        engine = Projector(projection, servicing, database, batch)
        while engine.step():
            pass


def shown(database: Any) -> dict[str, dict[str, Any]]:
    """All documents that no order changes, without the position that they have come to."""
    return {
        f"{name}/{document.pop('_id')}": {k: v for k, v in document.items() if k != "_position"}
        for name in IN_ANY_ORDER
        for document in database[name].find()
    }


@settings(max_examples=150)
@given(st.data(), st.lists(CUSTOMER | ACCOUNT | CHAT, max_size=14))
def test_order_duplication_and_batches_do_not_matter(
    data: st.DataObject, messages: list[tuple[str, dict[str, Any]]]
) -> None:
    sent = entries(FIXED + messages)
    as_sent = documents([sent], 1_000)
    again = data.draw(st.lists(st.sampled_from(sent), max_size=5), "sent twice")
    mixed = data.draw(st.permutations(sent + again), "order")
    batches = []
    while mixed:
        size = data.draw(st.integers(1, len(mixed)), "batch")
        batches.append(mixed[:size])
        mixed = mixed[size:]
    assert documents(batches, data.draw(st.integers(1, 7), "project batch")) == as_sent
