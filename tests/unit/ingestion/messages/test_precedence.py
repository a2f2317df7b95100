"""Contract messages.md, section "The stream": which of several names wins, and who is the same message."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.ingestion.messages.rejection import Reason, RejectedError
from tests.unit.ingestion.entries import message

NAMES = {
    "conversation": ("cid", "conv", "conversation_id"),
    "user": ("usr", "user_id"),
    "application": ("app_number", "application_number", "applicationNumber"),
}
ORDERS = [
    (meaning, names[place], names[place + 1 :])
    for meaning, names in NAMES.items()
    for place in range(len(names))
]
SAID: dict[str, Any] = {"typ": "user_input", "cid": "V1", "dat": {"utterance": "hello"}}


def identity(entry: dict[str, Any], entry_id: str = "1-0") -> str:
    return message(entry, entry_id).envelope.source.message_id


@pytest.mark.parametrize(("meaning", "name", "later"), ORDERS)
def test_earlier_name_wins_over_later_ones(meaning: str, name: str, later: tuple[str, ...]) -> None:
    entry = {"typ": "customer.created.v1", "dat": {"customer_id": "C1"}, name: "first"}
    envelope = message(entry | dict.fromkeys(later, "later")).envelope
    assert getattr(envelope, meaning) == "first"


@pytest.mark.parametrize(("meaning", "name", "later"), ORDERS)
def test_empty_name_gives_way(meaning: str, name: str, later: tuple[str, ...]) -> None:
    entry = {"typ": "customer.created.v1", "dat": {"customer_id": "C1"}, name: ""}
    envelope = message(entry | dict.fromkeys(later, "later")).envelope
    assert getattr(envelope, meaning) == ("later" if later else None)


@pytest.mark.parametrize(("first", "second"), [("msg_type", "typ"), ("typ", "event_type")])
def test_first_name_of_the_type_wins(first: str, second: str) -> None:
    entry = {"cid": "V1", "utterance": "hi", first: "user_input", second: "unheard_of"}
    assert message(entry).envelope.type == "user_input"


def test_first_name_of_the_payload_wins_and_an_empty_one_gives_way() -> None:
    entry = {"typ": "user_input", "cid": "V1", "payload": {"utterance": "second"}}
    assert message(entry | {"dat": {"utterance": "first"}}).payload.present() == {"utterance": "first"}
    assert message(entry | {"dat": ""}).payload.present() == {"utterance": "second"}


def test_entrys_application_and_conversation_win_over_the_payloads() -> None:
    inside = {"application_number": "A2", "conversation_id": "V2"}
    envelope = message(SAID | {"app_number": "A1", "dat": inside}).envelope
    assert (envelope.application, envelope.conversation) == ("A1", "V1")
    envelope = message({"typ": "user_input", "dat": inside}).envelope
    assert (envelope.application, envelope.conversation) == ("A2", "V2")


@pytest.mark.parametrize("name", ["usr", "app_number"])
def test_identifiers_have_200_characters_at_most(name: str) -> None:
    assert message(SAID | {name: f" {'x' * 200} "}).unreadable == []
    assert message(SAID | {name: "x" * 201}).unreadable == [name]


def test_conversation_that_is_no_identifier_costs_its_message() -> None:
    with pytest.raises(RejectedError) as why:
        message(SAID | {"cid": "x" * 201})
    assert (why.value.reason, why.value.path) == (Reason.INVALID_VALUE, "cid")


def test_blank_identifier_gives_way_to_the_next_name() -> None:
    assert message(SAID | {"cid": "  ", "conv": "V2"}).envelope.conversation == "V2"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01T00:30:00-09:30", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T11:00:00+00:00", datetime(2026, 3, 1, 11, tzinfo=UTC)),
        ("2026-03-01 11:00:00.250000z", datetime(2026, 3, 1, 11, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-03-01T11:00", datetime(2026, 3, 1, 11, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("inside", [True, False])
def test_times_have_the_same_formats_in_payload_and_entry(text: str, moment: datetime, inside: bool) -> None:
    entry = SAID | {"dat": {"timestamp": text}} if inside else SAID | {"timestamp": text}
    assert message(entry).envelope.source.upstream_time == moment


@pytest.mark.parametrize(
    "text",
    ["soon", "2026-02-30", "0001-01-01T00:00:00+14:00", "1772366400", "1801012312000", "2026-W09-7T09:00"],
)
@pytest.mark.parametrize("inside", [True, False])
def test_time_that_does_not_parse_is_dropped_and_counted(text: str, inside: bool) -> None:
    entry = SAID | {"dat": {"timestamp": text}} if inside else SAID | {"timestamp": text}
    found = message(entry)
    assert (found.envelope.source.upstream_time, found.unreadable) == (None, ["timestamp"])


def test_message_without_any_time_has_none() -> None:
    assert message(SAID | {"timestamp": "", "created_at": ""}).envelope.source.upstream_time is None


def test_event_id_wins_over_id_and_an_empty_one_gives_way() -> None:
    assert identity(SAID | {"event_id": "e1", "id": "e2", "cause": "c"}) == "id:e1"
    assert identity(SAID | {"event_id": "", "id": "e2", "cause": "c"}) == "id:e2"


def test_long_ids_stay_apart() -> None:
    assert identity(SAID | {"id": "e" * 900 + "1"}) != identity(SAID | {"id": "e" * 900 + "2"})


def test_identity_by_cause_is_blind_to_nulls_names_of_fields_and_empty_sequences() -> None:
    known = identity(SAID | {"cause": "c"})
    ways = [
        SAID | {"cause": "c", "seq": "", "c_seq": ""},
        SAID | {"cause": "c", "dat": {"utterance": "hello", "rationale": None}},
        SAID | {"cause": "c", "dat": '{ "rationale" : "", "utterance" : "h\\u0065llo" }'},
        {"event_type": "user_input", "conv": "V1", "payload": SAID["dat"], "cause": "c", "rec": "x"},
    ]
    assert {identity(way, f"{number}-9") for number, way in enumerate(ways)} == {known}


def test_either_name_of_the_sequence_distinguishes_messages_of_one_cause() -> None:
    ways = [{name: number} for name in ("seq", "c_seq") for number in ("1", "2")]
    found = [identity(SAID | {"cause": "c"} | way) for way in ways]
    assert found[0] == found[2] != found[1] == found[3]
