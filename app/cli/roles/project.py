"""``billie project``: run the projections."""

from contextlib import closing
from typing import Annotated

import typer
from pymongo.errors import PyMongoError

from app.cli.terminal.configured import settings_for
from app.cli.terminal.errors import unreachable
from app.cli.terminal.status_line import StatusLine
from app.event_store.errors import EVENT_STORE_ERRORS
from app.operations.servers import Servers
from app.operations.status.metrics import ProjectionMetrics
from app.projections.engine.faults import ProjectionFault
from app.projections.read_models.catalogue import all_projections
from app.runtime.bootstrap import Project, running
from app.runtime.observability.metric import Role


def command(
    names: Annotated[list[str] | None, typer.Argument(help="The projections to run; all if none.")] = None,
    drain: Annotated[bool, typer.Option("--drain", help="Until caught up, then exit.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stall a read model when one of its documents cannot follow.")
    ] = False,
) -> None:
    """Fold events into the MongoDB collections, and follow the event store."""
    settings = settings_for("project")
    known = all_projections(settings)
    if unknown := [name for name in names or () if name not in known]:
        typer.echo(f"Unknown projection: {', '.join(unknown)}. Choose from {', '.join(known)}.", err=True)
        raise typer.Exit(2)
    status = StatusLine()

    def show(positions: dict[str, int], newest: int) -> None:
        behind = ", ".join(f"{name} {newest - position:,}" for name, position in positions.items())
        status.show(f"Events to go: {behind}")

    with (
        closing(Servers(settings)) as servers,
        running(settings, Role.PROJECT, ProjectionMetrics(servers)) as process,
    ):
        try:
            role = Project(process, names or (), strict=strict, takes_jobs=not drain)
            role.run(drain=drain, on_progress=show if drain else None)
        except ProjectionFault as error:
            status.end()
            typer.echo(f"{error}. Its position stays before that event.", err=True)
            raise typer.Exit(1) from error
        except (*EVENT_STORE_ERRORS, PyMongoError) as error:
            status.end()
            raise unreachable(error, "BILLIE_MONGO_URL", "BILLIE_EVENT_STORE_URL") from error
    status.end()
    if drain and process.stop.is_set():
        typer.echo("Stopped before it caught up: run `billie project --drain` again.", err=True)
        raise typer.Exit(1)
    if drain:
        typer.echo("Caught up.")
