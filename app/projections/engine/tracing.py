"""What a projection made of messages, as traces: a span a message, of the batch that folded its events."""

from collections.abc import Iterable
from datetime import datetime

from app.projections.engine.reading import Envelope
from app.runtime.observability.tracing import Tracing, nanoseconds


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
            span = self._tracing.tracer.start_span(
                f"project {self._projection}",
                self._tracing.context_of(message_id),
                attributes={
                    "billie.projection": self._projection,
                    "billie.message_id": message_id,
                    "billie.position": positions[0],
                    "billie.events": len(positions),
                },
                start_time=nanoseconds(began),
            )
            span.end(nanoseconds(ended))
        self._positions.clear()

    def forget(self) -> None:
        """They are folded again, or by another worker."""
        self._positions.clear()
