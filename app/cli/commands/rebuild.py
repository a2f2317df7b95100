"""``billie rebuild``: rebuild read models from their events, while the live ones are used."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import Annotated

import typer
from pymongo.errors import PyMongoError

from app.cli.terminal.configured import StopAtEof, settings_for
from app.cli.terminal.job import Report, chosen, job
from app.errors import UsageError
from app.event_store.errors import EVENT_STORE_ERRORS
from app.projections.engine.faults import ProjectionFault
from app.projections.engine.leases import StoppedError
from app.projections.engine.projection import Projection
from app.projections.rebuild.one_document import rebuild_document
from app.projections.rebuild.outcome import Outcome, Progress
from app.projections.rebuild.run import discard_rebuild, estimate, run_rebuilds
from app.projections.rebuild.shadow import Phase
from app.runtime.humanize import counted, span


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
    stop_at_eof: StopAtEof = False,
) -> None:
    """Rebuild read models from the events, with no downtime: beside the live ones, then swapped."""
    settings = settings_for("rebuild")
    projections = chosen(settings, names, all_of_them=all_of_them)
    if identifier is not None and len(projections) != 1:
        raise UsageError("--id takes the name of one read model")
    with (
        job("rebuild", settings, as_json=as_json, stop_at_eof=stop_at_eof) as running,
        _explained(projections, running.report),
    ):
        stop, database, servicing, report = running
        if dry_run:
            for one in estimate(projections, servicing, database):
                typer.echo(
                    f"{one.name}: {counted(one.events, 'event')} to read, some "
                    f"{counted(one.documents, 'document')} to write, about {span(one.seconds)} "
                    f"({one.basis})."
                )
        elif discard:
            for projection in projections:
                done = "discarded" if discard_rebuild(projection, database, stop) else "nothing to discard"
                typer.echo(f"{projection.name}: {done}.")
        elif identifier is not None:
            name, begun = projections[0].name, monotonic()
            if not rebuild_document(projections[0], servicing, database, identifier, stop):
                typer.echo(f"{name}: no events for {identifier}; the document does not exist.", err=True)
                raise typer.Exit(1)
            typer.echo(f"{name}: document {identifier} rebuilt, in {span(monotonic() - begun)}.")
        else:
            show = partial(_show, report, {})
            for each in run_rebuilds(
                projections, servicing, database, stop, show, strict=strict, resume=resume
            ):
                _say_done(each, report)


@contextmanager
def _explained(projections: list[Projection], report: Report) -> Iterator[None]:
    """Says what a person can do about an error."""
    unchanged = "The live collections are unchanged"
    which = " ".join(each.name for each in projections)
    try:
        yield
    except StoppedError:
        typer.echo(
            f"Stopped. {unchanged}. `billie rebuild {which} --resume` continues, `billie rebuild {which} "
            "--discard` drops what is done.",
            err=True,
        )
        raise
    except ProjectionFault as error:
        report.say(error=str(error))
        typer.echo(
            f"{error}. {unchanged}. Fix the cause and rebuild again, or set that document aside with "
            "--no-strict.",
            err=True,
        )
        raise typer.Exit(1) from error
    except (*EVENT_STORE_ERRORS, PyMongoError):
        typer.echo(f"{unchanged}; --resume continues.", err=True)
        raise


def _show(report: Report, written: dict[str, int], progress: Progress) -> None:
    if report.as_json:
        report.report(progress)
        return
    name, phase = progress.projection, progress.phase
    written[name] = progress.documents
    label = "fold" if phase is Phase.FOLD else f"{phase.replace('_', ' ')} {name}"
    more = f", {sum(written.values()):,} documents written"
    report.progress(label, progress.position, progress.newest, "events", more)


def _say_done(done: Outcome, report: Report) -> None:
    report.say(
        f"{done.projection}: {counted(done.documents, 'document')} of {counted(done.events, 'event')}, "
        f"at position {done.position:,}, in {span(done.seconds)}.",
        outcome=done.model_dump(exclude_none=True),
    )
