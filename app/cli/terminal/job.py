"""A job on read models: which ones, its connections, and its report, as text or as lines of JSON."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from time import monotonic
from typing import Any, NamedTuple

import typer
from pymongo.database import Database
from pymongo.errors import PyMongoError

from app.cli.terminal.status_line import StatusLine
from app.errors import BillieError, UsageError
from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.projections.engine.leases import StoppedError
from app.projections.engine.projection import Projection
from app.projections.read_models.catalogue import all_projections
from app.projections.rebuild.outcome import Progress
from app.runtime.observability.logging import configure_logging, in_short
from app.runtime.servers.clients import mongo_client
from app.runtime.servers.gc_tuning import favour_throughput
from app.runtime.servers.stopping import StopSignal
from app.runtime.settings.settings import Settings

_PROGRESS_EVERY_S = 0.5


class Report(StatusLine):
    """Prints ``progress``, ``difference``, ``outcome`` and ``error`` lines, or their text."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__(at_once=True)
        self.as_json = as_json
        self._reported: dict[str, tuple[str, float]] = {}

    def say(self, text: str = "", **line: object) -> None:
        """Print the line of JSON or, without ``--json``, the text."""
        if self.as_json and line:
            typer.echo(json.dumps(line))
        elif text and not self.as_json:
            self.end()
            typer.echo(text)

    def report(self, progress: Progress) -> None:
        """Print a line of a read model's progress, at most two a second of one phase."""
        before, at = self._reported.get(progress.projection, ("", 0.0))
        is_soon = progress.phase == before and monotonic() - at < _PROGRESS_EVERY_S
        if not is_soon or progress.position >= progress.newest:
            self._reported[progress.projection] = (progress.phase, monotonic())
            self.say(progress=progress.model_dump(mode="json"))


class Job(NamedTuple):
    stop: StopSignal
    database: Database[dict[str, Any]]
    servicing: Servicing
    report: Report


@contextmanager
def job(command: str, settings: Settings, *, as_json: bool, stop_at_eof: bool) -> Iterator[Job]:
    """Connects, and stops on a signal with exit code 1. ``--json`` names the error that ends the command."""
    configure_logging(command, settings.log_format)
    favour_throughput()
    with (
        StopSignal() as stop,
        closing(mongo_client(settings)) as client,
        Report(as_json=as_json) as report,
        _named(report),
        closing(Servicing.of(settings)) as servicing,
    ):
        if stop_at_eof:
            stop.also_at_eof()
        yield Job(stop, client[settings.mongo_db], servicing, report)


@contextmanager
def _named(report: Report) -> Iterator[None]:
    try:
        yield
    except StoppedError as error:
        raise typer.Exit(1) from error
    except BillieError as error:
        report.say(error=str(error))
        raise
    except (*EVENT_STORE_ERRORS, PyMongoError) as error:
        report.say(error=f"A server cannot be reached: {in_short(error)}")
        raise


def chosen(settings: Settings, names: list[str] | None, *, all_of_them: bool) -> list[Projection]:
    """Those that were named, or all. Raises UsageError if a name is unknown or missing."""
    known = all_projections(settings)
    if unknown := [name for name in names or () if name not in known]:
        raise UsageError(f"No read model {', '.join(unknown)}: there are {', '.join(known)}")
    if all_of_them:
        return list(known.values())
    if not names:
        raise UsageError(f"Name a read model, or use --all: there are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)]
