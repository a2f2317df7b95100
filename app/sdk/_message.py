"""A message that our consumer will understand, or none at all."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from app.ingestion.messages import catalogue
from app.ingestion.messages.envelope import APPLICATION, CONVERSATION, EXPLICIT_ID, PAYLOAD, TIME, TYPE, USER
from app.ingestion.messages.fields import Payload
from app.ingestion.messages.payload import parse_payload
from app.ingestion.messages.rejection import Reason, RejectedError, not_as_modelled
from app.ingestion.messages.writing import write_payload, write_time
from app.sdk._defaults import MAX_MESSAGE_BYTES


class InvalidMessageError(ValueError):
    """A message that our consumer would set aside. ``path`` names the failing field; no value is quoted.

    ``reason`` and ``path`` are those that its dead letter would have: the path of a key of the payload,
    or the name of a field of the entry.
    """

    def __init__(self, kind: str, why: RejectedError) -> None:
        super().__init__(f"{kind}: {why.path}: {why.error}")
        self.reason = why.reason
        self.path = why.path


class Message:
    """One logical message, valid by the contract, with an identity that it keeps however often it is sent."""

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
        """Build it. Raises InvalidMessageError where our consumer would not take it.

        ``payload`` is the type's payload model, or a mapping by the contract's keys in either style; keys
        beyond the contract are sent as they are. ``conversation`` is needed by chat and write-off types.
        ``event_id`` is the identity: one is made up if none is given, so keep the message for a retry.
        ``at`` is when it happened, with its zone; without it, the order of arrival decides what is newer.
        """
        self.type = type
        self.event_id = str(uuid4()) if event_id is None else event_id
        try:
            text = _payload_text(type, payload)
            named = {
                TYPE: type,
                EXPLICIT_ID: _identity(self.event_id),
                CONVERSATION: conversation,
                USER: user,
                APPLICATION: application,
                TIME: None if at is None else _time(at),
                PAYLOAD: text,
            }
            self._fields = {names[0]: value for names, value in named.items() if value}
            self.payload = as_read(self._fields).payload
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
        raise RejectedError(Reason.INVALID_VALUE, TYPE[0], "not a type of the contract")
    model = catalogue.CATALOGUE[kind]
    if not isinstance(payload, Payload):
        clean = parse_payload(PAYLOAD[0], _written(payload).encode())
        try:
            payload = model.model_validate(clean, extra="allow")
        except ValidationError as error:
            raise not_as_modelled(error) from error
    elif type(payload) is not model:
        said = f"a {type(payload).__name__}, where {model.__name__} is meant"
        raise RejectedError(Reason.INVALID_VALUE, PAYLOAD[0], said)
    return _written(payload)


def _written(payload: Payload | Mapping[str, Any]) -> str:
    try:
        return write_payload(payload)
    except ValueError as error:
        raise RejectedError(Reason.NOT_JSON, PAYLOAD[0], str(error)) from error


def _identity(event_id: str) -> str:
    if not event_id.strip():
        raise RejectedError(Reason.INVALID_VALUE, EXPLICIT_ID[0], "blank: it is the message's identity")
    return event_id


def _time(at: datetime) -> str:
    try:
        return write_time(at)
    except ValueError as error:
        raise RejectedError(Reason.INVALID_VALUE, TIME[0], str(error)) from error


def as_read(fields: Mapping[str, str]) -> catalogue.Message:
    """What our own consumer makes of an entry of a known type. Raises RejectedError as it does."""
    # Half a character cannot be encoded: let through as it is, it is refused at the door, by its field.
    entry = {name.encode(): value.encode(errors="surrogatepass") for name, value in fields.items()}
    message = catalogue.read_entry("inbox", b"0-0", entry, MAX_MESSAGE_BYTES)
    assert message is not None, "the type is in the catalogue"
    return message
