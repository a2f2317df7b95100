"""Formats of money, days, times and labels."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from app.console.session.rest import quoted
from app.console.ui import formats
from app.console.ui.formats import commands

SYDNEY, PERTH, KOLKATA = ZoneInfo("Australia/Sydney"), ZoneInfo("Australia/Perth"), ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1234.5", "A$1,234.50"),
        ("0.00", "A$0.00"),
        ("-12.5", "−A$12.50"),
        ("1000000", "A$1,000,000.00"),
        (None, "–"),
        ("", "–"),
        ("much", "–"),
    ],
)
def test_money(value: str | None, shown: str) -> None:
    assert formats.money(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [("20", "+A$20.00"), ("-20", "−A$20.00"), ("0", "A$0.00"), (None, "–")]
)
def test_changes_show_their_sign(value: str | None, shown: str) -> None:
    assert formats.signed(value) == shown


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        (SYDNEY, "25 Nov 2026, 3:04 pm AEDT"),
        (PERTH, "25 Nov 2026, 12:04 pm AWST"),
        (KOLKATA, "25 Nov 2026, 9:34 am IST"),
        (ZoneInfo("America/Sao_Paulo"), "25 Nov 2026, 1:04 am UTC-03"),
    ],
)
def test_a_time_is_in_the_viewers_zone_with_its_name(zone: ZoneInfo, shown: str) -> None:
    assert formats.moment("2026-11-25T04:04:59Z", zone) == shown


def test_midnight_and_noon_are_twelve() -> None:
    assert formats.clock("2026-07-01T14:00:00Z", SYDNEY) == "12:00 am AEST"
    assert formats.clock("2026-07-01T02:00:00Z", SYDNEY) == "12:00 pm AEST"


def test_the_day_of_a_time_is_the_viewers_and_a_day_is_itself() -> None:
    assert formats.day("2026-11-25T23:04:00Z", SYDNEY) == "26 Nov 2026"
    assert formats.day("2026-11-25", SYDNEY) == "25 Nov 2026"
    assert formats.day("2026-02-30") == "2026-02-30", "no such day: shown unchanged"
    assert formats.day(None) == "–"


@pytest.mark.parametrize(
    "name", ["", "Nowhere/None", "../../etc/passwd", "/etc/passwd", "\x00", "x" * 5_000, None]
)
def test_an_invalid_zone_is_the_default_one(name: str | None) -> None:
    assert formats.zone_of(name, "Australia/Sydney") == SYDNEY


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("pending_disbursement", "Pending disbursement"),
        ("identityRisk", "Identity risk"),
        ("LATE_FEE", "Late fee"),
        ("write-off", "Write off"),
        ("ekyc_status", "eKYC status"),
        ("sms", "SMS"),
        ("not_json", "Not JSON"),
        ("not_utf8", "Not UTF-8"),
        (None, "–"),
    ],
)
def test_labels_are_readable(value: str | None, shown: str) -> None:
    assert formats.label(value) == shown


def test_words_within_a_sentence() -> None:
    assert [formats.inline_label(each) for each in ("not_json", "sms", None)] == ["not JSON", "SMS", "–"]


def test_an_age_counts_from_the_birthday() -> None:
    assert formats.age("1980-02-29", date(2026, 2, 28)) == 45
    assert formats.age("1980-02-29", date(2026, 3, 1)) == 46
    assert formats.age("unknown", date(2026, 3, 1)) is None
    assert formats.age(None, date(2026, 3, 1)) is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (
            "1 dead letter: `billie dead-letters list`.",
            "1 dead letter: <code>billie dead-letters list</code>.",
        ),
        ("`a` and `b`", "<code>a</code> and <code>b</code>"),
        ("<b>`<i>`", "&lt;b&gt;<code>&lt;i&gt;</code>"),
        ("a tick ` alone", "a tick ` alone"),
        ("", ""),
    ],
)
def test_commands_in_a_sentence(value: str, shown: str) -> None:
    assert commands(value) == shown


@pytest.mark.parametrize(
    ("identifier", "segment"),
    [("CUS/1", "CUS%2F1"), (".", "%2E"), ("..", "%2E%2E"), ("a.b", "a.b"), ("a b?", "a%20b%3F")],
)
def test_any_identifier_is_one_segment_of_an_address(identifier: str, segment: str) -> None:
    assert quoted(identifier) == formats.FILTERS["urlencode"](identifier) == segment
