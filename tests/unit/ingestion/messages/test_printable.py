"""A publisher's name for something may hold anything: logs and terminals get it short, and on one line."""

import pytest

from app.ingestion.messages.rejection import printable
from app.ingestion.stream.inbox import read_batch
from app.runtime.settings.settings import Settings


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("user_input", "user_input"),
        ("Grüße 😀", "Grüße 😀"),
        ("a\nb\r\0", r"a\nb\r\x00"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\u202e\ufeff\U000e0001", r"\u202e\ufeff\U000e0001"),
        ("x" * 300, "x" * 200),
        ("\n" * 300, r"\n" * 100),
    ],
)
def test_invisible_characters_are_escaped(name: str, shown: str) -> None:
    assert printable(name) == shown


def test_unknown_types_are_counted_by_their_printable_form() -> None:
    types = (b"weather.changed", b"\x1b[2J", b"\xff", b"x" * 300)
    batch = read_batch(Settings(), [(b"%d-0" % place, {b"typ": kind}) for place, kind in enumerate(types)])
    assert list(batch.unknown) == ["weather.changed", r"\x1b[2J", "\ufffd", "x" * 200]
