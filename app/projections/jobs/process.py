"""A job's own process: what it folds must not slow the projections that are followed meanwhile.

It says what it does in lines of JSON, one thing each: ``progress``, ``outcome``, ``example`` or ``error``. It
stops, with all kept, at SIGTERM and when its input ends: then whoever started it is gone.
"""

import json
import os
import sys
from collections import Counter
from contextlib import closing
from dataclasses import asdict
from threading import Event as Flag
from threading import Thread
from time import monotonic
from typing import Any

from pymongo.database import Database
from pymongo.errors import PyMongoError

from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.projections.engine.faults import ProjectionFault
from app.projections.engine.leases import LeaseLostError, StoppedError
from app.projections.engine.projection import Projection
from app.projections.jobs.jobs import JobKind, Order
from app.projections.read_models.catalogue import all_projections
from app.projections.rebuild.differences import Difference, Kind
from app.projections.rebuild.rebuild import Progress
from app.projections.rebuild.run import RebuildRunsError, run_rebuilds
from app.projections.rebuild.verify import Checked, Verify
from app.runtime.observability.logging import configure_logging, in_short
from app.runtime.servers.clients import mongo_client
from app.runtime.servers.gc_tuning import favour_throughput
from app.runtime.servers.stopping import StopSignal
from app.runtime.settings.settings import get_settings

STOPPED = 4
"""The exit code of one that was stopped: what it folded is kept."""

EXAMPLES = 100
"""Differences of a projection that are told one by one; all are counted."""
_SAY_EVERY_S = 0.5

Told = dict[str, Any]


def main() -> None:
    """The order is the first argument, in JSON. Exits with 1 once an error is told, and with STOPPED."""
    told = json.loads(sys.argv[1])
    order = Order(JobKind(told["kind"]), tuple(told["projections"]), told["fix"], told["resume"])
    settings = get_settings()
    configure_logging("project", settings.log_format)
    favour_throughput()
    with StopSignal() as stop, closing(mongo_client(settings)) as client:
        Thread(target=_stop_with_input, args=(stop,), daemon=True).start()
        known = all_projections(settings)
        try:
            with closing(Servicing.of(settings)) as servicing:
                work = _Work(
                    [known[name] for name in order.projections], servicing, client[settings.mongo_db]
                )
                work.do(order, stop)
        except StoppedError:
            sys.exit(STOPPED)
        except (RebuildRunsError, LeaseLostError, ProjectionFault) as error:
            _say(error=str(error))
            sys.exit(1)
        except (*EVENT_STORE_ERRORS, PyMongoError) as error:
            _say(error=f"A server does not answer: {in_short(error)}")
            sys.exit(1)


class _Work:
    def __init__(self, projections: list[Projection], servicing: Servicing, database: Database[Told]) -> None:
        self._projections, self._servicing, self._database = projections, servicing, database
        self._said: dict[str, tuple[str, float]] = {}

    def do(self, order: Order, stop: Flag) -> None:
        if order.kind is JobKind.REBUILD:
            done = run_rebuilds(
                self._projections, self._servicing, self._database, stop, self._folded, resume=order.resume
            )
            for each in done:
                outcome = asdict(each)
                _say(outcome={"projection": outcome.pop("name"), **outcome})
            return
        for projection in self._projections:
            self._verify(projection, stop, fix=order.fix)

    def _verify(self, projection: Projection, stop: Flag, *, fix: bool) -> None:
        begun = monotonic()
        verify = Verify(projection, self._servicing, self._database, stop)
        reached = events = 0

        def checked(how_far: Checked) -> None:
            nonlocal reached, events
            reached, events = how_far.position, how_far.events
            phase = "fold" if how_far.position < how_far.newest else "compare"
            self._show(projection.name, phase, how_far.position, how_far.newest, how_far.documents)

        counts = Counter[bool]()
        for number, difference in enumerate(verify.run(checked, fix=fix)):
            counts[difference.kind is Kind.UNDECIDED] += 1
            if number < EXAMPLES:
                _say(example=_example(difference))
        _say(
            outcome={
                "projection": projection.name,
                "position": reached,
                "events": events,
                "documents": verify.documents,
                "differences": counts[False],
                "undecided": counts[True],
                "fixed": counts.total() - verify.unfixed if fix else 0,
                "seconds": round(monotonic() - begun, 1),
            }
        )

    def _folded(self, how_far: Progress) -> None:
        self._show(how_far.name, how_far.phase.value, how_far.position, how_far.newest, how_far.documents)

    def _show(self, name: str, phase: str, position: int, newest: int, documents: int) -> None:
        before, at = self._said.get(name, ("", 0.0))
        if phase == before and monotonic() - at < _SAY_EVERY_S and position < newest:
            return
        self._said[name] = (phase, monotonic())
        _say(
            progress={
                "projection": name,
                "phase": phase,
                "position": position,
                "newest": newest,
                "documents": documents,
            }
        )


def _example(difference: Difference) -> Told:
    """Without values: they may be personal, and this is kept."""
    return {
        "projection": difference.projection,
        "id": difference.identifier,
        "kind": difference.kind.value,
        "position": difference.position,
        "fields": [each.path for each in difference.fields],
    }


def _say(**told: Any) -> None:
    sys.stdout.write(f"{json.dumps(told)}\n")
    sys.stdout.flush()


def _stop_with_input(stop: Flag) -> None:
    while os.read(0, 1_024):  # Not through sys.stdin, whose lock would be held as the process ends.
        continue
    stop.set()


if __name__ == "__main__":
    main()
