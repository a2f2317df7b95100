"""Parsers of installed packages (docs/messages, "A custom parser")."""

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pydantic import BaseModel

from app.aggregates import Conversation
from app.event_store.application import Servicing
from app.ingestion.messages.accounts import AccountCreated
from app.ingestion.messages.catalogue import CATALOGUE, Message, read_entry
from app.ingestion.messages.parsers import GROUP, Parser, ParserError, Parsers, TypeParser, load_parsers
from app.ingestion.messages.rejection import ParserFailedError, Reason, RejectedError, failed
from app.ingestion.stream.apply import apply_messages
from tests.unit.ingestion.entries import MAX_BYTES, fields, read

BOOKED = {
    "typ": "account.created.v1",
    "cause": "c1",
    "timestamp": "2026-03-01T00:00:00Z",
    "dat": {"loan": "L1", "who": "C1", "secret": "of Ann", "changed_at": "no time at all"},
}


AS_IT_IS = "def parse(kind, payload): return payload"


class State(Enum):
    RUNNING = "ACTIVE"


def parsed(entry: dict[str, Any], *parsers: tuple[str, Parser]) -> Message:
    """What ingestion makes of an entry with these parsers."""
    claims = Parsers(TypeParser(prefix, f"the-{prefix}-sdk 1.0", parse) for prefix, parse in parsers)
    message = read_entry("inbox", b"1772366400000-0", fields(entry), MAX_BYTES, claims)
    assert message is not None
    return message


def booked(_kind: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "account_id": payload["loan"],
        "customer_id": payload["who"],
        "status": State.RUNNING,
        "loan_amount": Decimal("1E+2"),
        "opened_date": date(2026, 3, 1),
        "changed_at": datetime(2026, 3, 1, 9, tzinfo=UTC),
        "account_number": None,
    }


def refusing(_kind: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    raise ValueError(payload["secret"])


class Private(BaseModel):
    loan: str
    who: int


def test_our_own_models_read_what_the_parser_returned() -> None:
    message = parsed(BOOKED, ("account.", booked))
    assert isinstance(message.payload, AccountCreated)
    assert message.payload.present() == {
        "account_id": "L1",
        "customer_id": "C1",
        "status": "ACTIVE",
        "loan_amount": Decimal("100.00"),
        "opened_date": "2026-03-01",
    }
    assert message.envelope.source.upstream_time == datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_the_identity_is_that_of_the_payload_as_received() -> None:
    one = parsed(BOOKED, ("account.", booked)).envelope.source.message_id
    two = parsed(BOOKED, ("account.", lambda *_: {"account_id": "L2", "customer_id": "C2"}))
    assert one == two.envelope.source.message_id
    other = BOOKED | {"dat": {"loan": "L1", "who": "C2"}}
    assert one != parsed(other, ("account.", booked)).envelope.source.message_id


def test_an_invalid_result_of_a_parser_is_rejected_by_our_models() -> None:
    with pytest.raises(RejectedError) as why:
        parsed(BOOKED, ("account.", lambda *_: {"account_id": "L1", "loan_amount": None}))
    assert (why.value.reason, why.value.path) == (Reason.MISSING_KEY, "customer_id")


def test_the_longest_prefix_wins_and_other_types_are_ours() -> None:
    claims = (("account.", refusing), ("account.created.", booked), ("loan.", refusing))
    assert parsed(BOOKED, *claims).failure is None
    ours = {"typ": "customer.created.v1", "dat": {"customer_id": "C1"}}
    assert parsed(ours, *claims).payload == parsed(ours).payload


def test_commands_of_the_whole_payload_get_the_parsers_result() -> None:
    servicing = Servicing.in_memory()
    risk = {"typ": "identityRisk_assessment", "cid": "V1", "id": "e1", "dat": {"s": 1, "at": "x"}}
    detail = {"typ": "applicationDetail_changed", "cid": "V1", "id": "e2", "dat": {"x": 1}}
    claims = (
        ("identityRisk", lambda *_: {"score": Decimal("0.5"), "by": {"name": "", "kind": State.RUNNING}}),
        ("applicationDetail", lambda *_: {"employment": "casual", "customer": {"customer_id": "C1"}}),
    )
    apply_messages(servicing, [parsed(risk, *claims), parsed(detail, *claims)], Event())
    conversation = servicing.load(Conversation, "V1")
    assert conversation is not None
    events: list[Any] = list(servicing.events.get(conversation.id))
    assert [event.result for event in events if isinstance(event, Conversation.AssessmentRecorded)] == [
        {"score": "0.5", "by": {"kind": "ACTIVE"}}
    ]
    [changed] = [event for event in events if isinstance(event, Conversation.ApplicationDetailsChanged)]
    assert changed.application_data == {"employment": "casual"}


def test_value_error_sets_the_entry_aside_without_quoting_it() -> None:
    with pytest.raises(RejectedError) as why:
        parsed(BOOKED, ("account.", refusing))
    assert (why.value.reason, why.value.path) == (Reason.INVALID_VALUE, "payload")
    assert why.value.error == "refused by the parser of the-account.-sdk 1.0"


def test_a_private_model_that_refuses_names_the_field() -> None:
    with pytest.raises(RejectedError) as why:
        parsed(BOOKED, ("account.", lambda _kind, payload: Private(**payload).model_dump()))
    assert (why.value.reason, why.value.path) == (Reason.INVALID_VALUE, "who")
    assert "C1" not in str(why.value)


@pytest.mark.parametrize(
    ("parser", "said"),
    [
        (lambda _kind, payload: {"account_id": payload["loan_id"]}, "raised KeyError at test_parsers.py"),
        (lambda *_: ["of Ann"], "returned a list, not a mapping"),
        (lambda *_: {"account_id": float("nan")}, "returned no payload"),
        (lambda *_: {"account_id": "\ud800"}, "returned no payload"),
        (lambda *_: {"account_id": datetime(2026, 3, 1)}, "a time without an offset"),  # noqa: DTZ001
        (lambda *_: {"account_id": Private(loan="of Ann", who=1)}, "JSON holds no Private"),
    ],
)
def test_any_other_failure_is_the_messages_own(parser: Parser, said: str) -> None:
    message = parsed(BOOKED, ("account.", parser))
    applied = apply_messages(Servicing.in_memory(), [message], Event())
    [(_, error)] = applied.failed
    assert isinstance(error, ParserFailedError)
    why = failed(error)
    assert (why.reason, "the-account.-sdk 1.0" in why.error, said in why.error) == (Reason.FAILED, True, True)
    assert "of Ann" not in why.error


def test_without_parsers_messages_are_read_unchanged() -> None:
    assert parsed({"typ": "account.updated.v1", "dat": {"account_id": "L1"}}) == read(
        {"typ": "account.updated.v1", "dat": {"account_id": "L1"}}
    )


def install(folder: Path, name: str, points: str, code: str = AS_IT_IS) -> None:
    """Put a package on the path, as pip would."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{points}\n")
    (folder / f"{name}_module.py").write_text(code)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.endswith("_module"):
            del sys.modules[name]


def test_installed_parsers_are_loaded_by_prefix(folder: Path) -> None:
    install(folder, "good", "account. = good_module:parse\nloan. = good_module:parse")
    parsers = load_parsers(CATALOGUE)
    assert parsers.of("account.created.v1") is not None
    assert parsers.of("loan.aging.updated.v1") is not None
    assert parsers.of("customer.created.v1") is None


def test_two_packages_may_not_claim_one_prefix(folder: Path) -> None:
    install(folder, "one", "account. = one_module:parse")
    install(folder, "two", "account. = two_module:parse")
    with pytest.raises(ParserError, match=r"one 1\.0 and two 1\.0 all claim .* account\.\*"):
        load_parsers(CATALOGUE)


@pytest.mark.parametrize(
    ("points", "code", "said"),
    [
        ("account. = bad_module:parse", "import nothing_such", "No module named 'nothing_such'"),
        ("account. = bad_module:parse", "1 / 0", "cannot be imported"),
        ("account. = bad_module:other", AS_IT_IS, "no attribute 'other'"),
        ("account. = bad_module:parse", "parse = 1", "no function"),
        ("acount. = bad_module:parse", AS_IT_IS, "no such type"),
    ],
)
def test_parser_that_cannot_be_used_is_named(folder: Path, points: str, code: str, said: str) -> None:
    install(folder, "bad", points, code)
    with pytest.raises(ParserError) as why:
        load_parsers(CATALOGUE)
    assert "bad 1.0" in str(why.value)
    assert said in str(why.value)


def test_the_project_installs_no_parsers() -> None:
    parsers = load_parsers(CATALOGUE)
    assert all(parsers.of(kind) is None for kind in CATALOGUE)
