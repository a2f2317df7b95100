"""Notes that amend one another, told as one note with what it said before."""

from typing import Any, NamedTuple


class Chain(NamedTuple):
    """The newest of a chain, and those that it took the place of, newest first."""

    note: dict[str, Any]
    before: list[dict[str, Any]]


def chains(notes: list[dict[str, Any]]) -> list[Chain]:
    """The chains of a list of notes, in its order. A note whose successor is not in the list ends one."""
    by_id = {note["noteId"]: note for note in notes}
    newest = [note for note in notes if note.get("amendedByNoteId") not in by_id]
    return [Chain(note, _before(note, by_id)) for note in newest]


def _before(note: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while (note := by_id.get(note.get("amendsNoteId", ""), {})) and note not in found:
        found.append(note)
    return found
