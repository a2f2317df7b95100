"""Contract messages.md: keys in both styles, enum class names, and the dirt inside a payload."""

import json
from threading import Event
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

from app.aggregates import Conversation
from app.event_store.application import Servicing
from app.ingestion.messages import accounts as account
from app.ingestion.messages import chat
from app.ingestion.messages import write_offs as writeoff
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.fields import Payload
from app.ingestion.messages.payload import flat_payload, parse_payload
from app.ingestion.messages.rejection import Reason, RejectedError
from app.ingestion.stream.apply import apply_messages
from tests.unit.ingestion.entries import message
from tests.unit.ingestion.samples import filled, models

FIELDS = [(model, name) for model in models() for name in model.model_fields]


def test_models_of_all_types_are_walked() -> None:
    assert set(CATALOGUE.values()) < set(models())


@pytest.mark.parametrize(("model", "name"), FIELDS, ids=[f"{m.__name__}.{n}" for m, n in FIELDS])
def test_key_may_be_snake_case_or_camel_case(model: type[Payload], name: str) -> None:
    snake = filled(model)
    camel = {to_camel(key) if key == name else key: value for key, value in snake.items()}
    found = [getattr(model.model_validate(way), name) for way in (snake, camel)]
    assert found[0] is not None
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("model", "name", "other"),
    [
        (account.PaymentNews, "amount_paid", "paid_amount"),
        (account.PaymentNews, "amount_paid", "paidAmount"),
        (chat.NoticePosted, "content", "post"),
        (chat.FinalDecision, "decision", "outcome"),
    ],
)
def test_key_has_a_second_name(model: type[Payload], name: str, other: str) -> None:
    payload = filled(model)
    value = payload.pop(name)
    assert getattr(model.model_validate(payload), name) is None
    assert getattr(model.model_validate({**payload, other: value}), name) is not None


@pytest.mark.parametrize(
    ("model", "name", "words"),
    [
        (account.AccountStatusChanged, "new_status", "PENDING PENDING_DISBURSEMENT ACTIVE SUSPENDED CLOSED"),
        (account.AccountCreated, "status", "PENDING PENDING_DISBURSEMENT ACTIVE SUSPENDED CLOSED"),
        (account.AccountClosed, "previous_status", "PENDING ACTIVE SUSPENDED CLOSED"),
        (account.AccountClosed, "closure_reason", "PAID_OFF WRITTEN_OFF ADMIN_CLOSED"),
        (account.ScheduleCreated, "payment_frequency", "weekly fortnightly monthly"),
        (account.AgingUpdated, "bucket", "current early_arrears late_arrears default closed"),
        (account.AccountUpdated, "triggered_by_transaction_type", "REPAYMENT FEE"),
        (writeoff.WriteOffRequested, "priority", "normal high urgent"),
        (
            writeoff.WriteOffRequested,
            "reason",
            "hardship bankruptcy deceased unable_to_locate fraud_victim disputed aged_debt other",
        ),
        (chat.FinalDecision, "decision", "APPROVED DECLINED REFERRED"),
    ],
)
def test_word_means_itself_with_and_without_its_class_name(
    model: type[Payload], name: str, words: str
) -> None:
    for word in words.split():
        for way in (word, f"SomeEnum.{word}", f" {word} "):
            assert getattr(model.model_validate({**filled(model), name: way}), name) == word


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("PENDING", "scheduled"),
        ("SCHEDULED", "scheduled"),
        ("PARTIAL", "partial"),
        ("PaymentStatus.PAID", "paid"),
        ("overdue", "missed"),
        ("MISSED", "missed"),
    ],
)
def test_payment_status_words(word: str, status: str) -> None:
    assert account.PaymentNews.model_validate({"payment_number": 1, "status": word}).status == status


def test_decision_is_the_outcome_where_it_is_empty() -> None:
    dat = {"decision": "", "outcome": "REFERRED", "retry_eligible": None}
    parsed = message({"typ": "final_decision", "cid": "V1", "dat": dat}).payload
    assert parsed.present() == {"decision": "REFERRED"}


def test_empty_key_in_one_style_gives_way_to_the_other() -> None:
    dat = {"customer_id": "", "customerId": "C1", "first_name": None, "firstName": "Ann"}
    parsed = message({"typ": "customer.created.v1", "dat": dat}).payload
    assert parsed.present() == {"customer_id": "C1", "first_name": "Ann"}


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": Infinity}', '{"a": 1e400}', "{'a': 1}", '{"a": 1,}'])
def test_text_that_resembles_json_is_not_json(text: str) -> None:
    with pytest.raises(RejectedError) as why:
        parse_payload("dat", text.encode())
    assert (why.value.reason, why.value.path) == (Reason.NOT_JSON, "dat")


@pytest.mark.parametrize(
    ("digits", "kept"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", "9223372036854775808"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", -(2**63)),
        ("-9223372036854775809", "-9223372036854775809"),
        ("7" * 300, "7" * 300),
    ],
)
def test_integers_beyond_64_bits_become_their_digits(digits: str, kept: Any) -> None:
    assert parse_payload("dat", f'{{"a": [{digits}]}}'.encode()) == {"a": [kept]}
    assert flat_payload([("a", f"[{digits}]")]) == {"a": [kept]}


@pytest.mark.parametrize("length", [309, 5_000])
def test_integer_of_any_length_keeps_its_digits(length: int) -> None:
    assert parse_payload("dat", f'{{"a": {"7" * length}}}'.encode()) == {"a": "7" * length}


def test_nulls_and_blank_texts_are_absent_at_any_depth() -> None:
    text = '{"a": null, "b": "", "c": {"d": null, "e": [null, " ", {"f": ""}]}, "g": 0, "h": false}'
    assert parse_payload("dat", text.encode()) == {"c": {"e": [{}]}, "g": 0, "h": False}


def test_nul_is_made_visible_in_values_names_and_flat_fields() -> None:
    assert parse_payload("dat", b'{"a\\u0000": ["b\\u0000"]}') == {"a␀": ["b␀"]}
    assert flat_payload([("a\0", "b\0"), ("c", '{"d": "e\\u0000"}')]) == {"a␀": "b␀", "c": {"d": "e␀"}}


@pytest.mark.parametrize("brackets", [("[", "]"), ('{"a":', "}")])
def test_depth_is_64_levels(brackets: tuple[str, str]) -> None:
    opened, closed = brackets
    payload = f'{{"a":{opened * 63}1{closed * 63}}}'
    assert parse_payload("dat", payload.encode()) == json.loads(payload)
    for levels in (64, 2_000):
        with pytest.raises(RejectedError) as why:
            parse_payload("dat", f'{{"a":{opened * levels}1{closed * levels}}}'.encode())
        assert (why.value.reason, why.value.path) == (Reason.TOO_DEEP, "dat")


@pytest.mark.parametrize("levels", [65, 2_000])
def test_depth_has_its_bound_in_flat_fields_too(levels: int) -> None:
    with pytest.raises(RejectedError) as why:
        flat_payload([("additional_data", "[" * levels + "]" * levels)])
    assert (why.value.reason, why.value.path) == (Reason.TOO_DEEP, "additional_data")


def test_brackets_inside_text_are_no_depth() -> None:
    assert parse_payload("dat", json.dumps({"a": "[{" * 100}).encode()) == {"a": "[{" * 100}


def test_dollars_and_full_stops_in_keys_survive_to_the_event() -> None:
    found = {"$set": {"a.b": {"$": 1}}, "a.$.b": [{"x.y": "z"}]}
    servicing = Servicing.in_memory()
    assess = message({"typ": "fraudCheck_assessment", "cid": "V1", "dat": found})
    apply_messages(servicing, [assess], Event())
    events = list(servicing.events.get(Conversation.id_of("V1")))
    assert [event.result for event in events if isinstance(event, Conversation.AssessmentRecorded)] == [found]


def test_half_a_character_beside_an_endless_integer_is_not_json() -> None:
    with pytest.raises(RejectedError) as why:
        parse_payload("dat", f'{{"n": 1{"0" * 400}, "name": "\\ud800"}}')
    assert why.value.reason is Reason.NOT_JSON


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("[1]", [1]),
        ("[null, 2]", [2]),
        ('["", " b "]', ["b"]),
        ('{"a": null, "b": 1, "c": ""}', {"b": 1}),
        ('{"a": "null", "b": "\\"\\""}', {"a": "null", "b": '""'}),
    ],
)
def test_a_loose_object_or_list_is_cleaned_like_any(text: str, clean: object) -> None:
    assert flat_payload([("data", text)]) == {"data": clean}
