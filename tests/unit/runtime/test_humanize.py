"""Numbers in words."""

import pytest

from app.runtime.humanize import counted, span


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (0.34, "0.3 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (119, "119 s"),
        (240, "4 min"),
        (7_200, "2 h"),
        (90_000, "25 h"),
        (3 * 86_400, "3 days"),
    ],
)
def test_span_uses_the_most_telling_unit(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_nouns_follow_their_number() -> None:
    assert [counted(number, "entry", "entries") for number in (0, 1, 2_000)] == [
        "0 entries",
        "1 entry",
        "2,000 entries",
    ]
    assert counted(2, "event") == "2 events"
