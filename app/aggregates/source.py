"""The logical message behind a command."""

from datetime import UTC, datetime
from typing import NamedTuple


class Source(NamedTuple):
    """Identifies the message that a command comes from, and when it was sent and received.

    All times are aware and in UTC. ``upstream_time`` is the time that the message itself
    carries (contract: "Stale snapshots"); ``received_at`` is the time in its stream entry's id.
    """

    message_id: str
    received_at: datetime
    upstream_time: datetime | None = None

    @classmethod
    def said_now(cls, message_id: str) -> "Source":
        """Of what somebody says over the API, now."""
        now = datetime.now(UTC)
        return cls(message_id, now, now)

    @property
    def at(self) -> datetime:
        """When it happened, as far as anybody knows."""
        return self.upstream_time or self.received_at
