"""How one value of a message is read: each reader gives the value, or None where it cannot be read."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

Reader = Callable[[Any], Any]
_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = _DATE + r"[T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?"


class RejectedError(Exception):
    """The whole message is a dead letter."""


def text(raw: Any) -> str | None:
    """Texts are trimmed; one of blanks only is absent. A number may come for a text."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return None
    return str(int(raw) if isinstance(raw, float) and raw.is_integer() else raw).strip() or None


def identifier(raw: Any) -> str | None:
    """A trimmed text of 1 to 200 characters; a whole number is its digits."""
    found = text(raw)
    return found if found and len(found) <= 200 else None


def money(raw: Any) -> Decimal | None:
    """A decimal string or number, two places. Money that does not parse costs the message."""
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return None
    try:
        return Decimal(str(raw).strip()).quantize(Decimal("0.01"))
    except InvalidOperation:
        raise RejectedError(f"money {raw!r}") from None


def count(raw: Any) -> int | None:
    """A whole number, or a string of one."""
    found = text(raw)
    return int(found) if found and re.fullmatch(r"-?\d{1,9}", found) else None


def flag(raw: Any) -> bool | None:
    """True or false, or a string of one."""
    return {"true": True, "false": False}.get(str(raw).strip().lower())


def time(raw: Any) -> datetime | None:
    """Extended ISO 8601: a blank for the T, Z in either case, an offset, or none for UTC."""
    found = _iso(raw, _TIME)
    return found and (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def date(raw: Any) -> str | None:
    """YYYY-MM-DD; of a time with an offset, its own day."""
    found = _iso(raw, _DATE) or _iso(raw, _TIME)
    return found.date().isoformat() if found else None


def _iso(raw: Any, pattern: str) -> datetime | None:
    sent = raw.strip().upper() if isinstance(raw, str) else ""
    try:
        return datetime.fromisoformat(sent) if re.fullmatch(pattern, sent) else None
    except ValueError:
        return None


def word(**meanings: str) -> Reader:
    """One of an enum's words: AccountStatus.ACTIVE means ACTIVE; an unknown word is dropped."""
    known = {each.lower(): meaning for meaning, words in meanings.items() for each in words.split()}
    return lambda raw: known.get((text(raw) or "").rpartition(".")[2].strip().lower())


def words(spelt: str) -> Reader:
    """The same of an enum whose words mean themselves."""
    return word(**{each: each for each in spelt.split()})


def list_of(item: Reader) -> Reader:
    """In a list, a null, blank or unreadable item is dropped, and the others stand."""
    return lambda raw: (
        [value for each in raw if (value := item(each)) is not None] if isinstance(raw, list) else None
    )


def object_of(shape: dict[str, Reader]) -> Reader:
    """An object of these keys; None where it is none, or lacks a required key."""

    def read(raw: Any) -> dict[str, Any] | None:
        facts = read_keys(raw, shape) if isinstance(raw, dict) else {}
        return None if lacks(facts, shape) else facts or None

    return read


def read_keys(raw: dict[str, Any], shape: dict[str, Reader]) -> dict[str, Any]:
    """The parts of an object that can be read, by their keys in snake_case; the others are dropped."""
    facts = {key.rstrip("!"): reader(value_of(raw, key.rstrip("!"))) for key, reader in shape.items()}
    return {key: value for key, value in facts.items() if value is not None}


def lacks(facts: dict[str, Any], shape: dict[str, Reader]) -> bool:
    """Whether a required key is missing: a shape's required keys end in `!`."""
    return any(key.endswith("!") and key[:-1] not in facts for key in shape)


def value_of(raw: dict[str, Any], key: str) -> Any:
    """The value of a key in snake_case or camelCase; a null is absent."""
    found = raw.get(key)
    return raw.get(camel(key)) if found is None else found


def camel(key: str) -> str:
    """`loan_amount` is `loanAmount`."""
    return re.sub(r"_(.)", lambda match: match[1].upper(), key)


def free_form(raw: Any) -> Any:
    """Any value inside a free-form object: keys with $ or dots are cleaned, nulls and blanks are absent."""
    if isinstance(raw, dict):
        clean = {re.sub(r"^\$", "＄", k).replace(".", "．"): free_form(value) for k, value in raw.items()}
        return {key: value for key, value in clean.items() if value is not None}
    if isinstance(raw, list):
        return [value for each in raw if (value := free_form(each)) is not None]
    return (raw.strip() or None) if isinstance(raw, str) else raw
