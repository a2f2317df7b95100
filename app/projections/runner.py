"""Runs projectors: follows the event store until told to stop, or until caught up."""

import logging
from collections.abc import Callable, Sequence
from threading import Event as Flag
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import AutoReconnect, PyMongoError

from app.aggregates import EVENT_STORE_ERRORS, Servicing
from app.projections.catalogue import all_projections
from app.projections.engine import Engine, ProjectionFault
from app.projections.migrations import waiting
from app.runtime.back_off import BackOff
from app.runtime.settings import Settings

log = logging.getLogger(__name__)


def mongo_client(settings: Settings) -> MongoClient[dict[str, Any]]:
    """A client that reads times as aware, in UTC, and gives up on an absent server after 5 s."""
    return MongoClient(settings.mongo_url, tz_aware=True, serverSelectionTimeoutMS=5_000)


def run(
    settings: Settings,
    names: Sequence[str] = (),
    *,
    drain: bool = False,
    stop: Flag | None = None,
    on_progress: Callable[[dict[str, int], int], None] | None = None,
) -> None:
    """Run the projectors ``names`` (all, if empty) until ``stop`` is set, or caught up with ``drain``.

    ``on_progress`` is told the position of each and the newest one. A store or MongoDB that is away
    is waited for, but for ``drain``, which raises the driver's error. Raises KeyError for an unknown
    name. A projection that cannot go on is left where it is, and the others go on; its ProjectionFault
    is raised at the end.
    """
    stop = stop or Flag()
    projections = all_projections(settings)
    servicing = Servicing.from_url(settings.event_store_url)
    client = mongo_client(settings)
    try:
        database = client[settings.mongo_db]
        _warn_of_migrations(database)
        engines = [
            Engine(projections[name], servicing, database, settings.project_batch)
            for name in names or projections
        ]
        _follow(engines, servicing, settings, drain=drain, stop=stop, on_progress=on_progress)
    finally:
        client.close()
        servicing.close()


def _warn_of_migrations(database: Database[dict[str, Any]]) -> None:
    try:
        names = waiting(database)
    except PyMongoError:
        return  # Whoever reads or writes next waits for the server, and says so.
    if names:
        log.warning("MongoDB lacks validators or indexes: run `billie migrate` (%s)", ", ".join(names))


def _follow(
    engines: list[Engine],
    servicing: Servicing,
    settings: Settings,
    *,
    drain: bool,
    stop: Flag,
    on_progress: Callable[[dict[str, int], int], None] | None,
) -> None:
    faults: list[ProjectionFault] = []
    back_off = BackOff(stop)
    while engines and not stop.is_set():
        try:
            moved = sum(_step(engine, engines, faults) for engine in tuple(engines) if not stop.is_set())
            if moved and on_progress is not None:
                on_progress(
                    {engine.projection.name: engine.position() for engine in engines},
                    servicing.max_position(),
                )
        except (*EVENT_STORE_ERRORS, PyMongoError) as error:
            if drain and (back_off.failures or not isinstance(error, AutoReconnect)):
                raise
            back_off.failed(error)
            continue
        back_off.went_well()
        if not moved:
            if drain:
                break
            stop.wait(settings.poll_ms / 1_000)
    if faults:
        raise faults[0]


def _step(engine: Engine, engines: list[Engine], faults: list[ProjectionFault]) -> int:
    try:
        return engine.step()
    except ProjectionFault as fault:
        log.error("%s. It stays at position %d; the others go on", fault, engine.position())
        engines.remove(engine)
        faults.append(fault)
        return 0
