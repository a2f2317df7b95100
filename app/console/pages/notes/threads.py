"""Note threads: an amended note and its earlier versions, shown as one note."""

from typing import NamedTuple

from app.console.session.rest import Json


class Thread(NamedTuple):
    """The current note, and its earlier versions, newest first."""

    note: Json
    earlier: list[Json]


def threads(notes: list[Json]) -> list[Thread]:
    """The threads in a list of notes, in its order. A note whose amendment is not in the list heads one."""
    by_id = {note["noteId"]: note for note in notes}
    current = [note for note in notes if note.get("amendedByNoteId") not in by_id]
    return [Thread(note, _earlier(note, by_id)) for note in current]


def _earlier(note: Json, by_id: dict[str, Json]) -> list[Json]:
    found: list[Json] = []
    while (note := by_id.get(note.get("amendsNoteId", ""), {})) and note not in found:
        found.append(note)
    return found
