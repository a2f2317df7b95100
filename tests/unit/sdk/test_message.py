"""Building messages: canonical words on the wire, the door's own checks, no value in an error."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from pydantic import ValidationError

from app.sdk import (
    AccountClosed,
    AccountCreated,
    AccountUpdated,
    ApplicantDetails,
    ApplicationDetailChanged,
    CustomerChanged,
    FinalDecision,
    FreeForm,
    InvalidMessageError,
    Message,
    PaymentNews,
    Reason,
    ResidentialAddress,
    ScheduleUpdated,
    Utterance,
    WriteOffRequested,
)

PERTH = timezone(timedelta(hours=8))
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=PERTH)
BOOKED = AccountCreated(
    account_id="L1",
    customer_id="C1",
    loan_amount=Decimal(500),
    opened_date=date(2026, 3, 1),
    status="ACTIVE",
)


def dat(message: Message) -> dict[str, Any]:
    """The payload of the entry."""
    payload: dict[str, Any] = json.loads(message.fields()["dat"])
    return payload


def refused(*arguments: Any, **named: Any) -> InvalidMessageError:
    with pytest.raises(InvalidMessageError) as why:
        Message(*arguments, **named)
    return why.value


def test_the_entry_of_a_typed_payload() -> None:
    message = Message("account.created.v1", BOOKED, event_id="e1", at=NOON, user="C1")
    assert message.fields() == {
        "msg_type": "account.created.v1",
        "event_id": "e1",
        "usr": "C1",
        "timestamp": "2026-03-01T12:00:00+08:00",
        "dat": '{"account_id":"L1","status":"ACTIVE","loan_amount":"500.00","opened_date":"2026-03-01",'
        '"customer_id":"C1"}',
    }
    assert message.payload == BOOKED


def test_the_entry_of_a_chat_message() -> None:
    said = Utterance(utterance="hello", created_at=NOON)
    message = Message("user_input", said, conversation="V1", application="A1", event_id="e1")
    assert message.fields() == {
        "msg_type": "user_input",
        "event_id": "e1",
        "cid": "V1",
        "app_number": "A1",
        "dat": '{"utterance":"hello","created_at":"2026-03-01T04:00:00+00:00"}',
    }


def test_write_offs_are_written_in_camel_case() -> None:
    asked = WriteOffRequested(
        loan_account_id="L1", amount=Decimal("9.5"), reason="other", requested_by="ann", priority="high"
    )
    assert dat(Message("writeoff.requested.v1", asked, conversation="W1")) == {
        "loanAccountId": "L1",
        "amount": "9.50",
        "reason": "other",
        "requestedBy": "ann",
        "priority": "high",
    }


def test_a_mapping_is_written_in_the_same_words() -> None:
    news = {"paymentNumber": "1", "status": "PaymentStatus.OVERDUE", "paid_amount": 12.5, "of": None}
    message = Message("account.schedule.updated.v1", {"accountId": 7, "payments": [news | {"extra": 1}]})
    assert dat(message) == {
        "account_id": "7",
        "payments": [{"payment_number": 1, "status": "missed", "amount_paid": "12.50", "extra": 1}],
    }
    typed = ScheduleUpdated(
        account_id="7",
        payments=[PaymentNews(payment_number=1, status="missed", amount_paid=Decimal("12.5"))],
    )
    assert message.payload == typed


def test_a_mapping_may_hold_models_dates_and_enums() -> None:
    class Kind(StrEnum):
        CASUAL = "casual"

    ann = ApplicantDetails(customer_id="C1", residential_address=ResidentialAddress(suburb="Perth"))
    detail = {
        "customer": ann,
        "employment": {"kind": Kind.CASUAL, "since": date(2020, 1, 1), "income": Decimal("1E+3")},
    }
    message = Message("applicationDetail_changed", detail, conversation="V1")
    assert dat(message) == {
        "customer": {"customer_id": "C1", "residential_address": {"suburb": "Perth"}},
        "employment": {"kind": "casual", "since": "2020-01-01", "income": "1000"},
    }
    typed = ApplicationDetailChanged(
        customer=ann,
        employment={"kind": "casual", "since": "2020-01-01", "income": "1000"},
    )
    assert message.payload == typed
    assert dat(Message("applicationDetail_changed", typed, conversation="V1")) == dat(message)


def test_a_free_form_payload_is_whole() -> None:
    message = Message("fraudCheck_assessment", {"a.b": {"$c": [1, None]}}, conversation="V1")
    assert dat(message) == {"a.b": {"$c": [1]}}
    assert message.payload == FreeForm(**{"a.b": {"$c": [1]}})


def test_empty_fields_are_left_out() -> None:
    message = Message("customer.changed.v1", CustomerChanged(customer_id="C1", first_name="", staff=False))
    assert dat(message) == {"customer_id": "C1", "staff": False}
    assert message.payload == CustomerChanged(customer_id="C1", staff=False)


def test_an_identity_is_made_up_once() -> None:
    one, two = (Message("account.created.v1", BOOKED) for _ in range(2))
    assert one.fields() == one.fields()
    assert one.event_id == one.fields()["event_id"]
    assert one.event_id != two.event_id
    assert one != two
    assert one == Message("account.created.v1", BOOKED, event_id=one.event_id)


def test_a_representation_hides_the_payload() -> None:
    message = Message("customer.changed.v1", {"customer_id": "C1", "first_name": "Ann"}, event_id="e1")
    assert repr(message) == "Message('customer.changed.v1', event_id='e1')"


@pytest.mark.parametrize(
    ("kind", "payload", "reason", "path"),
    [
        ("account.creatd.v1", {}, Reason.INVALID_VALUE, "msg_type"),
        ("account.created.v1", {"account_id": "secret"}, Reason.MISSING_KEY, "customer_id"),
        ("account.updated.v1", BOOKED, Reason.INVALID_VALUE, "dat"),
        ("account.updated.v1", {"account_id": "L1", "status": "secret"}, Reason.INVALID_VALUE, "status"),
        (
            "account.updated.v1",
            {"account_id": "L1", "current_balance": 0.123},
            Reason.INVALID_VALUE,
            "current_balance",
        ),
        (
            "account.schedule.updated.v1",
            {"account_id": "L1", "payments": [{"payment_number": 1, "status": "secret"}]},
            Reason.INVALID_VALUE,
            "payments.0.status",
        ),
        (
            "account.updated.v1",
            {"account_id": "L1", "timestamp": "secret"},
            Reason.INVALID_VALUE,
            "timestamp",
        ),
        ("account.updated.v1", {"account_id": "L1", "n": float("nan")}, Reason.NOT_JSON, "dat"),
        ("account.updated.v1", {"account_id": "L1", "n": {"secret"}}, Reason.NOT_JSON, "dat"),
        ("account.updated.v1", {"account_id": "L1", "n": "\ud800"}, Reason.NOT_JSON, "dat"),
        ("account.updated.v1", {"account_id": "L1", "n": "x" * 300_000}, Reason.TOO_LARGE, "entry"),
        ("user_input", {"utterance": "secret"}, Reason.MISSING_KEY, "cid"),
    ],
)
def test_an_invalid_value_is_named_and_not_quoted(kind: str, payload: Any, reason: Reason, path: str) -> None:
    why = refused(kind, payload)
    assert (why.reason, why.path) == (reason, path)
    assert path in str(why)
    assert kind in str(why)
    assert "secret" not in str(why)


@pytest.mark.parametrize(
    ("named", "path"),
    [
        ({"event_id": " "}, "event_id"),
        ({"event_id": "\ud800"}, "event_id"),
        ({"user": "x" * 201}, "usr"),
        ({"at": datetime(2026, 3, 1)}, "timestamp"),  # noqa: DTZ001
    ],
)
def test_an_invalid_envelope_field_is_named(named: dict[str, Any], path: str) -> None:
    assert refused("account.created.v1", BOOKED, **named).path == path


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "secret"},
        {"current_balance": Decimal("NaN")},
        {"current_balance": Decimal("1.999")},
        {"last_payment_date": "secret"},
    ],
)
def test_a_constructor_refuses_and_does_not_quote(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as why:
        AccountUpdated(account_id="L1", **fields)
    assert next(iter(fields)) in str(why.value)
    assert "secret" not in str(why.value)


def test_a_time_of_nobodys_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="without an offset"):
        Utterance(created_at=datetime(2026, 3, 1))  # noqa: DTZ001


def test_none_means_absent_for_optional_fields() -> None:
    news = PaymentNews(payment_number=1, status="paid", linked_transaction_ids=None, paid_date=None)
    closed = AccountClosed(account_id="L1", closure_reason=None, closed_date=None, final_balance=None)
    assert (news.linked_transaction_ids, closed.closure_reason) == (None, None)


def test_a_date_given_as_a_time_is_its_date_as_written() -> None:
    late = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)
    assert AccountCreated(account_id="L1", customer_id="C1", opened_date=late).opened_date == late.date()


def test_a_word_loses_its_class_name_and_the_spaces_around_it() -> None:
    message = Message("final_decision", {"decision": " Decision. APPROVED "}, conversation="V1")
    assert dat(message) == {"decision": "APPROVED"}
    assert message.payload == FinalDecision(decision="APPROVED")
