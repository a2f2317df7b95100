"""``billie token``: a token for development."""

from typing import Annotated

import typer

from app.api.auth.development_tokens import issue_token
from app.api.auth.roles import Role
from app.cli.terminal.configured import settings_for
from app.errors import UsageError


def command(
    role: Annotated[Role, typer.Option(help="What they may do.")],
    user: Annotated[str | None, typer.Option(help="Who the token is for.")] = None,
    machine: Annotated[str | None, typer.Option(help="The machine that it is for, instead.")] = None,
    hours: Annotated[float, typer.Option(help="How long it is good.", min=0.01, max=24 * 30)] = 8,
) -> None:
    """Print a bearer token, signed with BILLIE_JWT_SECRET."""
    name = user if machine is None else machine
    if name is None or (user is not None and machine is not None):
        raise UsageError("Give --user, or --machine, and not both")
    typer.echo(issue_token(settings_for("token"), name, role, hours, for_machine=machine is not None))
