"""How values of the domain become values in MongoDB."""

from datetime import datetime
from decimal import Decimal
from typing import Any, overload

from bson.decimal128 import Decimal128

from app.aggregates.base import RememberingAggregate
from app.aggregates.personal import ERASED

Document = dict[str, Any]
GONE = "[erased]"
"""What stands for a text that is always there, once it is erased."""


class Erases:
    """What an erasure means for a document of another aggregate: the base of such meanings."""


def erases(meaning: Any) -> bool:
    """Whether an event, or what it means for a document, clears that of personal data."""
    return isinstance(meaning, (Erases, RememberingAggregate.PersonalDataErased))


@overload
def money(amount: Decimal) -> Decimal128: ...
@overload
def money(amount: Decimal | None) -> Decimal128 | None: ...
def money(amount: Decimal | None) -> Decimal128 | None:
    """An amount in AUD, with two places. An unknown amount stays unknown."""
    return None if amount is None else Decimal128(amount.quantize(Decimal("0.01")))


def time(moment: datetime) -> datetime:
    """BSON dates hold milliseconds: cut here, so that a document read back equals the one in memory."""
    beyond = moment.microsecond % 1000
    return moment.replace(microsecond=moment.microsecond - beyond) if beyond else moment


def free_form(value: Any) -> Any:
    """A free-form object that MongoDB accepts: no key begins with ``$`` or holds ``.``.

    Both become their full-width forms (``＄``, ``．``). What is null or an empty string is left out:
    absent means unknown.
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
    """Set the fields that are present: an absent one (None, or ERASED) never clears what is stored."""
    for name, value in fields.items():
        if value is not None and value is not ERASED:
            document[name] = value


def erase(document: Document, event: Any, *fields: str) -> None:
    """Clear fields with personal data: whatever they hold, so that it comes to the same as if nobody told."""
    for name in fields:
        document.pop(name, None)
    document["erasedAt"] = time(event.at)


def is_erased(value: object) -> bool:
    """Whether a fact was erased: whatever its type is otherwise."""
    return value is ERASED


def legible(text: str | None) -> str | None:
    """A text, or what stands for one that is erased."""
    return GONE if text is ERASED else text


def person(identifier: str, name: str | None) -> Document:
    """Somebody on the staff, as documents name them."""
    somebody = {"id": identifier}
    put(somebody, name=name)
    return somebody


def merge(document: Document, changes: Document) -> None:
    """Merge ``changes`` into ``document`` deeply; a list replaces a list."""
    for key, value in changes.items():
        known = document.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            merge(known, value)
        else:
            document[key] = value


def stamp(document: Document, at: datetime) -> None:
    """``createdAt`` is the earliest and ``updatedAt`` the latest time that any event tells."""
    moment = time(at)
    document["createdAt"] = min(document.get("createdAt", moment), moment)
    document["updatedAt"] = max(document.get("updatedAt", moment), moment)
