"""What a projection made of messages, as traces: a span a message, of the batch that folded its events."""

from collections.abc import Iterable
from datetime import datetime

from app.projections.engine.reading import Told
from app.runtime.observability.traces import Step, Traces


class FoldedMessages:
    """The traced messages whose events were folded together, and will be written together."""

    def __init__(self, traces: Traces, projection: str) -> None:
        self._traces, self._projection = traces, projection
        self._positions: dict[str, list[int]] = {}

    def add(self, events: Iterable[Told]) -> None:
        """These were folded."""
        for told in events:
            message_id = told.event.message_id
            if message_id in self._positions or self._traces.wanted(message_id):
                self._positions.setdefault(message_id, []).append(told.position)

    def written(self, began: datetime, ended: datetime) -> None:
        """What they led to can be read now."""
        for message_id, positions in self._positions.items():
            attributes: dict[str, str | int | float] = {
                "billie.projection": self._projection,
                "billie.message_id": message_id,
                "billie.position": positions[0],
                "billie.events": len(positions),
            }
            step = Step(f"project {self._projection}", began, ended, attributes)
            self._traces.followed(message_id, step)
        self._positions.clear()

    def forget(self) -> None:
        """They are folded again, or by somebody else."""
        self._positions.clear()
