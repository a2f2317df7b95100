"""What stalls a projection, or one of its documents."""

from enum import StrEnum
from typing import Any, NamedTuple

from app.errors import BillieError

FAULTED = "_faulted"
"""The stamp of a document that is set aside: see :meth:`SetAside.stamp`."""


class Cause(StrEnum):
    """Why a projection stalls, or a document is set aside. Stored: add to them, and rename none."""

    EVOLVE_FAILED = "evolve_failed"
    EVENT_UNREADABLE = "event_unreadable"
    EVENT_TYPE_UNKNOWN = "event_type_unknown"
    MONGO_REFUSED = "mongo_refused"
    LEASE_LOST = "lease_lost"
    OTHER_STORE = "other_store"
    UNFORESEEN = "unforeseen"


class ProjectionFault(BillieError):  # noqa: N818 - it names a state, which lasts until somebody mends it
    """What stalls a projection, and no retry can help.

    It names the projection, and the event's position or the documents, and quotes none of their content.
    """

    def __init__(
        self, text: str, cause: Cause, position: int | None = None, event: str | None = None
    ) -> None:
        super().__init__(text)
        self.cause = cause
        self.position = position
        self.event = event


class SetAside(NamedTuple):
    """One document that cannot follow: the event at which it stopped, and why."""

    cause: Cause
    position: int
    event: str
    error: str
    """The error's class and place, never its text: that may quote personal data."""

    def stamp(self, document: dict[str, Any] | None) -> dict[str, Any]:
        """The document as it was before that event, marked; ``empty`` where there was none."""
        return (document or {}) | {FAULTED: {**self._asdict(), "empty": document is None}}
