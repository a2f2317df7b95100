"""Entries set aside: what a dead letter holds (contract: "What cannot be used")."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from app.ingestion.envelope import entry_type
from app.ingestion.unusable import Unusable

BASE64 = "base64:"


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
        original = {_text(name): _text(value) for name, value in self.fields.items()}
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


def _text(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = BASE64
    if text.startswith(BASE64):  # Or it would be read back as what it only looks like.
        return BASE64 + base64.b64encode(raw).decode()
    return text
