"""Writes a payload as JSON: by the contract's keys, amounts as text, times with their offset."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import AliasChoices

from app.ingestion.messages.fields import Payload


def write_payload(payload: Payload | Mapping[str, Any]) -> str:
    """The payload as JSON text, ready for an entry.

    An amount becomes a decimal string, a date ``YYYY-MM-DD``, a time ISO 8601 with its offset. Fields of a
    typed payload that are None or empty are left out. Raises ValueError, which quotes no value, for NaN, a
    time without an offset, and objects that JSON cannot hold.
    """
    try:
        text = json.dumps(payload, default=_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("holds a character that is not Unicode text") from error
    return text


def written(payload: Payload) -> dict[str, Any]:
    """The fields of a typed payload that are present, by the contract's keys; then its further keys."""
    keys = canonical_keys(type(payload))
    named = {keys[name]: value for name, value in payload.__dict__.items() if value not in (None, "")}
    return named | (payload.model_extra or {})


@cache
def canonical_keys(model: type[Payload]) -> dict[str, str]:
    """The key that the contract writes for each field of a model."""
    keys = {}
    for name, field in model.model_fields.items():
        assert isinstance(field.validation_alias, AliasChoices)
        keys[name] = str(field.validation_alias.choices[0])
    return keys


def write_time(value: datetime) -> str:
    """ISO 8601 with the offset. Raises ValueError for a time without one: ours is not the publisher's."""
    if value.utcoffset() is None:
        raise ValueError("a time without an offset")
    return value.isoformat()


def _plain(value: Any) -> Any:
    match value:
        case Payload():
            return written(value)
        case datetime():
            return write_time(value)
        case date():
            return value.isoformat()
        case Decimal() if value.is_finite():
            return format(value, "f")
        case Enum():
            return value.value
        case UUID():
            return str(value)
        case Mapping():
            return dict(value)
    raise TypeError(f"JSON holds no {type(value).__name__}")
