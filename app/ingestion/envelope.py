"""From the fields of a stream entry to a message with an identity (contract: "The stream")."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from app.aggregates import Source
from app.ingestion.payload import flat_payload, parse_payload, without_nul
from app.ingestion.unusable import Reason, Unusable

TYPE = ("msg_type", "typ", "event_type")
CONVERSATION = ("cid", "conv", "conversation_id")
USER = ("usr", "user_id")
APPLICATION = ("app_number", "application_number", "applicationNumber")
EXPLICIT_ID = ("event_id", "id")
SEQUENCE = ("seq", "c_seq")
PAYLOAD = ("dat", "payload")
TIME = ("timestamp", "created_at")
PAYLOAD_TIME = ("changed_at", "changedAt", "timestamp")

_ENVELOPE_ONLY = frozenset(
    (*TYPE, *CONVERSATION, *USER, *EXPLICIT_ID, *SEQUENCE, "cause", "agt", "rec", "cls")
)
_LONGEST_ID = 200
_LONGEST_NAME = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message as received: its type and payload, what its fields say, and its identity."""

    entry_id: str
    type: str
    source: Source
    payload: dict[str, Any]
    conversation: str | None
    user: str | None
    application: str | None


def open_entry(
    stream: str,
    entry_id: bytes,
    fields: Mapping[bytes, bytes],
    max_bytes: int,
    *,
    free_form: bool = False,
    parse: Callable[[str, dict[str, Any]], dict[str, Any]] | None = None,
) -> Envelope:
    """Read one entry. Raises Unusable, with the reason and the field, for one that never can be used.

    In a ``free_form`` payload, a key that is named like a time need not be one. An installed parser may
    ``parse`` the payload: all but the identity is then read from its result. What it raises is passed on.
    """
    if sum(map(len, fields)) + sum(map(len, fields.values())) > max_bytes:
        raise Unusable(Reason.TOO_LARGE, "entry", f"larger than {max_bytes} bytes")
    texts = _texts(fields)
    message_type = _first(texts, TYPE)
    if message_type is None:
        raise Unusable(Reason.NO_TYPE, TYPE[0], f"none of {', '.join(TYPE)} is present")
    payload = _payload(texts)
    name = entry_id.decode()
    identity = _identity(stream, name, message_type, texts, payload)
    if parse is not None:
        payload = parse(message_type, payload)
    upstream = (
        _time(payload, PAYLOAD_TIME, tolerant=free_form)
        or _time(texts, TIME)
        or _time(payload, ("created_at", "createdAt"), tolerant=free_form)
    )
    source = Source(
        message_id=identity,
        received_at=_received_at(name),
        upstream_time=upstream,
    )
    return Envelope(
        entry_id=name,
        type=message_type,
        source=source,
        payload=payload,
        conversation=_named(texts, CONVERSATION) or _text(payload, "conversation_id", "conversationId"),
        user=_named(texts, USER),
        application=_named(texts, APPLICATION) or _text(payload, *APPLICATION),
    )


def unopened(stream: str, entry_id: bytes, kind: str) -> Envelope:
    """The envelope of an entry whose payload could not be read: a place in the stream, and a type."""
    name = entry_id.decode()
    source = Source(f"entry:{stream}/{name}", _received_at(name))
    return Envelope(name, kind, source, payload={}, conversation=None, user=None, application=None)


def entry_type(fields: Mapping[bytes, bytes]) -> str | None:
    """The message type alone, for entries that were not opened."""
    for name in TYPE:
        if value := fields.get(name.encode()):
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
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        msg = "outside the years 1 to 9999"
        raise ValueError(msg) from error


def _received_at(entry_id: str) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=int(entry_id.partition("-")[0]))
    except OverflowError:
        # A publisher may choose the id, and 64 bits reach beyond what a date can hold.
        return datetime.max.replace(tzinfo=UTC)


def _texts(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in fields.items():
        try:
            key = name.decode()
        except UnicodeDecodeError as error:
            raise Unusable(Reason.NOT_UTF8, "entry", "a field's name is not UTF-8") from error
        try:
            text = value.decode()
        except UnicodeDecodeError as error:
            raise Unusable(Reason.NOT_UTF8, key, "the value is not UTF-8") from error
        if text:
            texts[key] = text
    return texts


def _first(texts: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    for name in names:
        if (value := texts.get(name)) is not None:
            return without_nul(value)
    return None


def _named(texts: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """An identifier: without spaces around it, and 256 characters at most."""
    for name in names:
        if value := without_nul(texts.get(name, "")).strip():
            return _bounded(name, value)
    return None


def _text(payload: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = payload.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and (text := str(value).strip()):
            return _bounded(name, text)
    return None


def _bounded(name: str, identifier: str) -> str:
    if len(identifier) > _LONGEST_NAME:
        raise Unusable(Reason.INVALID_VALUE, name, f"longer than {_LONGEST_NAME} characters")
    return identifier


def _time(values: Mapping[str, Any], names: tuple[str, ...], *, tolerant: bool = False) -> datetime | None:
    for name in names:
        if (value := values.get(name)) is not None and value != "":
            try:
                return parse_time(value)
            except ValueError as error:
                if tolerant:
                    continue
                raise Unusable(Reason.INVALID_VALUE, name, "not an ISO 8601 time") from error
    return None


def _payload(texts: Mapping[str, str]) -> dict[str, Any]:
    for name in PAYLOAD:
        if (text := texts.get(name)) is not None:
            return parse_payload(name, text)
    # Older chat publishers put the payload's keys straight into the entry.
    return flat_payload((name, text) for name, text in texts.items() if name not in _ENVELOPE_ONLY)


def _identity(
    stream: str, entry_id: str, message_type: str, texts: Mapping[str, str], payload: dict[str, Any]
) -> str:
    """The identity of a logical message, by the contract's three steps.

    Fixed for ever: stored events hold it. All of a message's events do, so it must stay short.
    """
    if explicit := (_first(texts, EXPLICIT_ID) or "").strip():
        if len(explicit) > _LONGEST_ID:
            return f"digest:{hashlib.sha256(explicit.encode()).hexdigest()[:40]}"
        return f"id:{explicit}"
    if (cause := texts.get("cause")) is not None:
        parts = [message_type, _first(texts, CONVERSATION), cause, _first(texts, SEQUENCE), payload]
        canonical = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
        return f"digest:{hashlib.sha256(canonical).hexdigest()[:40]}"
    return f"entry:{stream}/{entry_id}"
