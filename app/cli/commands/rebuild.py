"""``billie rebuild``: fold read models anew from the events, while the live ones are read and followed."""

from contextlib import closing
from time import monotonic
from typing import Annotated, Any

import typer
from pymongo.database import Database
from pymongo.errors import PyMongoError

from app.cli.terminal.chosen import chosen
from app.cli.terminal.configured import settings_for
from app.cli.terminal.errors import unreachable
from app.cli.terminal.rebuild_progress import RebuildProgress
from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.projections.engine.faults import ProjectionFault
from app.projections.engine.leases import LeaseLostError, StoppedError
from app.projections.engine.projection import Projection
from app.projections.rebuild.estimate import estimate
from app.projections.rebuild.one_document import rebuild_document
from app.projections.rebuild.run import RebuildRunsError, discard_rebuild, run_rebuilds
from app.runtime.humanize import counted, span
from app.runtime.observability.logging import configure_logging
from app.runtime.servers.clients import mongo_client
from app.runtime.servers.gc_tuning import favour_throughput
from app.runtime.servers.stopping import StopSignal


def command(
    names: Annotated[list[str] | None, typer.Argument(help="The read models to rebuild.")] = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="All, in one pass over the events.")] = False,
    identifier: Annotated[
        str | None, typer.Option("--id", help="Rebuild this one document of one read model, in its place.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from where an unfinished rebuild was kept.")
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Drop what an unfinished rebuild left, and do no more.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell events, documents and expected time, and do no more.")
    ] = False,
    strict: Annotated[
        bool, typer.Option(help="Stop at an event that cannot be folded, or set its document aside.")
    ] = True,
) -> None:
    """Rebuild read models from the events, with no downtime: beside the live ones, then swapped."""
    settings = settings_for("rebuild")
    projections = chosen(settings, names, all_of_them=all_of_them)
    if identifier is not None and len(projections) != 1:
        typer.echo("--id goes with the name of one read model.", err=True)
        raise typer.Exit(2)
    configure_logging("rebuild", settings.log_format)
    favour_throughput()
    client = mongo_client(settings)
    with StopSignal() as stop, closing(client):
        database = client[settings.mongo_db]
        try:
            with closing(Servicing.of(settings)) as servicing:
                if dry_run:
                    for line in estimate(projections, servicing, database):
                        typer.echo(line)
                elif discard:
                    for each in projections:
                        done = "discarded" if discard_rebuild(each, database, stop) else "nothing to discard"
                        typer.echo(f"{each.name}: {done}.")
                elif identifier is not None:
                    _one(projections[0], servicing, database, identifier, stop)
                else:
                    _whole(projections, servicing, database, stop, resume=resume, strict=strict)
        except (RebuildRunsError, LeaseLostError) as error:
            typer.echo(f"{error}.", err=True)
            raise typer.Exit(1) from error
        except StoppedError as error:
            which = " ".join(each.name for each in projections)
            typer.echo(
                f"Stopped. The live collections are as they were. `billie rebuild {which} --resume` goes on, "
                f"`billie rebuild {which} --discard` drops what is done.",
                err=True,
            )
            raise typer.Exit(1) from error
        except ProjectionFault as error:
            typer.echo(
                f"{error}. The live collections are as they were. Mend what fails and rebuild again, or "
                "--no-strict sets that document aside and goes on.",
                err=True,
            )
            raise typer.Exit(1) from error
        except (*EVENT_STORE_ERRORS, PyMongoError) as error:
            typer.echo("The live collections are as they were; --resume goes on.", err=True)
            raise unreachable(error, "BILLIE_MONGO_URL", "BILLIE_EVENT_STORE_URL") from error


def _whole(
    projections: list[Projection],
    servicing: Servicing,
    database: Database[dict[str, Any]],
    stop: StopSignal,
    *,
    resume: bool,
    strict: bool,
) -> None:
    begun = monotonic()
    with RebuildProgress([each.name for each in projections]) as progress:
        done = run_rebuilds(
            projections, servicing, database, stop, progress.show, strict=strict, resume=resume
        )
    for each in done:
        typer.echo(
            f"{each.name}: {counted(each.documents, 'document')} of {counted(each.events, 'event')}, "
            f"at position {each.position:,}, in {span(each.seconds)}."
        )
    if len(done) > 1:
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
        typer.echo(
            f"{projection.name}: the events know no document {identifier}; there is none now.", err=True
        )
        raise typer.Exit(1)
