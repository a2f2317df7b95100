"""What one person may adjust alone on a loan account: their adjustments of some days count together.

Otherwise one person could write an account off bit by bit (contract ledger.md, failure 4).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from app.aggregates.base import NOTHING, Aggregate, Source, absorbs
from app.aggregates.two_people import Actor, PersonNeededError, is_machine, same_person


class AdjustmentLimit(NamedTuple):
    """The most that one person may adjust alone, AUD, within so many days."""

    amount: Decimal
    days: int


class AdjustmentRegister(Aggregate):
    """Lists the adjustments of an account that one person made alone; each command knows its outcome.

    Of two simultaneous requests both have to add to this, and the second to save meets the first.
    """

    class AdjustmentEntered(Aggregate.Event):
        """One within the limit, without approval. ``moved``: AUD, of principal and fees, without sign."""

        PERSONAL = NOTHING

        command_id: str
        by: str
        moved: Decimal

        def apply(self, aggregate: "AdjustmentRegister") -> None:
            aggregate.entered.append(self)

    def __init__(self, business_id: str) -> None:
        super().__init__(business_id)
        self.entered: list[AdjustmentRegister.AdjustmentEntered] = []

    def needs_approval(
        self,
        actor: Actor,
        moved: Decimal,
        limit: AdjustmentLimit,
        now: datetime,
        is_rejected: Callable[[str], bool],
    ) -> bool:
        """Whether this adjustment takes a second person.

        ``is_rejected`` says whether a command moved nothing; it is called only if that matters.
        Raises PersonNeededError where it does, and a machine asks.
        """
        recent = [
            each
            for each in self.entered
            if each.timestamp >= now - timedelta(days=limit.days) and same_person(each.by, actor.id)
        ]
        if moved + sum(each.moved for each in recent) <= limit.amount:
            return False
        counted = sum(each.moved for each in recent if not is_rejected(each.command_id))
        if moved + counted <= limit.amount:
            return False
        if is_machine(actor.id):
            raise PersonNeededError("Only a person can do this; the token is a machine's.")
        return True

    @absorbs
    def enter(self, source: Source, *, command_id: str, by: str, moved: Decimal) -> None:
        """A person adjusts within the limit."""
        self.record(source, self.AdjustmentEntered(command_id=command_id, by=by, moved=moved))
