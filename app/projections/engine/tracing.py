"""What a projection made of messages, as traces: a span a message, of the batch that folded its events."""

from collections.abc import Iterable
from datetime import datetime

from app.projections.engine.reading import Envelope
from app.runtime.observability.tracing import Attributes, Tracing


class FoldedMessages:
    """The traced messages whose events were folded together, and will be written together."""

    def __init__(self, tracing: Tracing, projection: str) -> None:
        self._tracing, self._projection = tracing, projection
        self._positions: dict[str, list[int]] = {}

    def add(self, events: Iterable[Envelope]) -> None:
        """These were folded."""
        for envelope in events:
            message_id = envelope.event.message_id
            if message_id in self._positions or self._tracing.wants(message_id):
                self._positions.setdefault(message_id, []).append(envelope.position)

    def written(self, began: datetime, ended: datetime) -> None:
        """Their documents can be read now."""
        for message_id, positions in self._positions.items():
            about: Attributes = {
                "billie.projection": self._projection,
                "billie.message_id": message_id,
                "billie.position": positions[0],
                "billie.events": len(positions),
            }
            self._tracing.record(message_id, f"project {self._projection}", began, ended, about)
        self._positions.clear()

    def forget(self) -> None:
        """They are folded again, or by another worker."""
        self._positions.clear()
