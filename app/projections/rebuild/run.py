"""Runs and estimates rebuilds: several projections in one pass over the events, each by one process only."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event as Flag
from time import monotonic
from typing import Any, NamedTuple

from pymongo.database import Database

from app.errors import BillieError
from app.event_store.application import Servicing
from app.projections.engine.folding import FoldAgain
from app.projections.engine.leases import GONE_AFTER_S, Lease, StoppedError, beating, owner_name
from app.projections.engine.positions import COLLECTION
from app.projections.engine.projection import Projection
from app.projections.engine.reading import EventReader
from app.projections.rebuild.outcome import OnProgress, Outcome
from app.projections.rebuild.rebuild import Rebuild
from app.projections.rebuild.scratch import scratch
from app.projections.rebuild.shadow import Phase, drop_shadows, record_id

_PAGE = 4_000
_TRIAL_S, _TRIAL_PAGE = 2.0, 2_000


class RebuildRunsError(BillieError):
    """Another process is rebuilding that projection: says which."""


class Estimate(NamedTuple):
    """What a rebuild of one projection would take, and what the time is based on."""

    name: str
    events: int
    documents: int
    seconds: float
    basis: str


def run_rebuilds(
    projections: Sequence[Projection],
    servicing: Servicing,
    database: Database[dict[str, Any]],
    stop: Flag,
    on_progress: OnProgress,
    *,
    strict: bool = True,
    resume: bool = False,
) -> list[Outcome]:
    """Rebuild projections in one pass over the events. With ``resume``, from what was kept of them.

    Raises RebuildRunsError if one of them is being rebuilt, StoppedError when ``stop`` is set, with all that
    was folded kept, ProjectionFault for an event that cannot be folded (without ``strict``, only for what
    stalls all documents), and the errors of the event store and of MongoDB. The live collections are
    unchanged then.
    """
    rebuilds = [Rebuild(each, servicing, database, strict=strict) for each in projections]
    with _taken([each.lease for each in rebuilds], database, stop):
        for each in rebuilds:
            each.begin(resume=resume)
        topics = {topic for each in projections for topic in each.topics()}
        try:
            _fold(rebuilds, EventReader(servicing, topics, "the rebuild"), stop, on_progress)
        except StoppedError:
            newest = servicing.max_position()
            for each in rebuilds:
                each.keep(newest, Phase.FOLD)
            raise
        done = []
        for each in rebuilds:
            newest = servicing.max_position()
            on_progress(each.progress(newest, Phase.CATCH_UP))
            each.catch_up()
            on_progress(each.progress(newest, Phase.SWAP))
            done.append(each.swap(stop))
        return done


def discard_rebuild(projection: Projection, database: Database[dict[str, Any]], stop: Flag) -> bool:
    """Drop what an unfinished rebuild left. False if there is nothing. Raises RebuildRunsError."""
    record = database[COLLECTION].find_one({"_id": record_id(projection.name)})
    if record is None or record.get("phase") == Phase.SWAP:
        return False
    lease = Lease(database, record_id(projection.name), owner_name("rebuild"))
    with _taken([lease], database, stop):
        database[COLLECTION].update_one(lease.mine, {"$set": {"phase": Phase.PREPARE.value}})
        drop_shadows(database, projection)
    database[COLLECTION].delete_one({"_id": record_id(projection.name)})
    return True


def estimate(
    projections: Sequence[Projection], servicing: Servicing, database: Database[dict[str, Any]]
) -> Iterator[Estimate]:
    """One a projection: by the time that its last rebuild took, or by folding for two seconds."""
    newest = servicing.max_position()
    for projection in projections:
        documents = database[projection.name].estimated_document_count()
        record = database[COLLECTION].find_one({"_id": projection.name}) or {}
        last = record.get("rebuilt")
        if last and last.get("seconds") and last.get("events"):
            seconds = newest * last["seconds"] / max(1, record["position"])
            basis = f"as fast as on {last['at']:%Y-%m-%d}"
        else:
            seconds, basis = _trial(projection, servicing, newest), "from a trial of two seconds"
        yield Estimate(projection.name, newest, documents, seconds, basis)


def _fold(rebuilds: Sequence[Rebuild], reader: EventReader, stop: Flag, on_progress: OnProgress) -> None:
    newest = reader.servicing.max_position()
    while (start := min(each.position for each in rebuilds)) < newest:
        page = reader.page(start, newest, _PAGE)
        for each in rebuilds:
            if each.position >= page.reached:
                continue  # It was resumed from further on.
            events = [
                it for it in page.events if it.position > each.position and type(it.event) in each.types
            ]
            try:
                each.fold(events, page.reached)
                each.keep_sometimes(newest, Phase.FOLD)
            except FoldAgain:
                continue
            on_progress(each.progress(newest, Phase.FOLD))
        if stop.is_set():
            raise StoppedError


@contextmanager
def _taken(leases: Sequence[Lease], database: Database[dict[str, Any]], stop: Flag) -> Iterator[None]:
    """Hold the leases of rebuilds, also those of a process that no longer beats.

    That takes six seconds to see, and all of them are watched meanwhile: a process that died may have held
    them all. They are taken in turn, so that of two processes that want the same ones, one gets them.
    """
    records, ids = database[COLLECTION], [each.identifier for each in leases]
    for identifier in ids:
        records.update_one({"_id": identifier}, {"$setOnInsert": {"position": 0}}, upsert=True)
    with beating(leases):  # From the first one on: it may take seconds to get the others.
        try:
            for _ in range(len(leases) + round(GONE_AFTER_S / 0.25) + 2):
                found = {record["_id"]: record for record in records.find({"_id": {"$in": ids}})}
                lacking = [each for each in leases if not each.held]
                while lacking and lacking[0].take(found[lacking[0].identifier]):
                    lacking.pop(0)
                if not lacking:
                    break
                for each in lacking[1:]:
                    each.look(found[each.identifier])
                if stop.wait(0.25):
                    raise StoppedError
            else:
                name, record = lacking[0].identifier.partition("#")[0], found[lacking[0].identifier]
                since = record.get("startedAt")
                begun = f", since {since:%Y-%m-%d %H:%M} UTC," if since else ""
                holder = lacking[0].holder(record)
                msg = f"{name} is being rebuilt already{begun} by {holder}: see `billie status`"
                raise RebuildRunsError(msg)
            yield
        finally:
            for lease in leases:
                if lease.held:
                    lease.release()


def _trial(projection: Projection, servicing: Servicing, newest: int) -> float:
    begun = monotonic()
    with scratch(projection, EventReader(servicing, projection.topics(), projection.name)) as fold:
        while fold.position < newest and monotonic() - begun < _TRIAL_S:
            fold.fold_to(min(newest, fold.position + _TRIAL_PAGE))
        return (monotonic() - begun) * newest / max(1, fold.position)
