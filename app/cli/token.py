"""``billie token``: a token for development."""

from typing import Annotated

import typer

from app.api.auth import Role, issue_token
from app.runtime.settings import get_settings


def command(
    user: Annotated[str, typer.Option(help="Who the token is for.")],
    role: Annotated[Role, typer.Option(help="What they may do.")],
    hours: Annotated[float, typer.Option(help="How long it is good.", min=0.01, max=24 * 30)] = 8,
) -> None:
    """Print a bearer token, signed with BILLIE_JWT_SECRET."""
    try:
        typer.echo(issue_token(get_settings(), user, role, hours))
    except ValueError as error:
        typer.echo(f"{error}.", err=True)
        raise typer.Exit(2) from error
