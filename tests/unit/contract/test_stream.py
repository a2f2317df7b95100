"""Contract, section 1: one part that cannot be read does not cost the message."""

from typing import Any

import pytest

from app.ingestion.messages.catalogue import Message
from app.ingestion.messages.rejection import Reason, RejectedError
from tests.support.data.contract import Sent, documents, sent

CHAT = {"cid": "V1"}


def read(message: Sent) -> Message:
    found = message.read(0)
    assert found is not None
    return found


def customer(*messages: Sent) -> dict[str, Any]:
    found: dict[str, Any] = documents(messages, names=["customers"])["customers"]["C1"]
    return found


def rejected(message: Sent) -> tuple[Reason, str]:
    with pytest.raises(RejectedError) as why:
        message.read(0)
    return why.value.reason, why.value.path


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ekyc_status", "maybe"),
        ("ekyc_status", {"code": 1}),
        ("date_of_birth", "the fourth"),
        ("date_of_birth", "2026-02-30"),
        ("residential_address", "12 High St"),
        ("residential_address", ["12 High St"]),
        ("first_name", {"given": "Ann"}),
        ("staff", "perhaps"),
        ("changed_at", "yesterday"),
        ("changed_at", "2026-03-01"),
    ],
)
def test_an_optional_key_that_cannot_be_read_is_dropped_and_counted(key: str, value: Any) -> None:
    message = sent("customer.changed.v1", {"customer_id": "C1", "last_name": "Lee", key: value})
    assert read(message).oddities() == (f"customer.changed.v1.{key}",)
    assert customer(message)["lastName"] == "Lee"


def test_a_part_of_an_object_is_dropped_and_the_rest_of_it_stands() -> None:
    address = {"suburb": "Perth", "state": {"code": "WA"}}
    message = sent("customer.changed.v1", customer_id="C1", residential_address=address)
    assert read(message).oddities() == ("customer.changed.v1.residential_address.state",)
    assert customer(message)["residentialAddress"] == {"suburb": "Perth", "city": "Perth"}


def test_both_styles_of_a_key_are_dropped_and_the_other_one_is_read() -> None:
    message = sent("customer.changed.v1", {"customer_id": "C1", "dateOfBirth": "x", "lastName": "Lee"})
    assert read(message).oddities() == ("customer.changed.v1.dateOfBirth",)
    both = {"customer_id": "C1", "last_name": {}, "lastName": "Lee"}
    assert customer(sent("customer.changed.v1", both))["lastName"] == "Lee"


def test_an_entry_time_that_cannot_be_read_gives_way_to_the_next() -> None:
    message = sent("user_input", {"created_at": "2026-03-01T09:00"}, entry={"timestamp": "soon"} | CHAT)
    assert read(message).envelope.source.upstream_time is not None
    assert read(message).oddities() == ("user_input.timestamp",)


PLAN = {"account_id": "L1", "schedule_id": "S1"}


@pytest.mark.parametrize("item", [None, "", "  ", "one", 7, {"due_date": "2026-04-01"}])
def test_an_item_of_a_list_that_cannot_be_read_is_dropped_and_the_others_stand(item: Any) -> None:
    payments = [{"payment_number": 1}, item, {"payment_number": 2}]
    parsed = read(sent("account.schedule.created.v1", PLAN, payments=payments)).payload
    assert [each.payment_number for each in parsed.present()["payments"]] == [1, 2]


def test_items_that_are_null_or_blank_are_dropped() -> None:
    message = sent("conversation_summary", facts=[None, " ", "has a job", ""], entry=CHAT)
    found = documents([message])["conversations"]["V1"]
    assert found["facts"] == ["has a job"]
    assert read(message).oddities() == ()


@pytest.mark.parametrize("facts", [None, "", [], [None], [" ", None]])
def test_a_list_without_any_item_left_is_absent(facts: Any) -> None:
    message = sent("conversation_summary", purpose="a car", facts=facts, entry=CHAT)
    assert "facts" not in documents([message])["conversations"]["V1"]


@pytest.mark.parametrize(
    ("kind", "payload", "reason", "path"),
    [
        ("customer.changed.v1", {"first_name": "Ann"}, Reason.MISSING_KEY, "customer_id"),
        ("customer.changed.v1", {"customer_id": None}, Reason.MISSING_KEY, "customer_id"),
        ("customer.changed.v1", {"customer_id": "  "}, Reason.MISSING_KEY, "customer_id"),
        ("customer.changed.v1", {"customerId": {"id": 1}}, Reason.INVALID_VALUE, "customerId"),
        ("customer.changed.v1", {"customer_id": "C" * 201}, Reason.INVALID_VALUE, "customer_id"),
        (
            "account.status_changed.v1",
            {"account_id": "L1", "new_status": "ODD"},
            Reason.INVALID_VALUE,
            "new_status",
        ),
    ],
)
def test_a_required_key_that_is_missing_or_unreadable_costs_the_message(
    kind: str, payload: Any, reason: Reason, path: str
) -> None:
    assert rejected(sent(kind, payload)) == (reason, path)


@pytest.mark.parametrize("amount", ["many", True, "1.234", "NaN", [5], {"aud": 5}])
def test_money_that_does_not_parse_costs_the_message_wherever_it_stands(amount: Any) -> None:
    in_a_list = sent("account.schedule.created.v1", PLAN, payments=[{"payment_number": 1, "amount": amount}])
    assert rejected(in_a_list) == (Reason.INVALID_VALUE, "payments.0.amount")
    optional = sent("account.updated.v1", account_id="L1", status="ODD", current_balance=amount)
    assert rejected(optional) == (Reason.INVALID_VALUE, "current_balance")


def test_a_conversation_that_is_no_identifier_costs_the_message() -> None:
    assert rejected(sent("user_input", utterance="Hi", entry={"cid": "V" * 201})) == (
        Reason.INVALID_VALUE,
        "cid",
    )
    assert rejected(sent("user_input", utterance="Hi")) == (Reason.MISSING_KEY, "cid")


def test_a_user_that_is_no_identifier_is_dropped() -> None:
    message = sent("user_input", utterance="Hi", entry={"usr": "C" * 201} | CHAT)
    assert read(message).oddities() == ("user_input.usr",)


def test_unknown_keys_and_unknown_fields_are_no_oddities() -> None:
    message = sent("customer.changed.v1", customer_id="C1", shoe_size={"eu": 43}, entry={"x": "y"})
    assert read(message).oddities() == ()
