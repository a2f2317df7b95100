"""Reads an entry's fields: type, payload, participants, time and identity (contract, "The stream")."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import orjson
from pydantic.alias_generators import to_camel

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
_OWN_TIME = ("changed_at", "timestamp", "last_updated", "verified_at")
PAYLOAD_TIME = tuple(style for name in _OWN_TIME for style in dict.fromkeys((name, to_camel(name))))
"""The keys of a payload that hold the message's own time, which outranks the entry's."""
ENTRY_FIELDS = frozenset((*APPLICATION, *TIME))
"""Fields of an entry beside a flat payload's keys."""
LONGEST_ID = 200
"""Characters of an identifier."""
AHEAD = "ahead:"
"""Stands before the type and path of a time that was ahead, where these are counted."""


# Redis returns bytes: only the fields that are needed are decoded.
_TYPE, _CONVERSATION, _USER, _APPLICATION, _EXPLICIT_ID, _SEQUENCE, _PAYLOAD = (
    tuple(map(str.encode, names))
    for names in (TYPE, CONVERSATION, USER, APPLICATION, EXPLICIT_ID, SEQUENCE, PAYLOAD)
)
_ENVELOPE_ONLY = frozenset(
    (
        *(*_TYPE, *_CONVERSATION, *_USER, *_EXPLICIT_ID, *_SEQUENCE),
        *(b"cause", b"agt", b"rec", b"cls", b"traceparent", b"tracestate"),
    )
)
_EPOCH, _LATEST_MS = datetime.fromtimestamp(0, UTC), 253_402_300_799_999
_AHEAD = timedelta(minutes=10)
"""How far a publisher's clock may be ahead of the stream's."""
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?([Zz]|[+-]\d\d(:?\d\d)?)?", re.ASCII)
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
Fields = Mapping[bytes, bytes]


@dataclass
class Reading:
    """What was not taken as received, by path: parts that cannot be read, and times that are ahead.

    A time is ahead if it is more than ten minutes after ``received_at``, when the entry came in.
    """

    received_at: datetime
    unreadable: set[str] = field(default_factory=set)
    ahead: set[str] = field(default_factory=set)

    def time(self, path: str, value: Any) -> datetime:
        """The time in ``value``, or when the entry came in if that is ahead. Raises ValueError."""
        at = parse_time(value)
        if at - self.received_at <= _AHEAD:
            return at
        self.ahead.add(path)
        return self.received_at


class Envelope(NamedTuple):
    """A message as received: its type and payload, what its fields say, and its identity.

    ``is_flat``: the payload's keys are fields of the entry, among those of the envelope.
    """

    entry_id: str
    type: str
    source: Source
    payload: dict[str, Any]
    conversation: str | None
    user: str | None
    application: str | None
    cause: str | None
    is_flat: bool
    reading: Reading

    def subject(self) -> str:
        """The conversation's identifier. Raises RejectedError without one."""
        if self.conversation is None:
            if CONVERSATION[0] in self.reading.unreadable:
                raise RejectedError(Reason.INVALID_VALUE, CONVERSATION[0], _NO_IDENTIFIER)
            raise _absent(Reason.MISSING_KEY, CONVERSATION)
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
    """Read one entry. Raises RejectedError, with the reason and the field, for one that cannot be used.

    In a ``free_form`` payload, a key that is named like a time may hold anything. ``parse`` is an installed
    parser: all but the identity is then read from its result. Its errors are passed on.
    """
    _check_bytes(fields, max_bytes)
    message_type = _first(fields, _TYPE)
    if message_type is None:
        raise _absent(Reason.NO_TYPE, TYPE)
    is_flat, payload = _read_payload(fields)
    name = entry_id.decode()
    identity = _identity(stream, name, message_type, fields, payload)
    if parse is not None:
        payload = parse(message_type, payload)
    reading = Reading(_received_at(name))
    upstream = (
        _time(reading, payload, PAYLOAD_TIME, counted=not free_form)
        or _time(reading, {each: _first(fields, (each.encode(),)) for each in TIME}, TIME, counted=True)
        or _time(reading, payload, ("created_at", "createdAt"), counted=not free_form)
    )
    return Envelope(
        name,
        message_type,
        Source(identity, reading.received_at, upstream),
        payload,
        _named(reading, fields, _CONVERSATION, payload, ("conversation_id", "conversationId")),
        _named(reading, fields, _USER),
        _named(reading, fields, _APPLICATION, payload, APPLICATION),
        _first(fields, (b"cause",)),
        is_flat,
        reading,
    )


def unopened(stream: str, entry_id: bytes, kind: str) -> Envelope:
    """The envelope of an entry whose payload could not be read: its place in the stream, and its type."""
    name = entry_id.decode()
    reading = Reading(_received_at(name))
    source = Source(f"entry:{stream}/{name}", reading.received_at)
    return Envelope(name, kind, source, {}, None, None, None, None, is_flat=False, reading=reading)


def entry_type(fields: Fields) -> str | None:
    """The message type alone; None if there is none."""
    for name in _TYPE:
        if value := fields.get(name, b"").strip():
            return value.decode(errors="replace")
    return None


def identifier(value: Any) -> str:
    """A trimmed text of 1 to 200 characters; a whole number is its digits. Raises ValueError."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(_NO_IDENTIFIER)
    text = str(value).strip()
    if not 0 < len(text) <= LONGEST_ID:
        raise ValueError(_NO_IDENTIFIER)
    return text


_NO_IDENTIFIER = f"not an identifier of 1 to {LONGEST_ID} characters"


def parse_time(value: Any) -> datetime:
    """A time in ISO 8601's extended form, in UTC; one without an offset is UTC. Raises ValueError."""
    try:
        moment = _iso_time(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("outside the years 1 to 9999") from error


def parse_date(value: Any) -> date:
    """``YYYY-MM-DD``, or a time's own day, by the time's own offset. Raises ValueError."""
    text = value.strip() if isinstance(value, str) else ""
    try:
        return date.fromisoformat(text) if _ISO_DATE.fullmatch(text) else _iso_time(text).date()
    except ValueError:
        raise ValueError(_NO_DATE) from None


_NO_DATE = "not a date, YYYY-MM-DD"
_NO_TIME = "not an ISO 8601 time"


def _iso_time(value: Any) -> datetime:
    if not isinstance(value, str) or not _ISO_TIME.fullmatch(text := value.strip()):
        raise ValueError(_NO_TIME)
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:  # The library's message quotes the value, which may be personal.
        raise ValueError(_NO_TIME) from None


def _absent(reason: Reason, names: tuple[str, ...]) -> RejectedError:
    return RejectedError(reason, names[0], f"none of {', '.join(names)} is present")


def _received_at(entry_id: str) -> datetime:
    # A publisher may choose the id, and 64 bits reach beyond what a date can hold.
    return _EPOCH + timedelta(milliseconds=min(int(entry_id.partition("-")[0]), _LATEST_MS))


def _check_bytes(fields: Fields, max_bytes: int) -> None:
    """The entry is within the limit, and UTF-8.

    Decoding all at once is far faster. The line feed between two texts ends an incomplete character.
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
        if (value := fields.get(name)) and (text := without_nul(value.decode()).strip()):
            return text
    return None


def _named(
    reading: Reading,
    fields: Fields,
    names: tuple[bytes, ...],
    payload: Mapping[str, Any] = {},
    keys: tuple[str, ...] = (),
) -> str | None:
    """The first identifier in the fields of these names, then in those keys of the payload."""
    for value in (_first(fields, names), *map(payload.get, keys)):
        if value is not None:
            try:
                return identifier(value)
            except ValueError:
                reading.unreadable.add(names[0].decode())
    return None


def _time(
    reading: Reading, source: Mapping[str, Any], names: tuple[str, ...], *, counted: bool
) -> datetime | None:
    """The first of these values that can be read as a time."""
    for name in names:
        if (value := source.get(name)) is not None:
            try:
                return reading.time(name, value)
            except ValueError:
                if counted:
                    reading.unreadable.add(name)
    return None


def _read_payload(fields: Fields) -> tuple[bool, dict[str, Any]]:
    for name in _PAYLOAD:
        if raw := fields.get(name, b"").strip():
            return False, parse_payload(name.decode(), raw)
    # Older chat publishers put the payload's keys straight into the entry.
    return True, flat_payload(
        (name.decode(), value.decode())
        for name, value in fields.items()
        if value and name not in _ENVELOPE_ONLY
    )


def _identity(stream: str, entry_id: str, message_type: str, fields: Fields, payload: dict[str, Any]) -> str:
    """The identity of a logical message, by the contract's three steps. Each of its events stores it."""
    if explicit := _first(fields, _EXPLICIT_ID):
        if len(explicit) > LONGEST_ID:
            return f"digest:{hashlib.sha256(explicit.encode()).hexdigest()[:40]}"
        return f"id:{explicit}"
    if cause := _first(fields, (b"cause",)):
        parts = [message_type, _first(fields, _CONVERSATION), cause, _first(fields, _SEQUENCE), payload]
        canonical = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
        return f"digest:{hashlib.sha256(canonical).hexdigest()[:40]}"
    return f"entry:{stream}/{entry_id}"
