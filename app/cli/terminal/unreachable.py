"""A server that a command needs is away: what to say, and the exit code."""

import typer

from app.privacy.master_keys import MasterKeyError
from app.runtime.observability.logging import in_short


def unreachable(error: BaseException, *settings: str) -> typer.Exit:
    """Say which, and which settings to look at. The exit to raise: code 3; 2 for a wrong master key."""
    if isinstance(error, MasterKeyError):
        typer.echo(f"{error}.", err=True)
        return typer.Exit(2)
    typer.echo(f"A server cannot be reached: {in_short(error)}. Check {' and '.join(settings)}.", err=True)
    return typer.Exit(3)
