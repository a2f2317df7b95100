"""Contract messages.md: known dirt that must be accepted, not dead-lettered."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

from app.ingestion.messages import accounts as account
from app.ingestion.messages import customers as customer
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.fields import Payload
from tests.unit.ingestion.entries import message

MODELS = sorted(set(CATALOGUE.values()), key=lambda model: model.__name__)


def customer_of(**details: Any) -> customer.CustomerChanged:
    payload = message({"typ": "customer.changed.v1", "dat": {"customer_id": "C1", **details}}).payload
    assert isinstance(payload, customer.CustomerChanged)
    return payload


def account_of(**details: Any) -> account.AccountUpdated:
    payload = message({"typ": "account.updated.v1", "dat": {"account_id": "L1", **details}}).payload
    assert isinstance(payload, account.AccountUpdated)
    return payload


@pytest.mark.parametrize("model", MODELS)
def test_every_key_has_both_styles(model: type[Payload]) -> None:
    for name, field in model.model_fields.items():
        choices = getattr(field.validation_alias, "choices", None)
        if choices is None:  # The styles come from the generator.
            generator: Any = model.model_config["alias_generator"]
            assert set(generator.validation_alias(name).choices) == {name, to_camel(name)}
        else:
            assert name in choices
            assert {to_camel(choice) for choice in choices if isinstance(choice, str)} <= set(choices)


@pytest.mark.parametrize("word", ["ACTIVE", "AccountStatus.ACTIVE", "active", " Active "])
def test_enum_values_may_carry_their_class_name(word: str) -> None:
    assert account_of(status=word).status == "ACTIVE"


def test_unknown_word_in_an_optional_enum_drops_the_field_and_is_counted() -> None:
    parsed = message({"typ": "account.updated.v1", "dat": {"account_id": "L1", "status": "FROZEN"}})
    assert parsed.payload.present() == {"account_id": "L1"}
    assert parsed.unreadable == ["status"]


@pytest.mark.parametrize(
    ("value", "amount"),
    [("620", "620.00"), (620, "620.00"), (620.1, "620.10"), (" 0.1e1 ", "1.00"), ("-0", "0.00")],
)
def test_amounts_are_text_or_numbers(value: Any, amount: str) -> None:
    found = account_of(current_balance=value).current_balance
    assert (found, str(found)) == (Decimal(amount), amount)


def test_strings_may_be_numbers_and_numbers_strings() -> None:
    payload = {"account_id": 17, "dpd": "9", "is_in_arrears": " TRUE ", "bucket": "DEFAULT"}
    parsed = message({"typ": "loan.aging.updated.v1", "dat": payload}).payload
    assert parsed.present() == {"account_id": "17", "dpd": 9, "is_in_arrears": True, "bucket": "default"}


def test_nulls_and_empty_strings_are_absent() -> None:
    parsed = customer_of(first_name=None, last_name="", residential_address={"suburb": ""}, anything={})
    assert parsed.first_name is None
    assert parsed.last_name is None
    assert parsed.residential_address is not None
    assert parsed.residential_address.present() == {}


def test_single_fact_is_a_list_of_one() -> None:
    summary = message({"typ": "conversation_summary", "cid": "V1", "dat": {"facts": "works"}}).payload
    assert summary.present() == {"facts": ["works"]}


def test_large_integers_keep_their_digits() -> None:
    number = 12345678901234567890123
    assert customer_of(preferred_name=number).preferred_name == str(number)


def test_nul_characters_are_removed() -> None:
    entry = {"typ": "applicationDetail_changed", "cid": "V\0", "a\0b": "c\0d", "e": {"f\0": "g\0"}}
    envelope = message(entry).envelope
    assert envelope.conversation == "V␀"
    assert envelope.payload == {"a␀b": "c␀d", "e": {"f␀": "g␀"}}


def test_last_of_duplicate_keys_counts() -> None:
    entry = {
        "typ": "account.updated.v1",
        "dat": '{"account_id": "L1", "status": "PENDING", "status": "ACTIVE"}',
    }
    assert message(entry).payload.present()["status"] == "ACTIVE"


def test_keys_of_free_form_objects_are_kept_as_they_are() -> None:
    found = {"$ok": {"a.b": 1}, "timestamp": 1772000000, "changed_at": "last week"}
    envelope = message({"typ": "fraudCheck_assessment", "cid": "V1", "dat": found}).envelope
    assert envelope.payload == found
    assert envelope.source.upstream_time is None


@pytest.mark.parametrize(
    ("word", "status"),
    [
        *(
            (word, "successful")
            for word in ("successful", "SUCCESS", "Approved", "passed", "EkycStatus.VERIFIED")
        ),
        *((word, "failed") for word in ("failed", "FAIL", "declined", "rejected")),
        *((word, "pending") for word in ("pending", "in_progress", "IN_REVIEW")),
        ("maybe", None),
    ],
)
def test_ekyc_words(word: str, status: str | None) -> None:
    assert customer_of(ekyc_status=word).ekyc_status == status
