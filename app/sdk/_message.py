"""Messages that are valid by construction, publishing them, and our consumer's verdict on an entry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from pydantic import ValidationError
from redis import Redis

from app.ingestion.messages import catalogue, envelope
from app.ingestion.messages.fields import Payload
from app.ingestion.messages.parsers import NO_PARSERS, Parsers, load_parsers
from app.ingestion.messages.payload import parse_payload
from app.ingestion.messages.rejection import Reason, RejectedError, failed, not_as_modelled
from app.ingestion.messages.writing import write_payload, write_time
from app.ingestion.stream.publish import publish as publish_entries
from app.runtime.settings.settings import Settings

INBOX_STREAM = str(Settings.model_fields["inbox_stream"].default)
MAX_MESSAGE_BYTES = int(Settings.model_fields["max_message_bytes"].default)
ENTRY_ID = b"253402300799999-0"
"""So late that no time in the message is ahead of it."""


class InvalidMessageError(ValueError):
    """A message that our consumer would reject. ``path`` names the failing field; no value is quoted.

    ``reason`` and ``path`` are those of its dead letter: ``path`` is a key of the payload, or a field of the
    entry.
    """

    def __init__(self, kind: str, why: RejectedError) -> None:
        super().__init__(f"{kind}: {why.path}: {why.error}")
        self.reason = why.reason
        self.path = why.path


class Message:
    """One message, valid by the contract. It keeps its identity however often it is sent."""

    def __init__(
        self,
        type: str,
        payload: Payload | Mapping[str, Any],
        *,
        conversation: str | None = None,
        user: str | None = None,
        application: str | None = None,
        event_id: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """Build it. Raises InvalidMessageError if our consumer would reject it.

        ``payload`` is the type's payload model, or a mapping with the contract's keys in either style; other
        keys are sent as they are. Chat and write-off types need a ``conversation``. ``event_id`` is the
        identity, generated if absent: keep the message for retries. ``at`` is when it happened, with a time
        zone; without it, the order of arrival decides what is newer.
        """
        self.type = type
        self.event_id = str(uuid4()) if event_id is None else event_id
        try:
            if not self.event_id.strip():
                raise RejectedError(
                    Reason.INVALID_VALUE, envelope.EXPLICIT_ID[0], "blank: it is the message's identity"
                )
            text = _payload_text(type, payload)
            named = {
                envelope.TYPE: type,
                envelope.EXPLICIT_ID: self.event_id,
                envelope.CONVERSATION: conversation,
                envelope.USER: user,
                envelope.APPLICATION: application,
                envelope.TIME: None if at is None else _written_time(at),
                envelope.PAYLOAD: text,
            }
            self._fields = {names[0]: value for names, value in named.items() if value}
            message = as_read(self._fields)
            if unreadable := message.unreadable:
                raise RejectedError(Reason.INVALID_VALUE, unreadable[0], "it would be dropped as unreadable")
            self.payload = message.payload
            """The payload as our consumer reads it."""
        except RejectedError as why:
            raise InvalidMessageError(type, why) from why

    def fields(self) -> dict[str, str]:
        """The entry, as XADD takes it."""
        return dict(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash((self.type, self.event_id))

    def __repr__(self) -> str:
        """Without the payload, which may be personal."""
        return f"Message({self.type!r}, event_id={self.event_id!r})"


def _payload_text(kind: str, payload: Payload | Mapping[str, Any]) -> str:
    if kind not in catalogue.CATALOGUE:
        raise RejectedError(Reason.INVALID_VALUE, envelope.TYPE[0], "not a type of the contract")
    model = catalogue.CATALOGUE[kind]
    if not isinstance(payload, Payload):
        clean = parse_payload(envelope.PAYLOAD[0], _written(payload).encode())
        try:
            payload = model.model_validate(clean, extra="allow")
        except ValidationError as error:
            raise not_as_modelled(error) from error
    elif type(payload) is not model:
        said = f"a {type(payload).__name__} instead of a {model.__name__}"
        raise RejectedError(Reason.INVALID_VALUE, envelope.PAYLOAD[0], said)
    return _written(payload)


def _written(payload: Payload | Mapping[str, Any]) -> str:
    try:
        return write_payload(payload)
    except ValueError as error:
        raise RejectedError(Reason.NOT_JSON, envelope.PAYLOAD[0], str(error)) from error


def _written_time(at: datetime) -> str:
    try:
        return write_time(at)
    except ValueError as error:
        raise RejectedError(Reason.INVALID_VALUE, envelope.TIME[0], str(error)) from error


def as_read(fields: Mapping[str, str]) -> catalogue.Message:
    """An entry of a known type, as our consumer reads it. Raises RejectedError as it does."""
    message = catalogue.read_entry("inbox", ENTRY_ID, as_bytes(fields), MAX_MESSAGE_BYTES)
    assert message is not None, "the type is in the catalogue"
    return message


def as_bytes(fields: Mapping[str, str] | Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """The fields as Redis has them. Lone surrogates are kept, so that parsing rejects them by field."""
    return {_bytes(name): _bytes(value) for name, value in fields.items()}


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode(errors="surrogatepass")


def publish(client: Redis, messages: Sequence[Message], *, stream: str = INBOX_STREAM) -> int:
    """XADD all messages, in order, a thousand in a round trip. Returns how many.

    Raises redis's errors: some messages may be on the stream then. Publish them again: each message keeps
    its identity, and what arrives twice is absorbed once.
    """
    return publish_entries(client, stream, (message.fields() for message in messages))


@dataclass(frozen=True)
class Accepted:
    """The message is valid. ``dropped`` are the paths of optional parts that cannot be read.

    ``identity`` is None if the entry has none: sent again, it would be another message.
    """

    type: str
    identity: str | None
    payload: Payload
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class NotConsumed:
    """A type that we do not consume: acknowledged and counted. This is no error."""

    type: str


@dataclass(frozen=True)
class Refused:
    """It would become a dead letter: the reason code, the path of the failing field, and the error."""

    reason: Reason
    path: str
    error: str


Verdict = Accepted | NotConsumed | Refused


def validate(
    fields: Mapping[str, str] | Mapping[bytes, bytes],
    *,
    parsers: Parsers = NO_PARSERS,
    max_bytes: int = MAX_MESSAGE_BYTES,
) -> Verdict:
    """Our consumer's verdict on the raw fields of an entry.

    ``parsers`` are those installed beside the consumer, if any: ``installed_parsers()``, or your own.
    """
    entry = as_bytes(fields)
    try:
        message = catalogue.read_entry("inbox", ENTRY_ID, entry, max_bytes, parsers)
    except RejectedError as rejected:
        return Refused(rejected.reason, rejected.path, rejected.error)
    if message is None:
        return NotConsumed(envelope.entry_type(entry) or "")
    if message.failure is not None:
        why = failed(message.failure)
        return Refused(why.reason, why.path, why.error)
    identity = message.envelope.source.message_id
    named = None if identity.startswith("entry:") else identity
    return Accepted(message.envelope.type, named, message.payload, tuple(message.unreadable))


def installed_parsers() -> Parsers:
    """The parsers of the installed packages. Raises ParserError if one cannot be used."""
    return load_parsers(catalogue.CATALOGUE)


def message_types() -> dict[str, type[Payload]]:
    """Every type that we consume, with its payload's model."""
    return dict(catalogue.CATALOGUE)
