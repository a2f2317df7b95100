"""What a rebuild or a verification reports of each read model.

The lines of ``--json``, the records of jobs, and REST all have this form.
"""

from collections.abc import Callable

from app.projections.read_models.base import Model
from app.projections.rebuild.shadow import Phase


class Progress(Model):
    """The progress with one read model."""

    projection: str
    """The read model."""
    phase: Phase
    position: int
    """Position of the last event applied."""
    newest: int
    """Position of the newest event."""
    documents: int
    """Documents written or compared so far."""


class Outcome(Model):
    """The outcome for one read model."""

    projection: str
    """The read model."""
    position: int
    """Position of its documents in the event store."""
    events: int
    """Events applied."""
    documents: int
    """Documents written or compared."""
    seconds: float
    """Duration."""
    differences: int | None = None
    """Verification: documents that differ from the events."""
    undecided: int | None = None
    """Verification: documents that kept changing, and could not be compared."""
    fixed: int | None = None
    """Verification: documents repaired."""


OnProgress = Callable[[Progress], None]
