"""``billie project``: run the projections."""

from contextlib import closing
from typing import Annotated

import typer

from app.cli.terminal.configured import settings_for
from app.cli.terminal.job import chosen
from app.cli.terminal.status_line import StatusLine
from app.operations.servers import Servers
from app.operations.status.metrics import ProjectionMetrics
from app.runtime.bootstrap import Project, running
from app.runtime.observability.metrics import Role


def command(
    names: Annotated[list[str] | None, typer.Argument(help="The projections to run; all if none.")] = None,
    drain: Annotated[bool, typer.Option("--drain", help="Until caught up, then exit.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stall a read model when one of its documents cannot follow.")
    ] = False,
) -> None:
    """Fold events into the MongoDB collections, and follow the event store."""
    settings = settings_for("project")
    chosen(settings, names, all_of_them=not names)
    status = StatusLine()

    def show(positions: dict[str, int], newest: int) -> None:
        behind = ", ".join(f"{name} {newest - position:,}" for name, position in positions.items())
        status.show(f"Events to go: {behind}")

    with (
        status,
        closing(Servers(settings)) as servers,
        running(settings, Role.PROJECT, ProjectionMetrics(servers)) as process,
    ):
        role = Project(process, names or (), strict=strict, takes_jobs=not drain)
        role.run(drain=drain, on_progress=show if drain else None)
    if drain and process.stop.is_set():
        typer.echo("Stopped before it caught up: run `billie project --drain` again.", err=True)
        raise typer.Exit(1)
    if drain:
        typer.echo("Caught up.")
