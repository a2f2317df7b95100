"""What became of published entries."""

from app.operations.visibility import Fate, Outcome
from app.runtime.camel_model import CamelModel


class InboxOutcome(CamelModel):
    """What became of one entry. A dead letter has an id, a reason and a path, while it is listed."""

    entry_id: str
    outcome: Fate
    dead_letter_id: str | None = None
    reason: str | None = None
    path: str | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> "InboxOutcome":
        """An outcome as it is shown."""
        letter = outcome.letter
        return cls(
            entry_id=outcome.entry_id,
            outcome=outcome.fate,
            dead_letter_id=letter and letter.dead_letter_id,
            reason=letter and letter.reason,
            path=letter and letter.path,
        )


class InboxAnswer(CamelModel):
    """What became of each entry, in the order in which they were sent."""

    entries: list[InboxOutcome]
