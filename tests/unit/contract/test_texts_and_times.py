"""Contract, section 1: texts, identifiers, times, and a clock that is ahead."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.data.contract import Sent, documents, in_any_order, sent

CHAT = {"cid": "V1"}
NOON = "2026-03-01T12:00"


def customer(*messages: Sent) -> dict[str, Any]:
    found: dict[str, Any] = documents(messages, names=["customers"])["customers"]["C1"]
    return found


def chat(*messages: Sent) -> dict[str, Any]:
    found: dict[str, Any] = in_any_order(list(messages), names=["conversations"])["conversations"]["V1"]
    return found


def oddities(message: Sent) -> tuple[str, ...]:
    found = message.read(0)
    assert found is not None
    return found.oddities()


def test_texts_are_trimmed() -> None:
    assert customer(sent("customer.changed.v1", customer_id=" C1 ", last_name=" Lee\n"))["lastName"] == "Lee"
    found = chat(sent("fraudCheck_assessment", {"note": " fine ", "list": [" a ", " "]}, entry=CHAT))
    assert found["assessments"]["fraudCheck"] == {"note": "fine", "list": ["a"]}


@pytest.mark.parametrize("blank", ["", "  ", "\t\n", "\u3000", None])
def test_a_text_of_blanks_only_is_absent(blank: str | None) -> None:
    found = customer(
        sent("customer.changed.v1", customer_id="C1", first_name="Ann", last_name="Lee"),
        sent("customer.changed.v1", customer_id="C1", first_name=blank, preferred_name=blank),
    )
    assert (found["firstName"], "preferredName" in found) == ("Ann", False)


@pytest.mark.parametrize(
    ("given", "identifier"),
    [
        (" C1 ", "C1"),
        (70010, "70010"),
        (70010.0, "70010"),
        (0, "0"),
        ("70010.0", "70010.0"),
        (12345678901234567890123, "12345678901234567890123"),
        ("C" * 200, "C" * 200),
        (f" {'C' * 200} ", "C" * 200),
    ],
)
def test_an_identifier_is_a_trimmed_text_and_a_whole_number_its_digits(given: Any, identifier: str) -> None:
    assert list(documents([sent("customer.changed.v1", customer_id=given)])["customers"]) == [identifier]
    inside = sent("applicationDetail_changed", {"application_number": given}, entry=CHAT)
    assert chat(inside)["applicationNumber"] == identifier


@pytest.mark.parametrize("given", [True, 1.5, ["C1"], {"id": "C1"}, "C" * 201])
def test_anything_else_is_no_identifier(given: Any) -> None:
    assert "applicationNumber" not in chat(
        sent("applicationDetail_changed", {"application_number": given}, entry=CHAT)
    )


@pytest.mark.parametrize(("given", "days"), [(12, 12), ("12", 12), (12.0, 12), (True, None), (12.5, None)])
def test_a_number_is_a_whole_number_or_a_string_of_one(given: Any, days: int | None) -> None:
    message = sent("loan.aging.updated.v1", account_id="L1", bucket="early_arrears", dpd=given)
    assert documents([message])["loan-accounts"]["L1"]["aging"].get("daysPastDue") == days


@pytest.mark.parametrize(("given", "identifier"), [(70010.0, "70010"), ("T" * 201, None)])
def test_a_transaction_is_named_by_an_identifier(given: Any, identifier: str | None) -> None:
    found = documents([sent("account.closed.v1", account_id="L1", triggered_by_transaction_id=given)])
    assert found["loan-accounts"]["L1"].get("closure", {}).get("triggeredByTransactionId") == identifier


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-03-01T09:00", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01T09:00:30", datetime(2026, 3, 1, 9, 0, 30, tzinfo=UTC)),
        ("2026-03-01T09:00:30.250", datetime(2026, 3, 1, 9, 0, 30, 250_000, tzinfo=UTC)),
        ("2026-03-01 09:00", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01T09:00Z", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01T09:00:00z", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01T09:00+10:00", datetime(2026, 2, 28, 23, tzinfo=UTC)),
    ],
)
def test_times_are_iso_8601_in_its_extended_form(text: str, time: datetime) -> None:
    message = sent("conversation_started", timestamp=text, entry=CHAT)
    assert (chat(message)["startedAt"], oddities(message)) == (time, ())


@pytest.mark.parametrize(
    "text",
    [
        *("1801012312000", "20260301T090000Z", "2026-W09-7T09:00", "2026-060T09:00", "1772366400"),
        *("2026-03-01", "2026-03-01T0900", "2026-03-01T09", "soon", "٢٠٢٦-03-01T09:00", 1772366400),
    ],
)
def test_digits_without_separators_week_dates_and_epoch_numbers_are_no_times(text: Any) -> None:
    message = sent("conversation_started", timestamp=text, entry=CHAT, came_in=NOON)
    assert chat(message)["startedAt"] == datetime(2026, 3, 1, 12, tzinfo=UTC), "when it came in"
    assert oddities(message) == ("conversation_started.timestamp",)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("1990-02-03", "1990-02-03"),
        (" 1990-02-03 ", "1990-02-03"),
        ("1990-02-03T23:30:00-09:00", "1990-02-03"),
        ("1990-02-03T00:30+10:00", "1990-02-03"),
        ("19900203", None),
        ("1990-W05-6", None),
        ("1990-02-30", None),
        (631152000, None),
    ],
)
def test_dates_are_days_of_a_time_with_an_offset_its_own(text: Any, date: str | None) -> None:
    assert (
        customer(sent("customer.changed.v1", customer_id="C1", date_of_birth=text)).get("dateOfBirth") == date
    )


def named(name: str, at: str, came_in: str) -> Sent:
    return sent("customer.changed.v1", customer_id="C1", last_name=name, changed_at=at, came_in=came_in)


def test_a_clock_that_is_ahead_counts_as_ours() -> None:
    ahead = named("Ahead", "2126-03-01T12:00", came_in=NOON)
    assert (
        customer(ahead, named("Later", "2026-03-01T12:30", came_in="2026-03-01T12:31"))["lastName"] == "Later"
    )
    assert (
        customer(ahead, named("Older", "2026-03-01T11:30", came_in="2026-03-01T12:31"))["lastName"] == "Ahead"
    )
    assert oddities(ahead) == ("ahead:customer.changed.v1.changed_at",)


def test_ten_minutes_ahead_are_not_ahead() -> None:
    close = named("Close", "2026-03-01T12:10", came_in=NOON)
    assert (oddities(close), customer(close)["updatedAt"].minute) == ((), 10)
    assert oddities(named("Far", "2026-03-01T12:10:01", came_in=NOON)) != ()


def test_an_utterance_ahead_does_not_stay_the_newest_for_ever() -> None:
    ahead = sent("user_input", utterance="1", created_at="2126-01-01T00:00", entry=CHAT, came_in=NOON)
    later = sent("user_input", utterance="2", created_at="2026-03-01T13:00", entry=CHAT)
    found = chat(ahead, later)
    assert [each["utterance"] for each in found["utterances"]] == ["1", "2"]
    assert found["lastUtteranceAt"] == datetime(2026, 3, 1, 13, tzinfo=UTC)


def test_blocked_until_and_the_like_stand_as_they_are() -> None:
    decided = sent(
        "final_decision", decision="DECLINED", blocked_until="2126-06-01", entry=CHAT, came_in=NOON
    )
    assert chat(decided)["decisionDetail"] == {"blockedUntil": "2126-06-01"}


def test_the_payloads_own_time_outranks_the_entrys_and_that_its_created_at() -> None:
    entry = {"timestamp": "2026-03-01T02:00"} | CHAT
    for key in ("changed_at", "timestamp", "last_updated", "verified_at", "changedAt", "lastUpdated"):
        message = sent("final_decision", {"decision": "APPROVED", key: "2026-03-01T01:00"}, entry=entry)
        assert chat(message)["decidedAt"].hour == 1, key
    created = {"decision": "APPROVED", "created_at": "2026-03-01T03:00"}
    assert chat(sent("final_decision", created, entry=entry))["decidedAt"].hour == 2
    assert chat(sent("final_decision", created, entry=CHAT))["decidedAt"].hour == 3
