"""One document from its events, beside whatever is live."""

from typing import Any

from pymongo.database import Database
from pymongo.errors import WriteError

from app.aggregates.base import Key
from app.projections.engine.document_store import POSITION
from app.projections.engine.faults import Cause, ProjectionFault
from app.projections.engine.positions import MongoTrackingRecorder
from app.projections.engine.projection import Projection
from app.projections.engine.reading import Envelope, EventReader
from app.projections.engine.values import Document
from app.projections.rebuild.scratch import Scratch


def folded_document(fold: Scratch, identifier: str, position: int) -> Document | None:
    """The document as it should be at a position; None where there should be none.

    Reads the events of the aggregates that it is folded from, or, for a projection that cannot name them,
    all events that ``fold`` has not seen. Raises ProjectionFault for an event that its handler fails at.
    """
    events = events_of(fold.projection, fold.reader, identifier)
    if events is None:
        fold.fold_to(position)
    else:
        fold.fold_these([told for told in events if told.position <= position])
    fold.raise_if_unfoldable(identifier)
    return fold.document(identifier)


def put_in_place(
    database: Database[dict[str, Any]], projection: Projection, identifier: str, document: Document | None
) -> None:
    """Replace the live document: for whoever has the projection's lease.

    The document counts as folded up to the projection's position, so that no runner that was slow to stop
    writes an older form over it. Raises ProjectionFault where MongoDB refuses it.
    """
    collection, recorder = database[projection.name], MongoTrackingRecorder(database, projection.name)
    try:
        if document is None:
            collection.delete_one({"_id": identifier})
        else:
            document[POSITION] = max(document[POSITION], recorder.position())
            collection.replace_one({"_id": identifier}, document, upsert=True)
    except WriteError as error:
        msg = f"MongoDB refuses document {identifier} of {projection.name} (code {error.code})"
        raise ProjectionFault(msg, Cause.MONGO_REFUSED) from error
    recorder.healed([identifier])


def events_of(projection: Projection, reader: EventReader, identifier: str) -> list[Envelope] | None:
    """All events that the document may be folded from; None where only all events can tell."""
    keys: set[Key] = {(kind, identifier) for kind in projection.own}
    lookup = projection.lookup
    while True:
        events = reader.of(sorted(keys, key=str))
        if lookup is None:
            return events
        sources = lookup.sources(identifier, [told.event for told in events])
        if sources is None:
            return None
        if keys >= (more := set(sources)):
            return events
        keys |= more
