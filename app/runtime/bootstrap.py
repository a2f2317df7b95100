"""The one place where roles are wired: settings become one typed object a role, whose ``run`` does the work.

Constructing it opens nothing: ``run`` opens the stores, waits for servers that are away, and closes all of
them at its end.
"""

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Lock
from typing import Any

from prometheus_client.registry import Collector
from pymongo.database import Database
from pymongo.errors import PyMongoError

from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.messages.parsers import NO_PARSERS, Parsers
from app.ingestion.stream.consumer import LOOP, Consumer, connect
from app.ingestion.stream.consumer_name import consumer_name
from app.privacy.master_keys import MasterKeyError
from app.projections.engine.faults import ProjectionFault
from app.projections.engine.leases import Lease, beating, owner_name
from app.projections.engine.projector import Projector
from app.projections.jobs.runner import jobs_run
from app.projections.migrations import waiting
from app.projections.read_models.catalogue import all_projections
from app.projections.worker import Worker
from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.observability.logging import configure_logging
from app.runtime.observability.metrics import Role
from app.runtime.observability.metrics_server import More, serving_metrics
from app.runtime.observability.tracing import NO_TRACING, Tracing, tracing
from app.runtime.servers.back_off import BackOff
from app.runtime.servers.clients import mongo_client
from app.runtime.servers.gc_tuning import favour_throughput
from app.runtime.servers.stopping import StopSignal
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Process:
    """What the roles have in common: settings, the flag that stops them, heartbeats and traces."""

    settings: Settings
    stop: Flag = field(default_factory=Flag)
    heartbeats: Heartbeats = field(default_factory=Heartbeats)
    tracing: Tracing = NO_TRACING


@contextmanager
def running(settings: Settings, role: Role, *collectors: Collector, more: More = dict) -> Iterator[Process]:
    """A process that works through batches: with logs, metrics, traces, and a clean stop by a signal.

    Raises PortTakenError if the port of the metrics is taken.
    """
    configure_logging(role.value, settings.log_format)
    favour_throughput()
    heartbeats = Heartbeats()
    with (
        serving_metrics(settings, role, collectors, heartbeats, more),
        tracing(settings, role) as traced,
        StopSignal() as stop,
    ):
        yield Process(settings, stop, heartbeats, traced)


@dataclass(frozen=True)
class Ingest:
    """The role that consumes the inbox stream."""

    process: Process
    parsers: Parsers = NO_PARSERS

    def run(
        self, *, drain: bool = False, on_progress: Callable[[int, int], None] = lambda _entries, _dead: None
    ) -> None:
        """Consume until stopped, or with ``drain`` until nothing is left: see :meth:`Consumer.run`."""
        process = self.process
        process.heartbeats.expect(LOOP)
        servicing = _open_store(process, cache=process.settings.aggregate_cache, patient=not drain)
        if servicing is None:
            return
        redis = connect(process.settings)
        with closing(servicing), closing(redis), consumer_name(process.settings) as name:
            consumer = Consumer(
                process.settings,
                redis,
                servicing,
                process.stop,
                name,
                self.parsers,
                process.heartbeats,
                process.tracing,
            )
            consumer.run(drain=drain, on_progress=on_progress)


@dataclass(frozen=True)
class Project:
    """The role that folds events into documents; with ``takes_jobs`` it runs jobs too."""

    process: Process
    names: Sequence[str] = ()
    strict: bool = False
    takes_jobs: bool = False

    def run(
        self, *, drain: bool = False, on_progress: Callable[[dict[str, int], int], None] | None = None
    ) -> None:
        """Run the projections ``names`` (all, if empty) until stopped, or with ``drain`` until caught up.

        Each has a thread, so that none waits for another's writes. A projection whose lease another process
        holds waits for it. A document that cannot follow is set aside, or with ``strict`` stalls its
        projection. A stalled projection stores why in ``projection-positions``, and tries again every ten
        seconds; with ``drain`` its ProjectionFault is raised when the others are done. A store or MongoDB
        that is away is waited for; with ``drain`` the driver's error is raised. Any other error is a bug: it
        stops the process, and is raised once all leases are given up. Raises KeyError for an unknown name.
        """
        process, settings = self.process, self.process.settings
        projections = all_projections(settings)
        names = self.names or tuple(projections)
        process.heartbeats.expect(*names)
        servicing = _open_store(process, patient=not drain)
        if servicing is None:
            return
        jobs = jobs_run(settings, process.heartbeats) if self.takes_jobs else nullcontext()
        with closing(servicing), closing(mongo_client(settings)) as client, jobs:
            database = client[settings.mongo_db]
            _warn_of_migrations(database)
            owner, on_moved = owner_name("project"), _reporter(on_progress)
            workers = [
                Worker(
                    Projector(
                        projections[name],
                        servicing,
                        database,
                        settings.project_batch,
                        strict=self.strict,
                        tracing=process.tracing,
                    ),
                    Lease(database, name, owner),
                    on_moved,
                )
                for name in names
            ]
            with (
                beating([each.lease for each in workers]),
                ThreadPoolExecutor(len(workers), thread_name_prefix="project") as threads,
            ):
                runs = [
                    threads.submit(each.run, settings, process.heartbeats, process.stop, drain=drain)
                    for each in workers
                ]
        errors = [error for each in runs if (error := each.exception()) is not None]
        for error in sorted(errors, key=lambda each: isinstance(each, ProjectionFault)):
            raise error


@dataclass(frozen=True)
class Api:
    """The role that serves REST and, if it is on, the console; ``app/api/services.py`` wires its parts."""

    settings: Settings

    def run(self, on_listening: Callable[[str], None]) -> None:
        """Serve until stopped by a signal; ``on_listening`` gets the address.

        Raises ConfigurationError for settings that cannot be used, and PortTakenError.
        """
        from app.api.http.server import ApiServer, listen
        from app.console.application import create_app
        from app.operations.servers import Servers
        from app.operations.status.metrics import MoneyMetrics

        settings = self.settings
        with tracing(settings, Role.API) as traced, closing(Servers(settings)) as servers:
            app = create_app(settings, traced)
            servers.check_master_key()
            configure_logging(Role.API.value, settings.log_format)
            with (
                listen(settings.api_host, settings.api_port, settings.api_stall_seconds) as listener,
                serving_metrics(settings, Role.API, [MoneyMetrics(servers)]),
            ):
                host = f"[{settings.api_host}]" if ":" in settings.api_host else settings.api_host
                on_listening(f"http://{host}:{listener.getsockname()[1]}")
                gc.freeze()  # No garbage is looked for among what stays for good.
                ApiServer(app, settings).run(sockets=[listener])


def _open_store(process: Process, *, patient: bool, cache: int = 0) -> Servicing | None:
    """The store; None if stopped before it answered.

    With ``patient``, a server that is away is waited for; a file is not. Raises one of EVENT_STORE_ERRORS
    otherwise, and MasterKeyError at once: only a person can set the right key.
    """
    back_off = BackOff(process.stop)
    while not process.stop.is_set():
        try:
            return Servicing.of(process.settings, cache)
        except MasterKeyError:
            raise
        except EVENT_STORE_ERRORS as error:
            if not patient or process.settings.event_store_url.startswith("sqlite"):
                raise
            process.heartbeats.beat_all(well=False)
            back_off.failed(error)
    return None


def _reporter(on_progress: Callable[[dict[str, int], int], None] | None) -> Callable[[Projector], None]:
    """Reports the positions of all projections, moved by any thread."""
    positions: dict[str, int] = {}
    lock = Lock()

    def moved(projector: Projector) -> None:
        if on_progress is not None:
            with lock:
                positions[projector.projection.name] = projector.position()
                on_progress(positions, projector.newest())

    return moved


def _warn_of_migrations(database: Database[dict[str, Any]]) -> None:
    try:
        names = waiting(database)
    except PyMongoError:
        return  # The next read or write waits for the server, and logs it.
    if names:
        log.warning("MongoDB lacks validators or indexes: run `billie migrate` (%s)", ", ".join(names))
