"""The adjustments that people made alone on one loan account: so that many small ones are not a large one."""

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from app.aggregates.base import NOTHING, RememberingAggregate, absorbs
from app.aggregates.source import Source
from app.aggregates.two_people import same_person


class Adjusted(NamedTuple):
    """One that nobody else had to approve. ``moved``: AUD, without sign."""

    command_id: str
    by: str
    moved: Decimal
    at: datetime


class AdjustmentRegister(RememberingAggregate):
    """Names the adjustments of an account that one person made alone; each command knows what became of it.

    Two requests at once both have to add to this, and the second to save meets the first.
    """

    class AdjustmentEntered(RememberingAggregate.Event):
        """``moved``: AUD, of principal and fees together, without sign."""

        PERSONAL = NOTHING

        command_id: str
        by: str
        moved: Decimal

        def change(self, aggregate: Any) -> None:
            aggregate.entered.append(Adjusted(self.command_id, self.by, self.moved, self.timestamp))

    def __init__(self, business_id: str) -> None:
        super().__init__(business_id)
        self.entered: list[Adjusted] = []

    def since(self, time: datetime, person: str) -> list[Adjusted]:
        """What this person made alone since then."""
        return [each for each in self.entered if each.at >= time and same_person(each.by, person)]

    @absorbs
    def enter(self, source: Source, *, command_id: str, by: str, moved: Decimal) -> None:
        """Somebody adjusts, and nobody else has to approve it."""
        self.record(self.AdjustmentEntered, source, command_id=command_id, by=by, moved=moved)
