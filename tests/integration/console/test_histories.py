"""Histories: each event with its author and its message, and the document as known at a time."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from markupsafe import escape

from app.console.pages.histories.page import moment_of
from app.console.ui.page import templates
from tests.integration.console.conftest import HOSTILE
from tests.support.api.console import Visitor, fields_of

SYDNEY = ZoneInfo("Australia/Sydney")


@pytest.mark.parametrize("path", ["/customers/C1", "/loan-accounts/L1", "/conversations/V1"])
def test_a_history_shows_events_with_their_source(ann: Visitor, path: str) -> None:
    page = ann.get(f"{path}/history")
    assert page.status_code == 200
    for words in ("from a message", "Message", "Current state", "position"):
        assert words in page.text, words
    assert "<script>alert" not in page.text
    assert "<img" not in page.text


@pytest.mark.parametrize(("path", "named"), [("/loan-accounts/L1", "BL000001"), ("/customers/C2", "Cyd Poe")])
def test_a_history_names_its_subject(ann: Visitor, path: str, named: str) -> None:
    page = ann.get(f"{path}/history").text
    assert named in page.split("<title>")[1].split("</title>")[0]
    assert named in page.split("<h1>")[1].split("</h1>")[0]


def test_days_and_times_of_a_history_are_shown_as_those_of_other_pages(ann: Visitor) -> None:
    known = ann.get("/customers/C1/history").text.split("Current state")[1]
    assert '<time datetime="1980-02-29">29 Feb 1980</time>' in known
    assert "+00:00</li>" not in known, "no time as it is stored"
    assert re.search(r"\d [ap]m AE[DS]T</time>", known), "but in the viewer's zone"
    assert " UTC</time>" not in known


def test_text_that_only_resembles_a_time_is_shown_unchanged() -> None:
    for text in ("2026-02-30T10:00:00Z", "2026-13-01", "later"):
        assert templates().from_string("{{ value|plain }}").render(value=text) == text
    assert templates().from_string("{{ value|plain }}").render(value=5) == "5"


def test_text_of_other_people_is_shown_as_written(ann: Visitor) -> None:
    page = ann.get("/customers/C1/history").text
    assert page.count(escape(HOSTILE)) >= 2, "in the event, and in the document"
    hostile = "<script>alert(1)</script>"
    for name in ("on", "at", "as_of", "cursor"):
        assert hostile not in ann.get("/customers/C1/history", **{name: hostile}).text, name


def test_before_its_first_event_a_document_is_unknown(ann: Visitor) -> None:
    page = ann.get("/customers/C1/history", on="2020-02-03").text
    assert "Nothing was known then" in page
    assert 'datetime="2020-02-03T12:59:59+00:00"' in page, "the end of the day in Sydney"
    assert "Later</span>" in page
    assert 'value="2020-02-03"' in page


def test_each_event_links_to_the_document_after_it(ann: Visitor) -> None:
    page = ann.get("/customers/C1/history").text
    then = page.split("?as_of=")[-1].split('"')[0]
    there = ann.client.get(f"/customers/C1/history?as_of={then}").text
    assert "As known at" in there
    fields = fields_of(there)
    again = ann.get("/customers/C1/history", on=fields["on"], at=fields["at"]).text
    assert "1980-02-29" in again.split("As known at")[1], "and by what the form says of that moment"
    assert "1980-02-29" in there.split("As known at")[1], "the event itself is known then"


def test_an_invalid_day_is_reported(ann: Visitor) -> None:
    page = ann.get("/customers/C1/history", on="31 February")
    assert (page.status_code, "Enter a date" in page.text) == (200, True)
    assert ann.get("/customers/nobody/history").status_code == 404
    assert ann.get("/customers/C1/history", cursor="x").status_code == 400


def test_a_day_means_its_end_in_the_viewers_zone_and_never_the_future() -> None:
    assert moment_of("2026-03-06", "", "", SYDNEY) == (
        datetime(2026, 3, 6, 12, 59, 59, 999_000, tzinfo=UTC),
        False,
    )
    assert moment_of("2026-03-06", "09:30", "", SYDNEY)[0] == datetime(2026, 3, 5, 22, 30, tzinfo=UTC)
    assert moment_of("", "", "2026-03-06T09:00:00", SYDNEY)[0] == datetime(2026, 3, 6, 9, tzinfo=UTC)
    assert moment_of("", "09:30", "", SYDNEY) == (None, True), "of which day?"
    future, _ = moment_of("2999-01-01", "", "", SYDNEY)
    assert future is not None
    assert datetime.now(UTC) - future < timedelta(minutes=1)
    for on, at in (("x", ""), ("2026-03-06", "25:00"), ("9999-12-31", "")):
        assert moment_of(on, at, "", SYDNEY) == (None, True), on
