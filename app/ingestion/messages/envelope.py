"""From the fields of a stream entry to a message with an identity (contract: "The stream")."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from app.aggregates import Source
from app.ingestion.messages.payload import flat_payload, parse_payload, without_nul
from app.ingestion.messages.rejection import Reason, RejectedError

TYPE = ("msg_type", "typ", "event_type")
CONVERSATION = ("cid", "conv", "conversation_id")
USER = ("usr", "user_id")
APPLICATION = ("app_number", "application_number", "applicationNumber")
EXPLICIT_ID = ("event_id", "id")
SEQUENCE = ("seq", "c_seq")
PAYLOAD = ("dat", "payload")
TIME = ("timestamp", "created_at")
PAYLOAD_TIME = ("changed_at", "changedAt", "timestamp")


def _in_bytes(names: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(name.encode() for name in names)


# Fields are looked up as they come, in bytes: a field that nobody asks for is never decoded.
_TYPE, _CONVERSATION, _USER, _APPLICATION, _EXPLICIT_ID, _SEQUENCE, _PAYLOAD, _TIME = map(
    _in_bytes, (TYPE, CONVERSATION, USER, APPLICATION, EXPLICIT_ID, SEQUENCE, PAYLOAD, TIME)
)
_ENVELOPE_ONLY = frozenset(
    (
        *(*_TYPE, *_CONVERSATION, *_USER, *_EXPLICIT_ID, *_SEQUENCE),
        *(b"cause", b"agt", b"rec", b"cls", b"traceparent", b"tracestate"),
    )
)
_LONGEST_ID = 200
LONGEST_NAME = 256
"""Characters of an identifier."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_2100_MS = 4_102_444_800_000
"""Until then a float of seconds tells each millisecond."""


Fields = Mapping[bytes, bytes]


class Envelope(NamedTuple):
    """A message as received: its type and payload, what its fields say, and its identity."""

    entry_id: str
    type: str
    source: Source
    payload: dict[str, Any]
    conversation: str | None
    user: str | None
    application: str | None

    def subject(self) -> str:
        """What the conversation names. Raises RejectedError without one."""
        if self.conversation is None:
            absent = f"none of {', '.join(CONVERSATION)} is present"
            raise RejectedError(Reason.MISSING_KEY, CONVERSATION[0], absent)
        return self.conversation


def open_entry(
    stream: str,
    entry_id: bytes,
    fields: Fields,
    max_bytes: int,
    *,
    free_form: bool = False,
    parse: Callable[[str, dict[str, Any]], dict[str, Any]] | None = None,
) -> Envelope:
    """Read one entry. Raises RejectedError, with the reason and the field, for one that never can be used.

    In a ``free_form`` payload, a key that is named like a time need not be one. An installed parser may
    ``parse`` the payload: all but the identity is then read from its result. What it raises is passed on.
    """
    _check_bytes(fields, max_bytes)
    message_type = _first(fields, _TYPE)
    if message_type is None:
        raise RejectedError(Reason.NO_TYPE, TYPE[0], f"none of {', '.join(TYPE)} is present")
    payload = _read_payload(fields)
    name = entry_id.decode()
    identity = _identity(stream, name, message_type, fields, payload)
    if parse is not None:
        payload = parse(message_type, payload)
    upstream = (
        _time(payload, PAYLOAD_TIME, tolerant=free_form)
        or _field_time(fields)
        or _time(payload, ("created_at", "createdAt"), tolerant=free_form)
    )
    source = Source(identity, _received_at(name), upstream)
    return Envelope(
        name,
        message_type,
        source,
        payload,
        _named(fields, _CONVERSATION) or _text(payload, ("conversation_id", "conversationId")),
        _named(fields, _USER),
        _named(fields, _APPLICATION) or _text(payload, APPLICATION),
    )


def unopened(stream: str, entry_id: bytes, kind: str) -> Envelope:
    """The envelope of an entry whose payload could not be read: a place in the stream, and a type."""
    name = entry_id.decode()
    source = Source(f"entry:{stream}/{name}", _received_at(name))
    return Envelope(name, kind, source, payload={}, conversation=None, user=None, application=None)


def entry_type(fields: Fields) -> str | None:
    """The message type alone, for entries that were not opened."""
    for name in _TYPE:
        if value := fields.get(name):
            return value.decode(errors="replace")
    return None


def parse_time(value: Any) -> datetime:
    """ISO 8601 with ``Z``, an offset, or naive (UTC) as an aware time in UTC. Raises ValueError."""
    if not isinstance(value, str):
        msg = "not an ISO 8601 time"
        raise ValueError(msg)
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        # The library's message quotes the value, which may be personal.
        msg = "not an ISO 8601 time"
        raise ValueError(msg) from None
    if moment.tzinfo is UTC:
        return moment
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        msg = "outside the years 1 to 9999"
        raise ValueError(msg) from error


def is_time(value: Any) -> bool:
    """Whether :func:`parse_time` takes it."""
    try:
        parse_time(value)
    except ValueError:
        return False
    return True


def _received_at(entry_id: str) -> datetime:
    ms = int(entry_id.partition("-")[0])
    if ms < _YEAR_2100_MS:
        return datetime.fromtimestamp(ms / 1_000, UTC)
    try:
        return _EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        # A publisher may choose the id, and 64 bits reach beyond what a date can hold.
        return datetime.max.replace(tzinfo=UTC)


def _check_bytes(fields: Fields, max_bytes: int) -> None:
    """Not too many of them, and all of them UTF-8.

    Looked at all together, which is far faster: a line feed between two ends any character left open.
    """
    together = b"\n".join((*fields, *fields.values()))
    if len(together) - 2 * len(fields) >= max_bytes:
        raise RejectedError(Reason.TOO_LARGE, "entry", f"larger than {max_bytes} bytes")
    if together.isascii():
        return
    try:
        together.decode()
    except UnicodeDecodeError:
        for name, value in fields.items():
            _decoded(value, _decoded(name, "entry", "a field's name"), "the value")


def _decoded(raw: bytes, path: str, what: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise RejectedError(Reason.NOT_UTF8, path, f"{what} is not UTF-8") from error


def _first(fields: Fields, names: tuple[bytes, ...]) -> str | None:
    for name in names:
        if value := fields.get(name):
            return without_nul(value.decode())
    return None


def _named(fields: Fields, names: tuple[bytes, ...]) -> str | None:
    """An identifier: without spaces around it, and 256 characters at most."""
    for name in names:
        if (raw := fields.get(name)) and (value := without_nul(raw.decode()).strip()):
            return _bounded(name.decode(), value)
    return None


def _text(payload: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = payload.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and (text := str(value).strip()):
            return _bounded(name, text)
    return None


def _bounded(name: str, identifier: str) -> str:
    if len(identifier) > LONGEST_NAME:
        raise RejectedError(Reason.INVALID_VALUE, name, f"longer than {LONGEST_NAME} characters")
    return identifier


def _time(payload: Mapping[str, Any], names: tuple[str, ...], *, tolerant: bool) -> datetime | None:
    for name in names:
        if (value := payload.get(name)) is not None and value != "":
            try:
                return parse_time(value)
            except ValueError as error:
                if tolerant:
                    continue
                raise RejectedError(Reason.INVALID_VALUE, name, "not an ISO 8601 time") from error
    return None


def _field_time(fields: Fields) -> datetime | None:
    for name in _TIME:
        if raw := fields.get(name):
            try:
                return parse_time(raw.decode())
            except ValueError as error:
                raise RejectedError(Reason.INVALID_VALUE, name.decode(), "not an ISO 8601 time") from error
    return None


def _read_payload(fields: Fields) -> dict[str, Any]:
    for name in _PAYLOAD:
        if raw := fields.get(name):
            return parse_payload(name.decode(), raw)
    # Older chat publishers put the payload's keys straight into the entry.
    return flat_payload(
        (name.decode(), value.decode())
        for name, value in fields.items()
        if value and name not in _ENVELOPE_ONLY
    )


def _identity(stream: str, entry_id: str, message_type: str, fields: Fields, payload: dict[str, Any]) -> str:
    """The identity of a logical message, by the contract's three steps.

    Fixed for ever: stored events hold it. All of a message's events do, so it must stay short.
    """
    if explicit := (_first(fields, _EXPLICIT_ID) or "").strip():
        if len(explicit) > _LONGEST_ID:
            return f"digest:{hashlib.sha256(explicit.encode()).hexdigest()[:40]}"
        return f"id:{explicit}"
    if cause := fields.get(b"cause"):
        parts = [
            message_type,
            _first(fields, _CONVERSATION),
            cause.decode(),
            _first(fields, _SEQUENCE),
            payload,
        ]
        canonical = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
        return f"digest:{hashlib.sha256(canonical).hexdigest()[:40]}"
    return f"entry:{stream}/{entry_id}"
