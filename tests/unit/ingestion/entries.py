"""Stream entries for tests of ingestion."""

import json
from collections.abc import Callable
from typing import Any, NoReturn, cast

from app.aggregates import Conversation
from app.event_store.application import Servicing
from app.event_store.unit_of_work import UnitOfWork
from app.ingestion.messages.catalogue import Message, read_entry
from app.ingestion.messages.envelope import Envelope
from app.ingestion.messages.fields import Payload

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

    def apply(*_arguments: Any) -> NoReturn:
        raise error

    return doing(said(number), apply)


class _Doing:
    def __init__(self, payload: Payload, apply: Callable[[UnitOfWork, Envelope], None]) -> None:
        self.concerns, self.apply = payload.concerns, apply


def doing(message: Message, apply: Callable[[UnitOfWork, Envelope], None]) -> Message:
    """The message, but that something else is applied."""
    return message._replace(payload=cast("Payload", _Doing(message.payload, apply)))
