"""``billie status``: how the pipeline is."""

from contextlib import closing
from typing import Annotated

import typer

from app.cli.terminal.configured import settings_for
from app.cli.terminal.status_page import page
from app.operations.servers import Servers
from app.operations.status.status import status


def command(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, as of GET /v1/status.")] = False,
) -> None:
    """Show stream, consumers, dead letters, positions and ledger: exit 1 on problems, 3 on a server away."""
    with closing(Servers(settings_for("status"))) as servers:
        now = status(servers)
    typer.echo(now.model_dump_json(by_alias=True) if as_json else page(now))
    if now.away:
        raise typer.Exit(3)
    if now.problems:
        raise typer.Exit(1)
