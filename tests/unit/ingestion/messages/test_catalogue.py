"""Contract messages.md, sections "Types consumed" and "What cannot be used"."""

from threading import Event
from typing import Any

import pytest

from app.aggregates import Conversation, Customer, LoanAccount, WriteOffRequest
from app.aggregates.base import Aggregate
from app.event_store.application import Servicing
from app.ingestion.messages.catalogue import CATALOGUE, read_entry
from app.ingestion.messages.rejection import Reason, RejectedError
from app.ingestion.stream.apply import apply_messages
from tests.unit.ingestion.entries import MAX_BYTES, message, read

ASKED = {"loanAccountId": "L1", "amount": "9.00", "reason": "other", "requestedBy": "ann"}
CHAT_TYPES = (
    "conversation_started",
    "user_input",
    "assistant_response",
    "applicationDetail_changed",
    "identityRisk_assessment",
    "serviceability_assessment_results",
    "credit_assessment_serviceability_result",
    "fraudCheck_assessment",
    "credit_assessment_accountConduct_result",
    "post_identity_risk_checks_complete",
    "credit_assessment_complete",
    "noticeboard_updated",
    "noticeboard_post",
    "final_decision",
    "final_credit_decision",
    "conversation_summary",
    "conversationSummary_changed",
)
SMALLEST: list[tuple[str, dict[str, Any], type[Aggregate], str]] = [
    *(
        (f"customer.{word}.v1", {"customer_id": "C1"}, Customer, "C1")
        for word in ("created", "changed", "updated", "verified")
    ),
    ("account.created.v1", {"account_id": "L1", "customer_id": "C1"}, LoanAccount, "L1"),
    ("account.updated.v1", {"account_id": "L1"}, LoanAccount, "L1"),
    ("account.status_changed.v1", {"account_id": "L1", "new_status": "ACTIVE"}, LoanAccount, "L1"),
    ("account.closed.v1", {"account_id": "L1"}, LoanAccount, "L1"),
    ("account.schedule.created.v1", {"account_id": "L1", "schedule_id": "S1"}, LoanAccount, "L1"),
    ("account.schedule.updated.v1", {"account_id": "L1"}, LoanAccount, "L1"),
    ("loan.aging.updated.v1", {"account_id": "L1"}, LoanAccount, "L1"),
    *((kind, {}, Conversation, "V1") for kind in CHAT_TYPES),
    ("writeoff.requested.v1", ASKED, WriteOffRequest, "V1"),
    ("writeoff.approved.v1", {"approvedBy": "bob"}, WriteOffRequest, "V1"),
    ("writeoff.rejected.v1", {"rejectedBy": "bob"}, WriteOffRequest, "V1"),
    ("writeoff.cancelled.v1", {"cancelledBy": "ann"}, WriteOffRequest, "V1"),
]


def test_all_types_of_the_contract_are_here() -> None:
    assert sorted(CATALOGUE) == sorted(kind for kind, *_ in SMALLEST)


@pytest.mark.parametrize(("kind", "payload", "aggregate", "business_id"), SMALLEST)
def test_smallest_payload_is_absorbed(
    kind: str, payload: dict[str, Any], aggregate: type[Aggregate], business_id: str
) -> None:
    servicing = Servicing.in_memory()
    applied = apply_messages(
        servicing, [message({"typ": kind, "conv": "V1", "id": "e1", "dat": payload})], Event()
    )
    assert (len(applied.stored), applied.failed, applied.rejected) == (1, [], [])
    found = servicing.load(aggregate, business_id)
    assert found is not None
    assert found.absorbed == {"id:e1"}


@pytest.mark.parametrize(
    ("kind", "payload", "key"),
    [(kind, payload, key) for kind, payload, *_ in SMALLEST for key in payload],
)
def test_missing_required_key_is_named(kind: str, payload: dict[str, Any], key: str) -> None:
    less = {name: value for name, value in payload.items() if name != key}
    with pytest.raises(RejectedError) as why:
        read({"typ": kind, "conv": "V1", "dat": less})
    assert why.value.reason is Reason.MISSING_KEY
    assert why.value.path == key


@pytest.mark.parametrize(
    "kind", [kind for kind, _, kept, _ in SMALLEST if kept in (Conversation, WriteOffRequest)]
)
def test_chats_and_write_offs_need_the_conversation(kind: str) -> None:
    with pytest.raises(RejectedError) as why:
        read({"typ": kind, "dat": ASKED})
    assert (why.value.reason, why.value.path) == (Reason.MISSING_KEY, "cid")


DEEP = '{"a":' * 70 + "1" + "}" * 70


@pytest.mark.parametrize(
    ("entry", "reason", "path"),
    [
        ({"dat": "{}"}, Reason.NO_TYPE, "msg_type"),
        ({"typ": "user_input", "cid": "V1", "dat": "{"}, Reason.NOT_JSON, "dat"),
        ({"typ": "user_input", "cid": "V1", "dat": '{"utterance": NaN}'}, Reason.NOT_JSON, "dat"),
        ({"typ": "user_input", "cid": "V1", "dat": '{"utterance": "\\ud800"}'}, Reason.NOT_JSON, "dat"),
        ({"typ": "user_input", "cid": "V1", "payload": "[]"}, Reason.NOT_AN_OBJECT, "payload"),
        ({"typ": "fraudCheck_assessment", "cid": "V1", "dat": DEEP}, Reason.TOO_DEEP, "dat"),
    ],
)
def test_a_rejection_names_its_reason_and_path(entry: dict[str, Any], reason: Reason, path: str) -> None:
    with pytest.raises(RejectedError) as why:
        read(entry)
    assert (why.value.reason, why.value.path) == (reason, path)


@pytest.mark.parametrize(
    ("kind", "wrong", "path"),
    [
        ("account.updated.v1", {"current_balance": "many"}, "current_balance"),
        ("account.updated.v1", {"current_balance": "1.234"}, "current_balance"),
        ("account.updated.v1", {"current_balance": "NaN"}, "current_balance"),
        ("account.updated.v1", {"current_balance": True}, "current_balance"),
        ("account.updated.v1", {"current_balance": "1e12"}, "current_balance"),
        ("account.updated.v1", {"account_id": {}}, "account_id"),
        ("account.updated.v1", {"account_id": "L" * 201}, "account_id"),
        ("account.status_changed.v1", {"new_status": "FROZEN"}, "new_status"),
    ],
)
def test_wrong_value_is_named_and_not_quoted(kind: str, wrong: dict[str, Any], path: str) -> None:
    payload = next(smallest for name, smallest, *_ in SMALLEST if name == kind)
    with pytest.raises(RejectedError) as why:
        read({"typ": kind, "dat": payload | wrong})
    assert why.value.path == path
    assert str(next(iter(wrong.values()))) not in why.value.error


def test_value_that_is_not_utf8_is_named() -> None:
    with pytest.raises(RejectedError) as why:
        read_entry("inbox", b"1-0", {b"typ": b"user_input", b"cid": b"\xff"}, MAX_BYTES)
    assert (why.value.reason, why.value.path) == (Reason.NOT_UTF8, "cid")


def test_entry_that_is_too_large_is_not_parsed() -> None:
    with pytest.raises(RejectedError) as why:
        read({"typ": "user_input", "cid": "V1", "dat": "{" * (MAX_BYTES + 1)})
    assert why.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("rest", [{"dat": "not json"}, {"timestamp": "soon"}, {"dat": "[" * (MAX_BYTES + 1)}])
def test_unknown_type_is_never_an_error(rest: dict[str, Any]) -> None:
    assert read({"typ": "marketing.email_sent.v1", **rest}) is None
