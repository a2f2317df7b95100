"""Runs projectors: each follows the event store while it has its lease, until told to stop or caught up."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Flag
from threading import Lock
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import AutoReconnect, PyMongoError

from app.event_store.errors import EVENT_STORE_ERRORS
from app.projections.engine.faults import ProjectionFault
from app.projections.engine.following import Following
from app.projections.engine.leases import Lease, beating, owner_name
from app.projections.engine.steps import Engine
from app.projections.migrations import waiting
from app.projections.read_models.catalogue import all_projections
from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.observability.logging import where
from app.runtime.observability.tracing import NO_TRACING, Tracing
from app.runtime.servers.back_off import BackOff
from app.runtime.servers.clients import mongo_options
from app.runtime.servers.opened_store import open_store
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

Progress = Callable[[dict[str, int], int], None]


def mongo_client(settings: Settings) -> MongoClient[dict[str, Any]]:
    """A client that reads times as aware, in UTC, and gives up on an absent server after 5 s."""
    return MongoClient(settings.mongo_url, serverSelectionTimeoutMS=5_000, **mongo_options(settings))


def run(
    settings: Settings,
    names: Sequence[str] = (),
    *,
    drain: bool = False,
    strict: bool = False,
    stop: Flag | None = None,
    on_progress: Progress | None = None,
    heartbeats: Heartbeats | None = None,
    tracing: Tracing = NO_TRACING,
) -> None:
    """Run the projectors ``names`` (all, if empty) until ``stop`` is set, or caught up with ``drain``.

    Each has a thread: none waits for another's writes. One that another process has the lease of waits for
    it. ``on_progress`` is told the position of each and the newest one. A store or MongoDB that is away is
    waited for, but for ``drain``, which raises the driver's error. Raises KeyError for an unknown name. A
    document that cannot follow is set aside, or with ``strict`` stops its projection. One that cannot go on
    says why in ``projection-positions``, and tries again every ten seconds; with ``drain`` its
    ProjectionFault is raised when the others are done. Any other error is a fault of ours: it sets ``stop``,
    and is raised once all have given up their leases.
    """
    stop = stop or Flag()
    projections = all_projections(settings)
    heartbeats = heartbeats or Heartbeats()
    heartbeats.expect(*(names or projections))
    servicing = open_store(settings, stop, patient=not drain, heartbeats=heartbeats)
    if servicing is None:
        return
    client = mongo_client(settings)
    try:
        database = client[settings.mongo_db]
        _warn_of_migrations(database)
        told, owner = _Told(on_progress), owner_name("project")
        followings = [
            Following(
                Engine(
                    projections[name],
                    servicing,
                    database,
                    settings.project_batch,
                    strict=strict,
                    tracing=tracing,
                ),
                Lease(database, name, owner),
                told.moved,
            )
            for name in names or projections
        ]
        with (
            beating([each.lease for each in followings]),
            ThreadPoolExecutor(len(followings), thread_name_prefix="project") as threads,
        ):
            runs = [
                threads.submit(_follow, each, settings, heartbeats, drain=drain, stop=stop)
                for each in followings
            ]
        errors = [error for each in runs if (error := each.exception()) is not None]
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


def _follow(
    following: Following, settings: Settings, heartbeats: Heartbeats, *, drain: bool, stop: Flag
) -> None:
    back_off = BackOff(stop, following.name)
    while not stop.is_set():
        try:
            wait = following.step(settings.poll_ms / 1_000)
        except ProjectionFault:
            if drain:
                following.end()
                raise
            wait = following.try_again_s
        except (*EVENT_STORE_ERRORS, PyMongoError) as error:
            if drain and (back_off.failures or not isinstance(error, AutoReconnect)):
                raise
            heartbeats.beat(following.name, well=False)
            back_off.failed(error)
            continue
        except Exception as error:
            # All end: a thread that ended alone would leave its lease beating, so that nobody took over.
            log.error("%s: a fault of ours ends this process: %s", following.name, where(error))
            stop.set()
            following.end()
            raise
        heartbeats.beat(following.name)
        back_off.went_well()
        if wait:
            if drain and following.is_through():
                break
            stop.wait(wait)
    following.end()
