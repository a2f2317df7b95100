"""One document from its events: rebuilt in its place, or as it was known at a time in the past."""

from datetime import datetime
from threading import Event as Flag
from typing import Any

from pymongo.database import Database
from pymongo.errors import DocumentTooLarge, OperationFailure, WriteError

from app.aggregates.base import Key
from app.event_store.application import Servicing
from app.projections.engine.documents import NOT_BSON, POSITION, TOO_LARGE, Document
from app.projections.engine.faults import Cause, ProjectionFault
from app.projections.engine.leases import Lease, owner_name, taken_from_worker
from app.projections.engine.positions import MongoTrackingRecorder, refuse_other_store
from app.projections.engine.projection import Projection
from app.projections.engine.reading import Envelope, EventReader
from app.projections.rebuild.scratch import scratch


def rebuild_document(
    projection: Projection,
    servicing: Servicing,
    database: Database[dict[str, Any]],
    identifier: str,
    stop: Flag,
) -> bool:
    """Fold one document from its events, and put it in its place. False if there are no events for it.

    The projection waits meanwhile. Raises ProjectionFault, StoppedError, and the errors of the event store
    and of MongoDB.
    """
    recorder = MongoTrackingRecorder(database, projection.name)
    recorder.begin(projection.version)
    reader = EventReader(servicing, projection.topics(), projection.name)
    refuse_other_store(projection.name, recorder.position(), servicing.max_position())
    with scratch(projection, reader) as fold:
        if events_of(projection, reader, identifier) is None:
            fold.fold_to(recorder.position())  # This takes a while: nobody waits for it.
        with taken_from_worker(Lease(database, projection.name, owner_name("rebuild")), stop):
            position, events = recorder.position(), events_of(projection, reader, identifier)
            if events is None:
                fold.fold_to(position)
            else:
                fold.fold_these([each for each in events if each.position <= position])
            document = fold.correct_document(identifier)
            put_in_place(database, projection, identifier, document)
    return document is not None


def put_in_place(
    database: Database[dict[str, Any]], projection: Projection, identifier: str, document: Document | None
) -> None:
    """Replace the live document, or delete it. For the holder of the projection's lease.

    The document counts as folded up to the projection's position, so that no worker that was slow to stop
    writes an older form over it. Raises ProjectionFault if MongoDB refuses it.
    """
    collection, recorder = database[projection.name], MongoTrackingRecorder(database, projection.name)
    try:
        if document is None:
            collection.delete_one({"_id": identifier})
        else:
            document[POSITION] = max(document[POSITION], recorder.position())
            collection.replace_one({"_id": identifier}, document, upsert=True)
    except (OperationFailure, DocumentTooLarge, *NOT_BSON) as error:
        if (
            isinstance(error, OperationFailure)
            and not isinstance(error, WriteError)
            and error.code != TOO_LARGE
        ):
            raise
        why = f"code {error.code}" if isinstance(error, OperationFailure) else type(error).__name__
        msg = f"MongoDB refuses document {identifier} of {projection.name} ({why})"
        raise ProjectionFault(msg, Cause.MONGO_REFUSED) from error
    recorder.healed([identifier])


def document_as_of(
    projection: Projection, reader: EventReader, identifier: str, moment: datetime
) -> Document | None:
    """The document as it was known at a time; None if there was none.

    What counts is when an event was recorded, not when it happened: news that came later was not known.
    Raises ProjectionFault for an event that cannot be read or folded, LookupError for a projection whose
    documents any event may concern, and one of EVENT_STORE_ERRORS.
    """
    events = events_of(projection, reader, identifier)
    if events is None:
        raise LookupError(f"a document of {projection.name} depends on too much to be folded alone")
    with scratch(projection, reader) as fold:
        fold.fold_these([each for each in events if each.event.timestamp <= moment])
        return fold.correct_document(identifier)


def events_of(projection: Projection, reader: EventReader, identifier: str) -> list[Envelope] | None:
    """All events that the document may be folded from; None if only a look at all events can tell."""
    keys: set[Key] = {(kind, identifier) for kind in projection.own}
    lookup = projection.lookup
    while True:
        events = reader.of(sorted(keys, key=str))
        if lookup is None:
            return events
        sources = lookup.sources(identifier, [each.event for each in events])
        if sources is None:
            return None
        if keys >= (more := set(sources)):
            return events
        keys |= more
