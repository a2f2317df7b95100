"""``billie demo``: everything on embedded servers, with a simulated lender."""

import os
from pathlib import Path
from typing import Annotated

import typer

from app.cli.terminal.configured import settings_for
from app.cli.terminal.status_line import StatusLine
from app.demo.run import demo, servers_only
from app.errors import UsageError
from app.runtime.servers.stopping import StopSignal


def command(
    data: Annotated[Path, typer.Option(help="Where the demo keeps its data.")] = Path("var/demo"),
    customers: Annotated[int, typer.Option(help="Customers of the first burst.", min=1, max=2_000)] = 40,
    rate: Annotated[float, typer.Option(help="Entries a second after the burst.", min=0.01, max=1_000)] = 2.0,
    seconds: Annotated[
        float | None, typer.Option("--for", help="Stop by itself after so many seconds.", min=0.1)
    ] = None,
    only_servers: Annotated[
        bool, typer.Option("--servers-only", help="Redis, MongoDB and the ledger alone, to practise outages.")
    ] = False,
) -> None:
    """Run the whole system on this machine. Ctrl-C stops it; twice stops it hard."""
    settings_for("demo")
    status = StatusLine(at_once=True)
    os.umask(0o077)  # The demo's data is as personal as real data would be.
    with status, StopSignal() as stop:
        try:
            if only_servers:
                servers_only(data, stop)
            else:
                demo(data, customers, rate, stop, seconds, status.show)
        except OSError as error:
            if error.filename is None:
                raise
            raise UsageError(f"--data: {error.filename} cannot be used: {error.strerror}") from error
        except KeyboardInterrupt as interrupt:
            status.end()
            typer.echo("Stopped hard.", err=True)
            raise typer.Exit(1) from interrupt
    typer.echo("Stopped. The data is kept: the next demo goes on with it.")
