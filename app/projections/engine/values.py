"""Documents, and how values of the domain become values in them."""

from datetime import datetime
from decimal import Decimal
from typing import Any, overload

from bson.decimal128 import Decimal128

from app.aggregates.base import Aggregate
from app.aggregates.personal import ERASED

Document = dict[str, Any]
GONE = "[erased]"
"""Replaces an erased text in a field that is always present."""


class Erases:
    """Base of what an erasure of one aggregate means for a document of another."""


def erases(meaning: Any) -> bool:
    """Whether an event, or what it means for a document, clears personal data."""
    return isinstance(meaning, (Erases, Aggregate.PersonalDataErased))


@overload
def money(amount: Decimal) -> Decimal128: ...
@overload
def money(amount: Decimal | None) -> Decimal128 | None: ...
def money(amount: Decimal | None) -> Decimal128 | None:
    """An amount in AUD, with two places. An unknown amount stays unknown."""
    return None if amount is None else Decimal128(amount.quantize(Decimal("0.01")))


def time(at: datetime) -> datetime:
    """A time cut to milliseconds, as in BSON, so that a document read back equals the one in memory."""
    microseconds = at.microsecond % 1000
    return at.replace(microsecond=at.microsecond - microseconds) if microseconds else at


def free_form(value: Any) -> Any:
    """A free-form value that MongoDB accepts: no key starts with ``$`` or contains ``.``.

    Both become their full-width forms (``＄``, ``．``). Nulls and empty strings are left out: absent means
    unknown.
    """
    if isinstance(value, dict):
        return {_key(key): free_form(item) for key, item in value.items() if item is not None and item != ""}
    if isinstance(value, list):
        return [free_form(item) for item in value if item is not None and item != ""]
    return value


def _key(key: str) -> str:
    if key.startswith("$"):
        key = "＄" + key[1:]
    return key.replace(".", "．") or "＿"


def put(document: Document, **fields: Any) -> None:
    """Set the fields that have a value: None and ERASED never clear what is stored."""
    for name, value in fields.items():
        if value is not None and value is not ERASED:
            document[name] = value


def erase(document: Document, event: Any, *fields: str) -> None:
    """Remove fields with personal data, whether or not they hold any, and stamp the document as erased."""
    for name in fields:
        document.pop(name, None)
    document["erasedAt"] = time(event.at)


def is_erased(value: object) -> bool:
    """Whether a fact was erased; its declared type does not matter."""
    return value is ERASED


def legible(text: str | None) -> str | None:
    """The text, or GONE if it was erased."""
    return GONE if text is ERASED else text


def person(identifier: str, name: str | None, role: str | None = None) -> Document:
    """A staff member, as in documents."""
    found: Document = {"id": identifier}
    put(found, role=role, name=name)
    return found


def stamp(document: Document, at: datetime) -> None:
    """Keep the earliest time of any event in ``createdAt``, and the latest in ``updatedAt``."""
    at = time(at)
    document["createdAt"] = min(document.get("createdAt", at), at)
    document["updatedAt"] = max(document.get("updatedAt", at), at)
