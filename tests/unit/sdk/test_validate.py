"""What our consumer would say about raw fields."""

from collections.abc import Mapping
from typing import Any, NoReturn

import pytest

from app.sdk import (
    Accepted,
    AccountUpdated,
    NotConsumed,
    Parsers,
    Reason,
    Refused,
    TypeParser,
    installed_parsers,
    validate,
)

UPDATED = {"event_type": "account.updated.v1", "payload": '{"accountId": "L1", "status": "NEW"}'}


def test_a_valid_entry() -> None:
    expected = Accepted("account.updated.v1", None, AccountUpdated(account_id="L1"), ("status",))
    assert validate(UPDATED) == expected
    assert validate({name.encode(): value.encode() for name, value in UPDATED.items()}) == expected


@pytest.mark.parametrize(
    ("more", "identity"), [({"id": "e1"}, "id:e1"), ({"cause": "c1"}, "digest:"), ({}, None)]
)
def test_a_verdict_has_the_messages_identity(more: dict[str, str], identity: str | None) -> None:
    verdict = validate(UPDATED | more)
    assert isinstance(verdict, Accepted)
    assert verdict.identity is None if identity is None else str(verdict.identity).startswith(identity)


def test_a_type_that_is_not_consumed() -> None:
    assert validate({"typ": "marketing.email_sent.v1", "dat": "not json"}) == NotConsumed(
        "marketing.email_sent.v1"
    )


@pytest.mark.parametrize(
    ("fields", "reason", "path"),
    [
        ({}, Reason.NO_TYPE, "msg_type"),
        ({"typ": "account.updated.v1", "dat": "{"}, Reason.NOT_JSON, "dat"),
        ({"typ": "account.updated.v1", "dat": "{}"}, Reason.MISSING_KEY, "account_id"),
        ({"typ": "user_input", "dat": "{}", "cid": "\ud800"}, Reason.NOT_UTF8, "cid"),
    ],
)
def test_an_entry_that_would_be_set_aside(fields: dict[str, str], reason: Reason, path: str) -> None:
    verdict = validate(fields)
    assert isinstance(verdict, Refused)
    assert (verdict.reason, verdict.path) == (reason, path)


def test_the_consumer_decides_the_largest_entry() -> None:
    assert isinstance(validate(UPDATED, max_bytes=10), Refused)


def test_a_parser_is_tried_as_the_consumer_would() -> None:
    def parse(_kind: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"account_id": payload["accountId"], "status": "ACTIVE"}

    def fail(_kind: str, _payload: Mapping[str, Any]) -> NoReturn:
        raise ZeroDivisionError

    def verdict(parser: Any) -> Any:
        return validate(UPDATED, parsers=Parsers([TypeParser("account.", "mine", parser)]))

    assert verdict(parse).payload == AccountUpdated(account_id="L1", status="ACTIVE")
    assert (verdict(fail).reason, verdict(fail).path) == (Reason.FAILED, "message")
    assert validate(UPDATED, parsers=installed_parsers()) == validate(UPDATED)
