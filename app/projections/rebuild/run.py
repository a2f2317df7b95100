"""Starts rebuilds: one of a projection at a time, whoever asks for it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event as Flag
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database

from app.event_store.application import Servicing
from app.projections.engine.leases import (
    GONE_AFTER_S,
    Lease,
    StoppedError,
    beating,
    owner_name,
    taken_from_worker,
)
from app.projections.engine.positions import COLLECTION, MongoTrackingRecorder, refuse_another_store
from app.projections.engine.projection import Projection
from app.projections.engine.reading import EventReader
from app.projections.rebuild.one_document import events_of, folded_document, put_in_place
from app.projections.rebuild.rebuild import OnProgress, Rebuild, Rebuilt, rebuild
from app.projections.rebuild.scratch import scratch
from app.projections.rebuild.shadow import drop_shadows
from app.projections.rebuild.swap import Phase, record_id


class RebuildRunsError(RuntimeError):
    """Somebody else rebuilds that projection: says who."""


def run_rebuilds(
    projections: Sequence[Projection],
    servicing: Servicing,
    database: Database[dict[str, Any]],
    stop: Flag,
    on_progress: OnProgress,
    *,
    strict: bool = True,
    resume: bool = False,
) -> list[Rebuilt]:
    """Rebuild projections in one pass over the events. With ``resume``, from what was kept of them.

    Raises RebuildRunsError where one of them is being rebuilt, StoppedError when ``stop`` is set,
    ProjectionFault for an event that cannot be folded (without ``strict``, only for what stops all of
    them), and the drivers' errors. The live collections are as they were then.
    """
    rebuilds = [Rebuild(each, servicing, database, strict=strict) for each in projections]
    with _taken([each.lease for each in rebuilds], database, stop):
        return rebuild(rebuilds, servicing, stop, on_progress, resume=resume)


def discard_rebuild(projection: Projection, database: Database[dict[str, Any]], stop: Flag) -> bool:
    """Drop what an unfinished rebuild left. False where there is nothing. Raises RebuildRunsError."""
    record = database[COLLECTION].find_one({"_id": record_id(projection.name)})
    if record is None or record.get("phase") == Phase.SWAP:
        return False
    lease = Lease(database, record_id(projection.name), owner_name("rebuild"))
    with _taken([lease], database, stop):
        database[COLLECTION].update_one(lease.mine, {"$set": {"phase": Phase.PREPARE.value}})
        drop_shadows(database, projection)
    database[COLLECTION].delete_one({"_id": record_id(projection.name)})
    return True


def rebuild_document(
    projection: Projection,
    servicing: Servicing,
    database: Database[dict[str, Any]],
    identifier: str,
    stop: Flag,
) -> bool:
    """Fold one document from its events, and put it in its place. False where the events know no such one.

    The projection waits meanwhile. Raises ProjectionFault, StoppedError, and the drivers' errors.
    """
    recorder = MongoTrackingRecorder(database, projection.name)
    recorder.begin(projection.version)
    lease = Lease(database, projection.name, owner_name("rebuild"))
    reader = EventReader(servicing, projection.topics(), projection.name)
    refuse_another_store(projection.name, recorder.position(), servicing.max_position())
    with scratch(projection, reader) as fold:
        if events_of(projection, reader, identifier) is None:
            fold.fold_to(recorder.position())  # It takes its time: nobody waits for that.
        with taken_from_worker(lease, stop):
            document = folded_document(fold, identifier, recorder.position())
            put_in_place(database, projection, identifier, document)
    return document is not None


@contextmanager
def _taken(leases: Sequence[Lease], database: Database[dict[str, Any]], stop: Flag) -> Iterator[None]:
    records = database[COLLECTION]
    for each in leases:
        records.update_one({"_id": each.identifier}, {"$setOnInsert": {"position": 0}}, upsert=True)
    taken: list[Lease] = []
    with beating(leases):  # From the first one on: it may take seconds to get the others.
        try:
            for number, lease in enumerate(leases):
                _take(leases[number:], records, stop)
                taken.append(lease)
            yield
        finally:
            for lease in taken:
                lease.release()


def _take(leases: Sequence[Lease], records: Collection[dict[str, Any]], stop: Flag) -> None:
    """Take the first of these rebuilds' leases: from somebody who beats no more too.

    That takes six seconds to see, and is looked at for all of them meanwhile: whoever died may have had them
    all. One after the other they are taken, so that of two who want the same ones, one gets them.
    """
    lease, *others = leases
    of_all = {"_id": {"$in": [each.identifier for each in leases]}}
    for _ in range(round(GONE_AFTER_S / 0.25) + 2):
        found = {record["_id"]: record for record in records.find(of_all)}
        for each in others:
            each.look(found.get(each.identifier, {}))
        record = found.get(lease.identifier, {})
        if lease.take(record):
            return
        if stop.wait(0.25):
            raise StoppedError
    name = lease.identifier.partition("#")[0]
    since = record.get("startedAt")
    begun = f", begun at {since:%Y-%m-%d %H:%M} UTC," if since else ""
    msg = f"{name} is being rebuilt already{begun} by {lease.holder(record)}: `billie status` shows how far"
    raise RebuildRunsError(msg)
