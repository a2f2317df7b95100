"""A dead letter: an entry that was set aside, with the reason (contract: "What cannot be used")."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson
from pydantic import Field

from app.ingestion.messages.envelope import entry_type
from app.ingestion.messages.rejection import Reason, RejectedError
from app.runtime.camel_model import CamelModel

FIELDS = ("entry", "entry_id", "stream", "type", "reason", "path", "error", "deliveries", "at")
"""The fields of an entry on the dead-letter stream. An entry without all of them is another program's."""

_BASE64 = "base64:"
_LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


class DeadLetter(CamelModel):
    """A dead letter without its entry; ``path`` names the failing field."""

    dead_letter_id: str
    entry_id: str = Field(description="The id that the original entry had on its stream.")
    stream: str
    type: str = Field(description="Empty where the entry named none.")
    reason: str
    path: str
    error: str
    deliveries: int
    at: datetime

    @classmethod
    def read(cls, dead_letter_id: str, fields: Mapping[str, str]) -> "DeadLetter":
        """A dead letter from its fields in Redis. Shows as much as possible of another program's entry."""
        try:
            deliveries, at = int(fields["deliveries"]), datetime.fromisoformat(fields["at"])
        except (KeyError, ValueError):
            added = min(int(dead_letter_id.split("-")[0]) / 1e3, _LATEST)
            deliveries, at = 0, datetime.fromtimestamp(added, UTC)
        is_ours = _is_ours(fields)
        return DeadLetter(
            dead_letter_id=dead_letter_id,
            entry_id=fields.get("entry_id", ""),
            stream=fields.get("stream", ""),
            type=fields.get("type", ""),
            reason=fields["reason"] if is_ours else Reason.FOREIGN,
            path=fields.get("path", ""),
            error=fields["error"] if is_ours else "not set aside by this system",
            deliveries=deliveries,
            at=at,
        )


class DeadLetterInFull(DeadLetter):
    """A dead letter with the original entry; bytes that are not UTF-8 stand there as ``base64:…``."""

    entry: dict[str, str]

    def original(self) -> dict[bytes, bytes]:
        """The fields of the original entry, to the byte."""
        return {to_bytes(name): to_bytes(value) for name, value in self.entry.items()}

    @classmethod
    def read(cls, dead_letter_id: str, fields: Mapping[str, str]) -> "DeadLetterInFull":
        """As :meth:`DeadLetter.read`, with the entry."""
        entry = orjson.loads(fields["entry"]) if _is_ours(fields) else dict(fields)
        return cls(**DeadLetter.read(dead_letter_id, fields).model_dump(), entry=entry)


def record_of(
    stream: str, entry_id: str, fields: Mapping[bytes, bytes], why: RejectedError, deliveries: int
) -> dict[str, str]:
    """The fields of the dead-letter stream's entry; ``entry`` is the original one, as JSON."""
    return {
        "entry": orjson.dumps({to_text(name): to_text(value) for name, value in fields.items()}).decode(),
        "entry_id": entry_id,
        "stream": stream,
        "type": entry_type(fields) or "",
        "reason": str(why.reason),
        "path": why.path,
        "error": why.error,
        "deliveries": str(deliveries),
        "at": datetime.now(UTC).isoformat(),
    }


def to_text(raw: bytes) -> str:
    """Bytes as a dead letter holds them: text, or ``base64:`` and their base64."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = _BASE64
    if text.startswith(_BASE64):  # Text with this prefix would be decoded when it is read back.
        return _BASE64 + base64.b64encode(raw).decode()
    return text


def to_bytes(text: str) -> bytes:
    """The inverse of :func:`to_text`."""
    return base64.b64decode(text.removeprefix(_BASE64)) if text.startswith(_BASE64) else text.encode()


def _is_ours(fields: Mapping[str, str]) -> bool:
    return fields.keys() >= set(FIELDS)
