"""Amended notes form one thread with their earlier versions."""

from app.console.pages.customers.page import threads


def note(name: str, amends: str | None = None, amended_by: str | None = None) -> dict[str, str]:
    fields = {"noteId": name, "amendsNoteId": amends, "amendedByNoteId": amended_by}
    return {key: value for key, value in fields.items() if value is not None}


def shown(*notes: dict[str, str]) -> list[tuple[str, list[str]]]:
    return [(each.note["noteId"], [old["noteId"] for old in each.earlier]) for each in threads(list(notes))]


def test_a_thread_is_one_note_newest_first() -> None:
    notes = [note("c", amends="b"), note("x"), note("b", "a", "c"), note("a", amended_by="b")]
    assert shown(*notes) == [("c", ["b", "a"]), ("x", [])]


def test_a_thread_ends_at_the_oldest_listed_note() -> None:
    assert shown(note("b", "a", amended_by="later"), note("a", amended_by="b")) == [("b", ["a"])]
    assert shown(note("b", amends="earlier")) == [("b", [])]


def test_circular_amendments_end() -> None:
    assert shown(note("a", amends="a")) == [("a", ["a"])]
