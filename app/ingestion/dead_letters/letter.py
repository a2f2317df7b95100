"""Entries set aside: what a dead letter holds (contract: "What cannot be used")."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from app.ingestion.messages.envelope import entry_type
from app.ingestion.messages.rejection import Unusable

_BASE64 = "base64:"


@dataclass(frozen=True)
class DeadLetter:
    """An entry, whole, with why it was set aside, and when."""

    stream: str
    entry_id: str
    fields: Mapping[bytes, bytes]
    why: Unusable
    deliveries: int

    def as_entry(self) -> dict[str, str]:
        """The fields of the dead-letter stream's entry; ``entry`` is the original one, as JSON.

        Bytes that are not UTF-8 stand there as ``base64:`` and their base64.
        """
        original = {to_text(name): to_text(value) for name, value in self.fields.items()}
        return {
            "entry": orjson.dumps(original).decode(),
            "entry_id": self.entry_id,
            "stream": self.stream,
            "type": entry_type(self.fields) or "",
            "reason": str(self.why.reason),
            "path": self.why.path,
            "error": self.why.error,
            "deliveries": str(self.deliveries),
            "at": datetime.now(UTC).isoformat(),
        }


def to_text(raw: bytes) -> str:
    """Bytes as a dead letter holds them: text, or ``base64:`` and their base64."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = _BASE64
    if text.startswith(_BASE64):  # Or it would be read back as what it only looks like.
        return _BASE64 + base64.b64encode(raw).decode()
    return text


def to_bytes(text: str) -> bytes:
    """The bytes that :func:`to_text` made the text of."""
    return base64.b64decode(text.removeprefix(_BASE64)) if text.startswith(_BASE64) else text.encode()
