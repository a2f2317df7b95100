"""Why an entry cannot be used: the reason codes of dead letters."""

from enum import StrEnum


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


class Unusable(Exception):  # noqa: N818 - it names the entry, as in "an unusable entry"
    """An entry that no retry can help. ``path`` names the failing field; no value is quoted."""

    def __init__(self, reason: Reason, path: str, error: str) -> None:
        super().__init__(f"{reason}: {path}: {error}")
        self.reason = reason
        self.path = path
        self.error = error


def failed(error: Exception) -> Unusable:
    """What a message is that was understood, and failed on its own too often."""
    return Unusable(Reason.FAILED, "message", f"{type(error).__name__}: {error}")
