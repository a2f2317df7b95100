"""``billie rebuild``: rebuild read models from their events, while the live ones are used."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from time import monotonic
from typing import Annotated, Any

import typer
from pymongo.database import Database
from pymongo.errors import PyMongoError

from app.cli.terminal.chosen import chosen
from app.cli.terminal.configured import settings_for
from app.cli.terminal.json_lines import JsonLines
from app.cli.terminal.rebuild_progress import RebuildProgress
from app.errors import BillieError, UsageError
from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.projections.engine.faults import ProjectionFault
from app.projections.engine.leases import StoppedError
from app.projections.engine.projection import Projection
from app.projections.rebuild.one_document import rebuild_document
from app.projections.rebuild.rebuild import Progress
from app.projections.rebuild.run import discard_rebuild, estimate, run_rebuilds
from app.runtime.humanize import counted, span
from app.runtime.observability.logging import configure_logging, in_short
from app.runtime.servers.clients import mongo_client
from app.runtime.servers.gc_tuning import favour_throughput
from app.runtime.servers.stopping import StopSignal


def command(
    names: Annotated[list[str] | None, typer.Argument(help="The read models to rebuild.")] = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="All, in one pass over the events.")] = False,
    identifier: Annotated[
        str | None, typer.Option("--id", help="Rebuild one document of one read model, in its place.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume an unfinished rebuild.")] = False,
    discard: Annotated[bool, typer.Option("--discard", help="Only drop an unfinished rebuild.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show events, documents and expected time.")
    ] = False,
    strict: Annotated[
        bool, typer.Option(help="Stop at an event that cannot be folded, or set its document aside.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Progress and outcome as lines of JSON.")] = False,
    stop_at_eof: Annotated[
        bool, typer.Option("--stop-at-eof", hidden=True, help="Stop when standard input ends.")
    ] = False,
) -> None:
    """Rebuild read models from the events, with no downtime: beside the live ones, then swapped."""
    settings = settings_for("rebuild")
    projections = chosen(settings, names, all_of_them=all_of_them)
    if identifier is not None and len(projections) != 1:
        raise UsageError("--id takes the name of one read model")
    configure_logging("rebuild", settings.log_format)
    favour_throughput()
    lines = JsonLines(is_on=as_json)
    with (
        StopSignal() as stop,
        closing(mongo_client(settings)) as client,
        _reported(projections, lines),
        closing(Servicing.of(settings)) as servicing,
    ):
        if stop_at_eof:
            stop.also_at_eof()
        database = client[settings.mongo_db]
        if dry_run:
            for each in estimate(projections, servicing, database):
                typer.echo(
                    f"{each.name}: {counted(each.events, 'event')} to read, some "
                    f"{counted(each.documents, 'document')} to write, about {span(each.seconds)} "
                    f"({each.basis})."
                )
        elif discard:
            for projection in projections:
                done = "discarded" if discard_rebuild(projection, database, stop) else "nothing to discard"
                typer.echo(f"{projection.name}: {done}.")
        elif identifier is not None:
            _one(projections[0], servicing, database, identifier, stop)
        else:
            _whole(projections, servicing, database, stop, lines, resume=resume, strict=strict)


@contextmanager
def _reported(projections: list[Projection], lines: JsonLines) -> Iterator[None]:
    """Exit with what a person can do about an error."""
    unchanged = "The live collections are unchanged"
    which = " ".join(each.name for each in projections)
    try:
        yield
    except StoppedError as error:
        lines.say(stopped=True)
        typer.echo(
            f"Stopped. {unchanged}. `billie rebuild {which} --resume` continues, `billie rebuild {which} "
            "--discard` drops what is done.",
            err=True,
        )
        raise typer.Exit(1) from error
    except ProjectionFault as error:
        lines.say(error=str(error))
        typer.echo(
            f"{error}. {unchanged}. Fix the cause and rebuild again, or set that document aside with "
            "--no-strict.",
            err=True,
        )
        raise typer.Exit(1) from error
    except (*EVENT_STORE_ERRORS, PyMongoError) as error:
        lines.say(error=f"A server cannot be reached: {in_short(error)}")
        typer.echo(f"{unchanged}; --resume continues.", err=True)
        raise
    except BillieError as error:
        lines.say(error=str(error))
        raise


def _whole(
    projections: list[Projection],
    servicing: Servicing,
    database: Database[dict[str, Any]],
    stop: StopSignal,
    lines: JsonLines,
    *,
    resume: bool,
    strict: bool,
) -> None:
    begun = monotonic()
    with RebuildProgress([each.name for each in projections]) as shown:

        def show(progress: Progress) -> None:
            if lines.is_on:
                it = progress
                lines.progress(it.name, it.phase.value, it.position, it.newest, it.documents)
            else:
                shown.show(progress)

        done = run_rebuilds(projections, servicing, database, stop, show, strict=strict, resume=resume)
    for each in done:
        if lines.is_on:
            outcome = asdict(each)
            lines.say(outcome={"projection": outcome.pop("name"), **outcome})
            continue
        typer.echo(
            f"{each.name}: {counted(each.documents, 'document')} of {counted(each.events, 'event')}, "
            f"at position {each.position:,}, in {span(each.seconds)}."
        )
    if len(done) > 1 and not lines.is_on:
        typer.echo(f"All in {span(monotonic() - begun)}.")


def _one(
    projection: Projection,
    servicing: Servicing,
    database: Database[dict[str, Any]],
    identifier: str,
    stop: StopSignal,
) -> None:
    begun = monotonic()
    if rebuild_document(projection, servicing, database, identifier, stop):
        typer.echo(f"{projection.name}: document {identifier} rebuilt, in {span(monotonic() - begun)}.")
    else:
        typer.echo(f"{projection.name}: no events for {identifier}; the document does not exist.", err=True)
        raise typer.Exit(1)
