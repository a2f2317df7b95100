"""From the fields of a stream entry to a message with an identity (contract: "The stream")."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from app.aggregates import Source
from app.ingestion.unusable import Reason, Unusable

TYPE = ("msg_type", "typ", "event_type")
CONVERSATION = ("cid", "conv", "conversation_id")
USER = ("usr", "user_id")
APPLICATION = ("app_number", "application_number", "applicationNumber")
EXPLICIT_ID = ("event_id", "id")
SEQUENCE = ("seq", "c_seq")
PAYLOAD = ("dat", "payload")
TIME = ("timestamp", "created_at")
PAYLOAD_TIME = ("changed_at", "changedAt", "timestamp", "created_at", "createdAt")

_ENVELOPE_ONLY = frozenset(
    (*TYPE, *CONVERSATION, *USER, *EXPLICIT_ID, *SEQUENCE, "cause", "agt", "rec", "cls")
)
_DEEPEST = 64
_INT64 = 2**63
_LONG_NUMBER = re.compile(rb"\d{19}")


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


def open_entry(stream: str, entry_id: bytes, fields: Mapping[bytes, bytes], max_bytes: int) -> Envelope:
    """Read one entry. Raises Unusable, with the reason and the field, for one that never can be."""
    if sum(map(len, fields)) + sum(map(len, fields.values())) > max_bytes:
        raise Unusable(Reason.TOO_LARGE, "entry", f"larger than {max_bytes} bytes")
    texts = _texts(fields)
    message_type = _first(texts, TYPE)
    if message_type is None:
        raise Unusable(Reason.NO_TYPE, TYPE[0], f"none of {', '.join(TYPE)} is present")
    payload = _payload(texts)
    name = entry_id.decode()
    upstream = _time(payload, PAYLOAD_TIME) or _time(texts, TIME)
    source = Source(
        message_id=_identity(stream, name, message_type, texts, payload),
        received_at=datetime.fromtimestamp(int(name.partition("-")[0]) / 1_000, UTC),
        upstream_time=upstream,
    )
    return Envelope(
        entry_id=name,
        type=message_type,
        source=source,
        payload=payload,
        conversation=_first(texts, CONVERSATION) or _text(payload, "conversation_id", "conversationId"),
        user=_first(texts, USER),
        application=_first(texts, APPLICATION) or _text(payload, *APPLICATION),
    )


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
    moment = datetime.fromisoformat(value.strip())
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        msg = "outside the years 1 to 9999"
        raise ValueError(msg) from error


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
            return value.replace("\0", "␀") if "\0" in value else value
    return None


def _text(payload: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = payload.get(name)
        if (isinstance(value, str) and value) or (isinstance(value, int) and not isinstance(value, bool)):
            return str(value)
    return None


def _time(values: Mapping[str, Any], names: tuple[str, ...]) -> datetime | None:
    for name in names:
        if (value := values.get(name)) is not None and value != "":
            try:
                return parse_time(value)
            except ValueError as error:
                raise Unusable(Reason.INVALID_VALUE, name, "not an ISO 8601 time") from error
    return None


def _payload(texts: Mapping[str, str]) -> dict[str, Any]:
    for name in PAYLOAD:
        if (text := texts.get(name)) is not None:
            return _object(name, text)
    # Older chat publishers put the payload's keys straight into the entry.
    return {key: _flat_value(key, value) for key, value in texts.items() if key not in _ENVELOPE_ONLY}


def _flat_value(name: str, text: str) -> Any:
    if text[0] in "[{":
        try:
            return _checked(name, text.encode(), orjson.loads(text))
        except orjson.JSONDecodeError:
            return text  # Somebody may well say something that begins with a bracket.
    return text.replace("\0", "␀")


def _object(name: str, text: str) -> dict[str, Any]:
    raw = text.encode()
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Unusable(Reason.NOT_JSON, name, f"at character {error.pos}: {error.msg}") from error
    if not isinstance(value, dict):
        raise Unusable(Reason.NOT_AN_OBJECT, name, f"a JSON {type(value).__name__}, not an object")
    return dict(_checked(name, raw, value))


def _checked(name: str, raw: bytes, value: Any) -> Any:
    """What no store could keep is refused (depth) or replaced (NUL, integers beyond 64 bits)."""
    deep = raw.count(b"{") + raw.count(b"[") > _DEEPEST
    if deep or b"\\u0000" in raw or b"\0" in raw or _LONG_NUMBER.search(raw):
        return _storable(name, value, 0)
    return value


def _storable(name: str, value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise Unusable(Reason.TOO_DEEP, name, f"nested deeper than {_DEEPEST} levels")
    if isinstance(value, str):
        return value.replace("\0", "␀")
    if isinstance(value, dict):
        return {key.replace("\0", "␀"): _storable(name, item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(name, item, depth + 1) for item in value]
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        return str(value)
    return value


def _identity(
    stream: str, entry_id: str, message_type: str, texts: Mapping[str, str], payload: dict[str, Any]
) -> str:
    """The identity of a logical message, by the contract's three steps."""
    if (explicit := _first(texts, EXPLICIT_ID)) is not None:
        return f"id:{explicit}"
    if (cause := texts.get("cause")) is not None:
        parts = [message_type, _first(texts, CONVERSATION), cause, _first(texts, SEQUENCE), payload]
        canonical = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
        return f"digest:{hashlib.sha256(canonical).hexdigest()[:40]}"
    return f"entry:{stream}/{entry_id}"
