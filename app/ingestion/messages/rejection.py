"""Why an entry is rejected: the reason codes of dead letters."""

from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from app.runtime.observability.logging import where

_LONGEST_NAME = 200


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
    """It was understood, but failed as often as ``BILLIE_MAX_DELIVERIES`` allows."""
    UNKNOWN_TYPE = "unknown_type"
    """A release that does not consume its type replayed it: a dead letter is never dropped."""
    FOREIGN = "foreign"
    """An entry on the stream of dead letters that did not come from here."""


class RejectedError(Exception):
    """An entry that no retry can help. ``path`` names the failing field; no value is quoted.

    Publishers choose the names of fields, so the path is cut short and kept on one line.
    """

    def __init__(self, reason: Reason, path: str, error: str) -> None:
        self.reason = reason
        self.path = printable(path)
        super().__init__(f"{reason}: {self.path}: {error}")
        self.error = error


class ParserFailedError(Exception):
    """An installed parser failed, other than by refusing the payload. Quotes no value."""


def failed(error: Exception) -> RejectedError:
    """The rejection of a message that was understood, and failed too often."""
    detail = str(error) if isinstance(error, ParserFailedError) else where(error)
    return RejectedError(Reason.FAILED, "message", detail)


def not_as_modelled(error: ValidationError, place: int = 0) -> RejectedError:
    """The rejection of a payload that its model refuses: about the field of the error at ``place``."""
    fault: Any = error.errors(include_url=False, include_input=False)[place]
    path = ".".join(str(part) for part in fault["loc"]) or "payload"
    if fault["type"] == "missing":
        return RejectedError(Reason.MISSING_KEY, path, "required, and absent")
    return RejectedError(Reason.INVALID_VALUE, path, fault["msg"].removeprefix("Value error, "))


def printable(name: str) -> str:
    """A publisher's name, cut off after 200 characters and with invisible characters escaped.

    A name may hold anything, and must not forge a line of a log or drive an operator's terminal.
    """
    if len(name) <= _LONGEST_NAME and name.isprintable():
        return name
    seen = (
        each if each.isprintable() else each.encode("unicode_escape").decode()
        for each in name[:_LONGEST_NAME]
    )
    return "".join(seen)[:_LONGEST_NAME]
