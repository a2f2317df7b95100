"""Stream entries for tests of ingestion."""

import json
from typing import Any, NoReturn

from app.aggregates import Conversation
from app.event_store.application import Servicing
from app.ingestion.messages.catalogue import Message, read_entry

MAX_BYTES = 256 * 1024


def fields(entry: dict[str, Any]) -> dict[bytes, bytes]:
    """An entry's fields as Redis gives them; what is no text becomes JSON."""
    return {
        name.encode(): (value if isinstance(value, str) else json.dumps(value)).encode()
        for name, value in entry.items()
    }


def read(entry: dict[str, Any], entry_id: str = "1772366400000-0") -> Message | None:
    """What ingestion makes of an entry on the stream ``inbox``."""
    return read_entry("inbox", entry_id.encode(), fields(entry), MAX_BYTES)


def message(entry: dict[str, Any], entry_id: str = "1772366400000-0") -> Message:
    """The same, of a type that is consumed."""
    found = read(entry, entry_id)
    assert found is not None
    return found


def said(number: int, conversation: str = "V1") -> Message:
    """Utterance ``number`` of a conversation, with an id of its own."""
    return message({"typ": "user_input", "cid": conversation, "id": f"e{number}", "utterance": f"{number}"})


def heard(servicing: Servicing, conversation: str = "V1") -> list[str | None]:
    """The utterances of a conversation that are stored, in order."""
    events = servicing.events.get(Conversation.id_of(conversation))
    return [event.utterance for event in events if isinstance(event, Conversation.UtteranceAdded)]


def raising(error: Exception, number: int = 9) -> Message:
    """The same, but that its command fails."""

    def command(*_arguments: Any) -> NoReturn:
        raise error

    return said(number)._replace(command=command)
