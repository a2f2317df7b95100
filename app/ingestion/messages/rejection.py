"""Why an entry cannot be used: the reason codes of dead letters."""

from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from app.ingestion.messages.printable import printable
from app.runtime.observability.logging import where


class Reason(StrEnum):
    """Stable codes; operators filter by them."""

    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NO_TYPE = "no_type"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    TOO_DEEP = "too_deep"
    MISSING_KEY = "missing_key"
    INVALID_VALUE = "invalid_value"
    FAILED = "failed"
    """It was understood, but failed on its own as often as ``BILLIE_MAX_DELIVERIES`` allows."""
    UNKNOWN_TYPE = "unknown_type"
    """It was replayed by a release that does not consume its type: nothing that was set aside is dropped."""
    FOREIGN = "foreign"
    """It is no dead letter of ours, but stands on their stream."""


class Unusable(Exception):  # noqa: N818 - it names the entry, as in "an unusable entry"
    """An entry that no retry can help. ``path`` names the failing field; no value is quoted.

    A field's name is a publisher's own: whatever it holds, the path is short and stays on its line.
    """

    def __init__(self, reason: Reason, path: str, error: str) -> None:
        self.reason = reason
        self.path = printable(path)
        super().__init__(f"{reason}: {self.path}: {error}")
        self.error = error


class ParserFailed(Exception):  # noqa: N818 - it says what happened to one message
    """An installed parser raised what is not about the payload, or returned what is none. Quotes no value."""


def failed(error: Exception) -> Unusable:
    """What a message is that was understood, and failed on its own too often."""
    said = str(error) if isinstance(error, ParserFailed) else where(error)
    return Unusable(Reason.FAILED, "message", said)


def not_as_modelled(error: ValidationError) -> Unusable:
    """What an entry is whose payload is not as its model says: about the first field at fault."""
    first: Any = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "missing":
        return Unusable(Reason.MISSING_KEY, path_of(error), "required, and absent")
    return Unusable(Reason.INVALID_VALUE, path_of(error), first["msg"].removeprefix("Value error, "))


def path_of(error: ValidationError) -> str:
    """The path of the first field at fault; ``payload`` where the whole is."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return ".".join(str(part) for part in first["loc"]) or "payload"
