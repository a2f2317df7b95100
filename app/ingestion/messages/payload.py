"""The payload: JSON text, or loose fields, to a clean dictionary.

Clean means: no nulls and no empty strings in objects (both count as absent), no NUL characters (the
databases refuse them), no integer beyond 64 bits (kept as its digits), nesting within bounds.
"""

import json
import math
from collections.abc import Iterable
from typing import Any

import orjson

from app.ingestion.messages.rejection import Reason, RejectedError

_DEEPEST = 64
"""Objects and arrays inside one another, the payload itself included."""

# Fields of older chat publishers that are written text, even where somebody types brackets.
_PROSE = frozenset(("utterance", "rationale", "content", "post", "reason", "purpose"))

_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19
_INT64 = 2**63


def parse_payload(field: str, raw: bytes) -> dict[str, Any]:
    """The clean JSON object in ``raw``, which is UTF-8.

    Raises RejectedError (not_json, not_an_object, too_deep) about the field of the entry that held it.
    """
    try:
        value = _parsed(field, raw)
    except orjson.JSONDecodeError as error:
        raise RejectedError(Reason.NOT_JSON, field, f"at character {error.pos}: {error.msg}") from error
    if not isinstance(value, dict):
        raise RejectedError(Reason.NOT_AN_OBJECT, field, f"a JSON {type(value).__name__}, not an object")
    clean: dict[str, Any] = _cleaned(field, raw, value)
    return clean


def flat_payload(texts: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The payload of an entry that holds the payload's keys itself; objects and arrays are JSON text."""
    return {without_nul(name): _flat_value(name, text) for name, text in texts}


def without_nul(text: str) -> str:
    """The text with each NUL character replaced by its visible symbol."""
    return text.replace("\0", "␀") if "\0" in text else text


def _flat_value(name: str, text: str) -> Any:
    if text[0] in "[{" and name not in _PROSE:
        raw = text.encode()
        try:
            value = _parsed(name, raw)
        except orjson.JSONDecodeError:
            return without_nul(text)  # It merely begins like JSON.
        return _cleaned(name, raw, value)
    return without_nul(text)


def _parsed(field: str, raw: bytes) -> Any:
    """Raises RejectedError where it is nested too deeply, and orjson.JSONDecodeError for what is not JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if error.msg.startswith("depth limit"):
            raise RejectedError(Reason.TOO_DEEP, field, f"nested deeper than {_DEEPEST} levels") from error
        if "infinity" not in error.msg:
            raise
        try:  # An integer beyond what a float can hold is JSON all the same.
            value = json.loads(raw, parse_int=_whole_number, parse_float=_finite, parse_constant=_finite)
            json.dumps(value, ensure_ascii=False).encode()  # Half a character, which json lets pass, is not.
        except (ValueError, RecursionError):
            raise error from None
        return value


def _cleaned(field: str, raw: bytes, value: Any) -> Any:
    # Searching bytes costs far less than walking the tree, and most payloads need no cleaning.
    nested = raw.count(b"{") + raw.count(b"[")
    if nested > _DEEPEST:
        value = _clean(field, value, 1)
    if _LONG_NUMBER in raw.translate(_DIGITS_ALIKE):  # Ten times as fast as a regular expression.
        # orjson rounds integers beyond 64 bits to a float; the digits of an identifier must survive.
        value = json.loads(raw, parse_int=_whole_number)
    elif b"\\u0000" not in raw and not _has_empty(raw, value, nested):
        return value
    return _clean(field, value, 1)


def _has_empty(raw: bytes, value: Any, nested: int) -> bool:
    """Whether there may be nulls or empty strings in it."""
    if nested == 1 and type(value) is dict:
        values = value.values()
        return None in values or "" in values
    return b"null" in raw or b'""' in raw


def _clean(field: str, value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        return without_nul(value)
    if kind is not dict and kind is not list:
        return value
    if depth > _DEEPEST:
        raise RejectedError(Reason.TOO_DEEP, field, f"nested deeper than {_DEEPEST} levels")
    if kind is list:
        return [_clean(field, item, depth + 1) for item in value]
    return {
        without_nul(key): _clean(field, item, depth + 1)
        for key, item in value.items()
        if item is not None and item != ""
    }


def _whole_number(digits: str) -> int | str:
    if len(digits) > 20:  # Python refuses to convert thousands of digits.
        return digits
    number = int(digits)
    return number if -_INT64 <= number < _INT64 else digits


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        msg = "beyond what a float can hold"
        raise ValueError(msg)
    return number
