"""Reads a payload: JSON text, or loose fields of the entry, into a clean dictionary.

Texts are trimmed. Nulls, blank texts and lists of nothing else are absent. There are no NUL characters, which
the databases refuse, no integers beyond 64 bits (they become their digits), and at most 64 levels of nesting.
"""

import json
import math
from collections.abc import Iterable
from typing import Any

import orjson

from app.ingestion.messages.rejection import Reason, RejectedError

_DEEPEST = 64
"""Objects and arrays inside one another, the payload itself included."""

# Fields of older chat publishers that hold prose, even if it starts with a bracket.
_PROSE = frozenset(("utterance", "rationale", "content", "post", "reason", "purpose"))

_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19
_INT64 = 2**63


def parse_payload(field: str, raw: bytes) -> dict[str, Any]:
    """The clean JSON object in ``raw``, which is UTF-8.

    Raises RejectedError (not_json, not_an_object, too_deep) that names ``field``, the field of the entry.
    """
    try:
        value = _parsed(field, raw)
    except orjson.JSONDecodeError as error:
        raise RejectedError(Reason.NOT_JSON, field, f"at character {error.pos}: {error.msg}") from error
    if not isinstance(value, dict):
        raise RejectedError(Reason.NOT_AN_OBJECT, field, f"a JSON {type(value).__name__}, not an object")
    clean: dict[str, Any] = _clean(field, value, 1)
    return clean


def flat_payload(texts: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The payload of an entry that holds the payload's keys itself; objects and arrays are JSON text."""
    values = ((without_nul(name), _flat_value(name, text)) for name, text in texts)
    return {name: value for name, value in values if value is not None}


def without_nul(text: str) -> str:
    """The text with each NUL character replaced by its visible symbol."""
    return text.replace("\0", "␀") if "\0" in text else text


def _flat_value(name: str, text: str) -> Any:
    if text[0] in "[{" and name not in _PROSE:
        try:
            return _clean(name, _parsed(name, text.encode()), 1)
        except orjson.JSONDecodeError:
            pass  # It is text that starts with a bracket.
    return without_nul(text.strip()) or None


def _parsed(field: str, raw: bytes) -> Any:
    """Raises RejectedError for JSON nested too deeply, and orjson.JSONDecodeError for anything but JSON."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if error.msg.startswith("depth limit"):
            raise _too_deep(field) from error
        if "infinity" not in error.msg:
            raise
        try:  # orjson refuses an integer beyond what a float can hold, which is JSON.
            value = json.loads(raw, parse_int=_whole_number, parse_float=_finite, parse_constant=_finite)
            # json accepts lone surrogates, which are not JSON.
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise error from None
        return value
    if _LONG_NUMBER in raw.translate(_DIGITS_ALIKE):  # Ten times as fast as a regular expression.
        # orjson rounds integers beyond 64 bits to a float; the digits of an identifier must survive.
        try:
            return json.loads(raw, parse_int=_whole_number)
        except RecursionError as error:
            raise _too_deep(field) from error
    return value


def _clean(field: str, value: Any, depth: int) -> Any:
    """The value cleaned; None if it is absent."""
    kind = type(value)
    if kind is str:
        return without_nul(value.strip()) or None
    if kind is not dict and kind is not list:
        return value
    if depth > _DEEPEST:
        raise _too_deep(field)
    if kind is list:
        clean = [each for item in value if (each := _clean(field, item, depth + 1)) is not None]
        return clean if clean or not value else None
    return {
        without_nul(key): clean
        for key, item in value.items()
        if (clean := _clean(field, item, depth + 1)) is not None
    }


def _too_deep(field: str) -> RejectedError:
    return RejectedError(Reason.TOO_DEEP, field, f"nested deeper than {_DEEPEST} levels")


def _whole_number(digits: str) -> int | str:
    if len(digits) > 20:  # Python refuses to convert thousands of digits.
        return digits
    number = int(digits)
    return number if -_INT64 <= number < _INT64 else digits


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("beyond what a float can hold")
    return number
