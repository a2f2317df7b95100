"""``billie ingest``: consume the inbox stream."""

from typing import Annotated

import typer
from redis.exceptions import RedisError

from app.cli.terminal.configured import settings_for
from app.cli.terminal.errors import unreachable
from app.cli.terminal.measured import measured
from app.cli.terminal.status_line import StatusLine
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.parsers import load_parsers
from app.ingestion.stream.consumer import run
from app.operations.status.metrics import InboxMetrics
from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.observability.logging import configure_logging
from app.runtime.observability.metric import Role
from app.runtime.observability.tracing import tracing
from app.runtime.servers.gc_tuning import favour_throughput
from app.runtime.servers.stopping import StopSignal


def command(
    drain: Annotated[
        bool, typer.Option("--drain", help="Until nothing is new or pending, then exit.")
    ] = False,
) -> None:
    """Turn the stream's messages into domain events."""
    settings = settings_for("ingest")
    configure_logging("ingest", settings.log_format)
    favour_throughput()
    parsers = load_parsers(CATALOGUE)
    taken, dead, status = 0, 0, StatusLine()

    def count(entries: int, set_aside: int) -> None:
        nonlocal taken, dead
        taken += entries
        dead += set_aside
        if drain:
            status.show(f"{taken:,} entries taken")

    inbox, heartbeats = InboxMetrics(settings), Heartbeats()
    serving = measured(settings, Role.INGEST, inbox, heartbeats=heartbeats, more=inbox.source)
    with serving, tracing(settings, Role.INGEST) as traced, StopSignal() as stop:
        try:
            run(
                settings,
                drain=drain,
                stop=stop,
                on_progress=count,
                parsers=parsers,
                heartbeats=heartbeats,
                tracing=traced,
            )
        except (*EVENT_STORE_ERRORS, RedisError) as error:
            status.end()
            raise unreachable(error, "BILLIE_REDIS_URL", "BILLIE_EVENT_STORE_URL") from error
    status.end()
    if drain:
        typer.echo(f"{taken:,} entries taken from {settings.inbox_stream}, {dead:,} of them set aside.")
        if stop.is_set():
            typer.echo("It was stopped before all was taken: `billie ingest --drain` goes on.", err=True)
            raise typer.Exit(1)
