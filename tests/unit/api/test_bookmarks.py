"""How far a reader of changes has come, as a text and back."""

import pytest

from app.api.changes.service import format_bookmark, parse_bookmark

COLLECTIONS = {"customers": 1, "loan-accounts": 2, "conversations": 3}


@pytest.mark.parametrize(
    ("positions", "text"),
    [
        ({"customers": 7, "loan-accounts": 7, "conversations": 7}, "7"),
        ({"customers": 7, "loan-accounts": 5, "conversations": 7}, "7,loan-accounts:5"),
        ({"customers": 0, "loan-accounts": 5, "conversations": 6}, "6,customers:0,loan-accounts:5"),
    ],
)
def test_a_bookmark_names_only_those_that_are_behind(positions: dict[str, int], text: str) -> None:
    assert format_bookmark(positions) == text
    assert parse_bookmark(text, COLLECTIONS) == positions


def test_a_projection_missing_in_a_bookmark_is_at_its_position() -> None:
    assert parse_bookmark("9,customers:3", COLLECTIONS) == {
        "customers": 3,
        "loan-accounts": 9,
        "conversations": 9,
    }


@pytest.mark.parametrize("text", ["", "x", "-1", "1,", "1,customers", "1,nothing:2", "1,customers:x", "١"])
def test_an_invalid_bookmark_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"bookmark|collection"):
        parse_bookmark(text, COLLECTIONS)
