"""A server that a command needs is away: what to say, and the exit code."""

import typer

from app.runtime.logging import in_short


def unreachable(error: BaseException, *settings: str) -> typer.Exit:
    """Say which, and which settings to look at. The exit to raise: code 3."""
    typer.echo(f"A server cannot be reached: {in_short(error)}. Check {' and '.join(settings)}.", err=True)
    return typer.Exit(3)
