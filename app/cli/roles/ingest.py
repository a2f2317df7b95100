"""``billie ingest``: consume the inbox stream."""

from typing import Annotated

import typer

from app.cli.terminal.configured import settings_for
from app.cli.terminal.status_line import StatusLine
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.parsers import load_parsers
from app.operations.status.metrics import InboxMetrics
from app.runtime.bootstrap import Ingest, running
from app.runtime.observability.metrics import Role


def command(
    drain: Annotated[
        bool, typer.Option("--drain", help="Until nothing is new or pending, then exit.")
    ] = False,
) -> None:
    """Turn the stream's messages into domain events."""
    settings = settings_for("ingest")
    parsers = load_parsers(CATALOGUE)
    inbox = InboxMetrics(settings)
    taken, dead, status = 0, 0, StatusLine()

    def count(entries: int, dead_letters: int) -> None:
        nonlocal taken, dead
        taken += entries
        dead += dead_letters
        if drain:
            status.show(f"{taken:,} entries taken")

    with status, running(settings, Role.INGEST, inbox, more=inbox.source) as process:
        Ingest(process, parsers).run(drain=drain, on_progress=count)
    if drain:
        typer.echo(f"{taken:,} entries taken from {settings.inbox_stream}, {dead:,} of them dead letters.")
        if process.stop.is_set():
            typer.echo("Stopped before all was taken: run `billie ingest --drain` again.", err=True)
            raise typer.Exit(1)
