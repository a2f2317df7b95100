"""A document as it was: folded from the events that had been recorded by then."""

from datetime import datetime

from app.projections.engine.projection import Projection
from app.projections.engine.reading import EventReader
from app.projections.engine.values import Document
from app.projections.rebuild.one_document import events_of
from app.projections.rebuild.scratch import scratch


def document_as_of(
    projection: Projection, reader: EventReader, identifier: str, moment: datetime
) -> Document | None:
    """The document as we knew it at a moment; None where there was none.

    What counts is when an event was recorded, not when it happened: news that came later was not known.
    Raises ProjectionFault for an event that cannot be read or folded, LookupError for a projection whose
    documents any event may concern, and one of EVENT_STORE_ERRORS.
    """
    events = events_of(projection, reader, identifier)
    if events is None:
        msg = f"a document of {projection.name} depends on too much to be folded alone"
        raise LookupError(msg)
    with scratch(projection, reader) as fold:
        fold.fold_these([told for told in events if told.event.timestamp <= moment])
        fold.raise_if_unfoldable(identifier)
        return fold.document(identifier)
