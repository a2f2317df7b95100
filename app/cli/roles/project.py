"""``billie project``: run the projectors."""

from contextlib import closing, nullcontext
from typing import Annotated

import typer
from pymongo.errors import PyMongoError

from app.cli.terminal.configured import settings_for
from app.cli.terminal.errors import unreachable
from app.cli.terminal.measured import measured
from app.cli.terminal.status_line import StatusLine
from app.event_store.errors import EVENT_STORE_ERRORS
from app.operations.servers import Servers
from app.operations.status.metrics import ProjectionMetrics
from app.projections.engine.faults import ProjectionFault
from app.projections.jobs.runner import jobs_run
from app.projections.read_models.catalogue import all_projections
from app.projections.worker import run
from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.observability.logging import configure_logging
from app.runtime.observability.metric import Role
from app.runtime.observability.tracing import tracing
from app.runtime.servers.gc_tuning import favour_throughput
from app.runtime.servers.stopping import StopSignal


def command(
    names: Annotated[list[str] | None, typer.Argument(help="The projections to run; all if none.")] = None,
    drain: Annotated[bool, typer.Option("--drain", help="Until caught up, then exit.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="A document that cannot follow stops its read model.")
    ] = False,
) -> None:
    """Fold events into the MongoDB collections, and follow the event store."""
    settings = settings_for("project")
    known = all_projections(settings)
    if unknown := [name for name in names or () if name not in known]:
        typer.echo(f"No projection {', '.join(unknown)}: there are {', '.join(known)}.", err=True)
        raise typer.Exit(2)
    configure_logging("project", settings.log_format)
    favour_throughput()
    status = StatusLine()

    def show(positions: dict[str, int], newest: int) -> None:
        behind = ", ".join(f"{name} {newest - position:,}" for name, position in positions.items())
        status.show(f"Events to go: {behind}")

    heartbeats = Heartbeats()
    with (
        closing(Servers(settings)) as servers,
        measured(settings, Role.PROJECT, ProjectionMetrics(servers), heartbeats=heartbeats),
        tracing(settings, Role.PROJECT) as traced,
        StopSignal() as stop,
        nullcontext() if drain else jobs_run(settings, heartbeats),
    ):
        try:
            on_progress = show if drain else None
            run(
                settings,
                names or (),
                drain=drain,
                strict=strict,
                stop=stop,
                on_progress=on_progress,
                heartbeats=heartbeats,
                tracing=traced,
            )
        except ProjectionFault as error:
            status.end()
            typer.echo(f"{error}. Its position was not moved past that.", err=True)
            raise typer.Exit(1) from error
        except (*EVENT_STORE_ERRORS, PyMongoError) as error:
            status.end()
            raise unreachable(error, "BILLIE_MONGO_URL", "BILLIE_EVENT_STORE_URL") from error
    status.end()
    if drain and stop.is_set():
        typer.echo("It was stopped before it had caught up: `billie project --drain` goes on.", err=True)
        raise typer.Exit(1)
    if drain:
        typer.echo("Caught up.")
