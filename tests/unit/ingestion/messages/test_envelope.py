"""Contract messages.md, section "The stream": field names, times, and the identity of a message."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.ingestion.messages.envelope import open_entry
from app.ingestion.messages.rejection import Reason, RejectedError
from tests.unit.ingestion.entries import MAX_BYTES, message

SAID: dict[str, Any] = {"typ": "user_input", "cid": "V1", "dat": {"utterance": "hello"}}


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in SAID.items() if name not in names}


@pytest.mark.parametrize("name", ["msg_type", "typ", "event_type"])
def test_type_has_three_names(name: str) -> None:
    assert message(without("typ") | {name: "user_input"}).envelope.type == "user_input"


@pytest.mark.parametrize("name", ["cid", "conv", "conversation_id"])
def test_conversation_has_three_names(name: str) -> None:
    assert message(without("cid") | {name: "V7"}).envelope.conversation == "V7"


@pytest.mark.parametrize("name", ["usr", "user_id"])
def test_user_has_two_names(name: str) -> None:
    assert message(SAID | {name: "C7"}).envelope.user == "C7"


@pytest.mark.parametrize("name", ["app_number", "application_number", "applicationNumber"])
@pytest.mark.parametrize("inside", [True, False])
def test_application_has_three_names_also_inside_the_payload(name: str, inside: bool) -> None:
    entry = SAID | {"dat": {"utterance": "hello", name: "A7"}} if inside else SAID | {name: "A7"}
    assert message(entry).envelope.application == "A7"


@pytest.mark.parametrize("name", ["dat", "payload"])
def test_payload_has_two_names(name: str) -> None:
    assert message(without("dat") | {name: {"utterance": "hi"}}).envelope.payload == {"utterance": "hi"}


def test_older_publishers_put_the_payload_straight_into_the_entry() -> None:
    entry = without("dat") | {
        "utterance": "[maybe] hi",
        "additional_data": {"a": [1]},
        "end_conversation": "true",
    }
    assert message(entry).payload.present() == {
        "utterance": "[maybe] hi",
        "additional_data": {"a": [1]},
        "end_conversation": True,
    }


def test_first_present_name_wins_and_empty_is_absent() -> None:
    envelope = message(SAID | {"msg_type": "", "cid": "", "conv": "V2", "conversation_id": "V3"}).envelope
    assert (envelope.type, envelope.conversation) == ("user_input", "V2")


@pytest.mark.parametrize("recipients", ['["billie-srv"]', "billie-srv", ""])
@pytest.mark.parametrize("sequence", ["", "1", "nonsense"])
def test_recipients_and_sequence_may_be_anything(recipients: str, sequence: str) -> None:
    assert message(
        SAID | {"rec": recipients, "seq": sequence, "c_seq": sequence, "agt": "chat", "cls": "cmd"}
    )


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-03-01T12:00:00Z", 12),
        ("2026-03-01T12:00:00+10:00", 2),
        ("2026-03-01T12:00:00", 12),
        (" 2026-03-01T12:00:00.000Z ", 12),
    ],
)
def test_times_of_every_form_are_utc(text: str, hour: int) -> None:
    upstream = message(SAID | {"timestamp": text}).envelope.source.upstream_time
    assert upstream == datetime(2026, 3, 1, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("payload", "entry", "hour"),
    [
        ({"timestamp": "2026-03-01T01:00:00Z"}, {"timestamp": "2026-03-01T02:00:00Z"}, 1),
        ({"changed_at": "2026-03-01T01:00:00Z"}, {"created_at": "2026-03-01T02:00:00Z"}, 1),
        ({"created_at": "2026-03-01T01:00:00Z"}, {"timestamp": "2026-03-01T02:00:00Z"}, 2),
        ({"created_at": "2026-03-01T01:00:00Z"}, {}, 1),
    ],
)
def test_the_messages_own_time_is_found(payload: dict[str, Any], entry: dict[str, Any], hour: int) -> None:
    upstream = message(SAID | {"dat": payload} | entry).envelope.source.upstream_time
    assert upstream == datetime(2026, 3, 1, hour, tzinfo=UTC)


def test_received_is_the_time_in_the_entry_id() -> None:
    assert message(SAID).envelope.source.received_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert message(SAID, f"{2**64 - 1}-0").envelope.source.received_at.year == 9999


def identity(entry: dict[str, Any], entry_id: str = "1-0") -> str:
    return message(entry, entry_id).envelope.source.message_id


@pytest.mark.parametrize("name", ["event_id", "id"])
def test_explicit_id_is_the_identity(name: str) -> None:
    assert identity(SAID | {name: "e1", "cause": "c"}) == identity(SAID | {name: "e1"}, "2-0") == "id:e1"
    assert len(identity(SAID | {name: "e" * 9_000})) < 200


def test_cause_alone_is_no_identity_but_its_message_is() -> None:
    caused = SAID | {"cause": "turn-1", "seq": "1"}
    known = identity(caused)
    assert identity(caused | {"timestamp": "2026-03-01T01:00:00Z"}, "2-0") == known, "sent again"
    others = [
        caused | {"cause": "turn-2"},
        caused | {"seq": "2"},
        caused | {"cid": "V2"},
        caused | {"typ": "assistant_response"},
        caused | {"dat": {"utterance": "bye"}},
    ]
    assert len({known, *map(identity, others)}) == 6


def test_order_of_keys_is_no_part_of_the_identity() -> None:
    ways = [{"utterance": "hi", "rationale": "r"}, {"rationale": "r", "utterance": "hi"}]
    assert len({identity(SAID | {"cause": "c", "dat": way}) for way in ways}) == 1


def test_without_id_and_cause_the_entry_is_the_identity() -> None:
    assert identity(SAID, "5-1") == "entry:inbox/5-1"


def test_identifiers_lose_the_spaces_around_them_and_are_bounded() -> None:
    assert message(SAID | {"cid": " V1 ", "usr": "C1 "}).envelope.conversation == "V1"
    long = message(SAID | {"usr": "C" * 201})
    assert (long.envelope.user, long.unreadable) == (None, ["usr"])


def test_path_of_a_fault_is_short_and_stays_on_its_line() -> None:
    entry = {b"typ": b"user_input", b"cid": b"V1", b"a\nb\x1b[2J" + b"x" * 300: b"\xff"}
    with pytest.raises(RejectedError) as why:
        open_entry("inbox", b"1-0", entry, MAX_BYTES)
    assert why.value.reason == Reason.NOT_UTF8
    assert why.value.path == r"a\nb\x1b[2J" + "x" * 189
    assert why.value.path in str(why.value)
