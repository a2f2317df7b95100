"""How far a copy or a backup of the event store is, and what it copied."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from app.cli.terminal.status_line import StatusLine
from app.event_store.copies.copy import Copied, EndpointError, Phase, Show
from app.runtime.observability.logging import in_short
from app.runtime.servers.stopping import StopSignal


@contextmanager
def copying(source: str, target: str, *, is_quiet: bool) -> Iterator[Show]:
    """A function that shows how far a copy is, and says whether to continue: not after a signal.

    Exits with 3 if the source or the target fails, and says which option or setting names it.
    """
    with StopSignal() as stop, StatusLine(at_once=True) as line:

        def show(phase: Phase, position: int, newest: int) -> bool:
            if not is_quiet:
                line.progress(phase, position, newest, "positions")
            return not stop.is_set()

        try:
            yield show
        except EndpointError as error:
            why, name = in_short(error.__cause__ or error), {"source": source, "target": target}[error.side]
            again = f"Check {name}, and run the same command again."
            typer.echo(f"The {error.side} failed: {why}. {again}", err=True)
            raise typer.Exit(3) from error


def table_lines(copied: Copied) -> str:
    return "\n".join(
        f"  {name:<22}{each.rows:>14,} rows  SHA-256 {each.sha256}" for name, each in copied.tables.items()
    )
