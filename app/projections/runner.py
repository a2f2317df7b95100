"""Runs projectors: follows the event store until told to stop, or until caught up."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Flag
from threading import Lock
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

Progress = Callable[[dict[str, int], int], None]


def mongo_client(settings: Settings) -> MongoClient[dict[str, Any]]:
    """A client that reads times as aware, in UTC, and gives up on an absent server after 5 s."""
    return MongoClient(settings.mongo_url, tz_aware=True, serverSelectionTimeoutMS=5_000)


def run(
    settings: Settings,
    names: Sequence[str] = (),
    *,
    drain: bool = False,
    stop: Flag | None = None,
    on_progress: Progress | None = None,
) -> None:
    """Run the projectors ``names`` (all, if empty) until ``stop`` is set, or caught up with ``drain``.

    Each has a thread: none waits for another's writes. ``on_progress`` is told the position of each and the
    newest one. A store or MongoDB that is away is waited for, but for ``drain``, which raises the driver's
    error. Raises KeyError for an unknown name. A projection that cannot go on is left where it is, and the
    others go on; its ProjectionFault is raised at the end.
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
        told = _Told(on_progress)
        with ThreadPoolExecutor(len(engines), thread_name_prefix="project") as threads:
            followings = [
                threads.submit(_follow, engine, settings, told, drain=drain, stop=stop) for engine in engines
            ]
        errors = [error for following in followings if (error := following.exception()) is not None]
        for error in sorted(errors, key=lambda each: isinstance(each, ProjectionFault)):
            raise error
    finally:
        client.close()
        servicing.close()


class _Told:
    """Tells the progress of all projections, whichever thread made it."""

    def __init__(self, on_progress: Progress | None) -> None:
        self._on_progress = on_progress
        self._positions: dict[str, int] = {}
        self._telling = Lock()

    def moved(self, engine: Engine) -> None:
        if self._on_progress is not None:
            with self._telling:
                self._positions[engine.projection.name] = engine.position()
                self._on_progress(self._positions, engine.newest())


def _warn_of_migrations(database: Database[dict[str, Any]]) -> None:
    try:
        names = waiting(database)
    except PyMongoError:
        return  # Whoever reads or writes next waits for the server, and says so.
    if names:
        log.warning("MongoDB lacks validators or indexes: run `billie migrate` (%s)", ", ".join(names))


def _follow(engine: Engine, settings: Settings, told: _Told, *, drain: bool, stop: Flag) -> None:
    back_off = BackOff(stop, engine.projection.name)
    while not stop.is_set():
        try:
            moved = engine.step()
            if moved:
                told.moved(engine)
        except ProjectionFault as fault:
            log.error("%s. It stays at position %d; the others go on", fault, engine.position())
            raise
        except (*EVENT_STORE_ERRORS, PyMongoError) as error:
            if drain and (back_off.failures or not isinstance(error, AutoReconnect)):
                raise
            back_off.failed(error)
            continue
        back_off.went_well()
        if not moved:
            if drain:
                return
            stop.wait(settings.poll_ms / 1_000)
