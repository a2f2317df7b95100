"""Personal facts: each event class says which, they are sealed, and nothing opens that was touched."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent

from app.aggregates import AGGREGATES, Conversation, Customer, LedgerCommand
from app.aggregates.base import Aggregate
from app.aggregates.personal import ERASED
from app.event_store.application import Servicing
from app.privacy.data_keys import MissingKeyError
from app.privacy.master_keys import MasterKeyError, MasterKeys
from tests.support.data.erasing import SECRET, erase, know, stored_bytes
from tests.support.data.given import message

COMMON = {field.name for field in fields(Aggregate.Event)} | {"originator_topic"}
CLASSES = sorted(
    {
        member
        for kind in AGGREGATES
        for name in dir(kind)
        if isinstance(member := getattr(kind, name), type) and issubclass(member, Aggregate.Event)
    },
    key=lambda each: each.__qualname__,
)


@pytest.mark.parametrize("event_class", CLASSES, ids=lambda each: each.__qualname__)
def test_every_event_class_names_its_personal_facts(event_class: Any) -> None:
    facts = {field.name for field in fields(event_class)} - COMMON
    inherited = {
        field.name
        for base in event_class.__mro__[1:]
        if "PERSONAL" in vars(base) and base is not Aggregate.Event
        for field in fields(base)
    }
    if facts - inherited:
        assert "PERSONAL" in vars(event_class), "say which of its facts are personal data, or NOTHING"
    assert {name.partition(".")[0] for name in event_class.PERSONAL} <= facts


@pytest.fixture
def servicing() -> Servicing:
    servicing = Servicing.in_memory()
    know(servicing, "C1", "L1")
    return servicing


def test_no_personal_fact_is_stored_in_plain_text(servicing: Servicing) -> None:
    stored = stored_bytes(servicing)
    assert SECRET.encode() not in stored
    assert b"1990-02-03" not in stored
    assert b"600.00" in stored, "amounts are"


def test_stored_facts_come_back(servicing: Servicing) -> None:
    [_, names, contact, *_] = servicing.events.get(Customer.id_of("C1"))
    assert (names.full_name, names.preferred_name) == (f"{SECRET} Moss", None)
    assert contact.email_address == f"{SECRET}@example.com"
    [_, asked, _] = servicing.events.get(LedgerCommand.id_of("L1"))
    assert asked.details == {
        "notes": f"by {SECRET}",
        "payment_reference": SECRET,
        "payment_method": "card",
    }


def test_erased_facts_are_distinguished_from_unreported_ones(servicing: Servicing) -> None:
    erase(servicing)
    [_, names, *_] = servicing.events.get(Customer.id_of("C1"))
    assert names.full_name is ERASED
    assert names.first_name is ERASED
    assert names.preferred_name is None
    [_, asked, *_] = servicing.events.get(LedgerCommand.id_of("L1"))
    assert asked.details["notes"] is ERASED
    assert asked.details["payment_method"] == "card"
    assert asked.reason is ERASED


def sealed_event(servicing: Servicing) -> StoredEvent:
    return next(
        each
        for each in servicing.recorder.select_events(Customer.id_of("C1"))
        if each.topic.endswith("NameChanged")
    )


@pytest.mark.parametrize("moved_to", ["another aggregate", "another version", "another class"])
def test_a_sealed_value_opens_only_where_it_was_sealed(servicing: Servicing, moved_to: str) -> None:
    know(servicing, "C2", "L2")
    event = sealed_event(servicing)
    assert servicing.mapper.to_domain_event(event)
    moved = {
        "another aggregate": StoredEvent(
            Customer.id_of("C2"), event.originator_version, event.topic, event.state
        ),
        "another version": StoredEvent(event.originator_id, 99, event.topic, event.state),
        "another class": StoredEvent(
            event.originator_id,
            event.originator_version,
            event.topic.replace("NameChanged", "ContactDetailsChanged"),
            event.state,
        ),
    }[moved_to]
    with pytest.raises(MapperDeserialisationError, match="is not as it was stored"):
        servicing.mapper.to_domain_event(moved)


def test_a_missing_key_is_not_an_erasure(servicing: Servicing) -> None:
    event = sealed_event(servicing)
    elsewhere = StoredEvent(uuid4(), event.originator_version, event.topic, event.state)
    with pytest.raises(MapperDeserialisationError, match="there is no data key of"):
        servicing.mapper.to_domain_event(elsewhere)
    with pytest.raises(MissingKeyError):
        servicing.privacy.keys.of(uuid4())


def test_a_data_key_is_wrapped_for_its_aggregate_only() -> None:
    masters, one, other = MasterKeys(b"1" * 32), uuid4(), uuid4()
    wrapped = masters.wrap(one, b"k" * 32)
    assert b"k" * 32 not in wrapped
    assert masters.unwrap(one, wrapped, masters.current) == b"k" * 32
    with pytest.raises(MasterKeyError):
        masters.unwrap(other, wrapped, masters.current)
    with pytest.raises(MasterKeyError, match="BILLIE_MASTER_KEY"):
        MasterKeys(b"2" * 32).unwrap(one, wrapped, masters.current)
    assert MasterKeys(b"2" * 32, b"1" * 32).unwrap(one, wrapped, masters.current) == b"k" * 32


def test_times_and_objects_are_sealed_as_they_are() -> None:
    servicing, at = Servicing.in_memory(), datetime(2026, 3, 1, tzinfo=UTC)
    unit = servicing.unit_of_work()
    chat = unit.obtain(Conversation, "V1", message("m1"))
    chat.add_utterance(message("m1"), username="customer", additional_data={"at": at, "$": [1, None]})
    unit.commit()
    [_, said] = servicing.events.get(Conversation.id_of("V1"))
    assert said.additional_data == {"at": at, "$": [1, None]}
