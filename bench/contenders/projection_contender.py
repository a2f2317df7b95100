"""One way to bring read models up to the events, in a process of its own, with settings as any role has them.

Started by :mod:`bench.projections` as ``python -m bench.contenders.projection_contender WAY SOURCE NAME…``.
It says that it is ready, waits for the word, works, and tells what that took. The floor writes the
documents of the database SOURCE.
"""

import json
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event as Flag
from time import perf_counter, process_time
from typing import Any

from eventsourcing.persistence import Tracking
from eventsourcing.projection import ProjectionRunner
from pymongo import InsertOne
from pymongo.database import Database

from app.event_store.application import Servicing
from app.event_store.url import event_store_environment
from app.projections.engine.projection import Projection
from app.projections.migrations import migrate
from app.projections.read_models.catalogue import all_projections
from app.projections.rebuild.run import run_rebuilds
from app.projections.rebuild.verify import Verify
from app.runtime.bootstrap import Process, Project
from app.runtime.servers.clients import mongo_client
from app.runtime.servers.gc_tuning import favour_throughput
from app.runtime.settings.settings import Settings, get_settings
from bench.contenders.plain_projection import PlainProjection, PlainView, plain_environment

_PAGE = 2_000
_LIBRARY_WITHIN_S = 600.0

Mongo = Database[dict[str, Any]]
Documents = dict[str, list[dict[str, Any]]]


class Floor:
    """What nobody can do without: the events read as rows, and each final document inserted once."""

    def __init__(self, settings: Settings, database: Mongo, documents: Documents) -> None:
        self._settings, self._database, self._documents = settings, database, documents

    def run(self) -> None:
        with closing(Servicing.from_url(self._settings.event_store_url)) as servicing:
            newest, position = servicing.max_position(), 0
            while position < newest:
                position = servicing.page(position, newest, _PAGE)[-1].position
        for name, documents in self._documents.items():
            for start in range(0, len(documents), _PAGE):
                page = documents[start : start + _PAGE]
                self._database[name].bulk_write([InsertOne(each) for each in page], ordered=False)


class _Through(PlainProjection):
    """The plain projection, that says when it has come to the newest event."""

    name = PlainProjection.name
    newest = 0
    done = Flag()

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        super().process_event(domain_event, tracking)
        if tracking.notification_id >= self.newest:
            self.done.set()


def library(settings: Settings) -> None:
    """The library's ``ProjectionRunner``, until the newest event."""
    environment = plain_environment(event_store_environment(settings.event_store_url))
    with closing(Servicing.from_url(settings.event_store_url)) as servicing:
        _Through.newest = servicing.max_position()
    with ProjectionRunner(
        application_class=Servicing,
        projection_class=_Through,
        view_class=PlainView,
        env=environment,
    ) as runner:
        if not _Through.done.wait(_LIBRARY_WITHIN_S):
            runner.run_forever(timeout=0)  # Raises what it failed at.
            msg = f"The plain projection was not through after {_LIBRARY_WITHIN_S:.0f} s"
            raise RuntimeError(msg)


def rebuild(settings: Settings, database: Mongo, projections: list[Projection]) -> None:
    """``billie rebuild``, without its start."""
    with closing(Servicing.from_url(settings.event_store_url)) as servicing:
        run_rebuilds(projections, servicing, database, Flag(), lambda _: None)


def verify(settings: Settings, database: Mongo, projections: list[Projection]) -> None:
    """``billie verify``, without its start. Raises RuntimeError on a difference: there must be none."""
    with closing(Servicing.from_url(settings.event_store_url)) as servicing:
        for projection in projections:
            for difference in Verify(projection, servicing, database, Flag()).run(lambda _: None):
                msg = f"{projection.name} {difference.identifier}: {difference.kind}"
                raise RuntimeError(msg)


def _way(
    name: str, settings: Settings, source: Mongo, database: Mongo, names: list[str]
) -> Callable[[], None]:
    """What to do at the word; all that must be there beforehand is made here."""
    projections = [all_projections(settings)[each] for each in names]
    if name == "floor":
        documents = {each: list(source[each].find()) for it in projections for each in it.collections()}
        return Floor(settings, database, documents).run
    return {
        "library": lambda: library(settings),
        "live": lambda: Project(Process(settings), names).run(drain=True),
        "rebuild": lambda: rebuild(settings, database, projections),
        "verify": lambda: verify(settings, database, projections),
    }[name]


def main(name: str, source: str, names: list[str]) -> None:
    """Ready, wait, work, tell."""
    settings = get_settings()
    favour_throughput()
    with closing(mongo_client(settings)) as client:
        database = client[settings.mongo_db]
        list(migrate(database))
        work = _way(name, settings, client[source], database, names)
        print("ready", flush=True)
        sys.stdin.readline()
        begun, computed = perf_counter(), process_time()
        work()
        report = {
            "seconds": perf_counter() - begun,
            "cpu_s": process_time() - computed,
            "peak_mb": high_water_mb(),
        }
    print(json.dumps(report), flush=True)


def high_water_mb() -> float:
    """The most that this process ever held; 0 where there is no ``/proc``.

    What ``getrusage`` says may be the parent's, until this program is loaded.
    """
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else []:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1_024 / 1e6
    return 0.0


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
